"""Places in the order of a run: urgency, chains, slack, and a reason for each that a person can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import Estimate, Ranked, Task

_EQUAL = 1e-9
"""Levels that differ by less than this share of the critical path are equal but for rounding."""


@dataclass(frozen=True)
class Urgency:
    """What users ask for, by index of task: ``levels`` as they count, ``wanted_by`` whose wish it is.

    A task that a more urgent one waits for is as urgent as that one; otherwise the wish would have no
    effect while the view waits. A wish to run late stays with its own view.
    """

    levels: tuple[int, ...]
    wanted_by: tuple[int | None, ...]

    @classmethod
    def of(cls, graph: TaskGraph, tasks: Mapping[str, Task], *, inherited: bool = True) -> Urgency:
        """The urgency of each task, 0 where nobody asked; ``inherited`` from urgent tasks behind, or not."""
        levels = [tasks[name].user_priority or 0 for name in graph.names]
        wanted_by: list[int | None] = [
            index if tasks[name].user_priority is not None else None for index, name in enumerate(graph.names)
        ]
        for task in reversed(graph.topological if inherited else ()):
            for other in graph.downstream[task]:
                if levels[other] > max(0, levels[task]):
                    levels[task], wanted_by[task] = levels[other], wanted_by[other]
        return cls(tuple(levels), tuple(wanted_by))


@dataclass(frozen=True)
class Chains:
    """Tasks that run back to back: ``behind`` has, for each first task of a chain, those behind it.

    ``condensed`` is the graph of the first tasks and of all others, each chain as one task.
    """

    behind: Mapping[int, tuple[int, ...]]
    condensed: TaskGraph
    heads: tuple[int, ...]

    @classmethod
    def of(
        cls,
        graph: TaskGraph,
        estimates: Sequence[Estimate],
        urgency: Sequence[int],
        below_seconds: float,
    ) -> Chains:
        """The chains of a graph whose tasks are all measured and take less than ``below_seconds`` each.

        In a chain each task is the only one that waits for the one before it, and waits for no other.
        """
        cheap = [found.kind in ("history", "scaled") and found.seconds < below_seconds for found in estimates]
        next_of: dict[int, int] = {}
        for task, below in enumerate(graph.downstream):
            if len(below) == 1 and cheap[task] and cheap[below[0]]:
                other = below[0]
                if graph.upstream[other] == (task,) and urgency[task] == urgency[other]:
                    next_of[task] = other
        followers = set(next_of.values())
        behind: dict[int, tuple[int, ...]] = {}
        head_of = list(range(len(graph.names)))
        for head in next_of.keys() - followers:
            members, task = [], head
            while task in next_of:
                task = next_of[task]
                members.append(task)
                head_of[task] = head
            behind[head] = tuple(members)
        if not behind:
            return cls({}, graph, tuple(range(len(graph.names))))
        upstream = {
            graph.names[head]: [graph.names[head_of[other]] for other in graph.upstream[head]]
            for head in range(len(graph.names))
            if head not in followers
        }
        index = {name: place for place, name in enumerate(graph.names)}
        condensed = TaskGraph.of(upstream)
        return cls(behind, condensed, tuple(index[name] for name in condensed.names))

    def members(self, condensed: int) -> tuple[int, ...]:
        """The tasks of the graph that one task of the condensed graph stands for, in order."""
        head = self.heads[condensed]
        return (head, *self.behind.get(head, ()))


def rank(
    graph: TaskGraph,
    tasks: Mapping[str, Task],
    estimates: Sequence[Estimate],
    order: Sequence[int],
    *,
    urgency: Urgency,
    chains: Mapping[int, tuple[int, ...]],
    priorities: Sequence[int],
    levels: Sequence[float] | None,
    unit: str,
    ahead_words: str,
) -> tuple[tuple[Ranked, ...], tuple[str, ...]]:
    """The tasks in ``order`` with all that is known of their place, and the names of one critical path.

    ``levels`` are the bottom levels that the order comes from, in ``unit`` (``s`` or ``views``); None where
    it does not come from any. ``ahead_words`` tell why a task may stand before one of a higher level.
    """
    seconds = [estimate.seconds for estimate in estimates]
    bottom, top = graph.bottom_levels(seconds), graph.top_levels(seconds)
    longest = max(bottom, default=0.0)
    ahead = _ahead(order, levels, urgency) if levels is not None else frozenset()
    behind = {
        task: members
        for head, all_ in chains.items()
        for task, members in zip(all_, (head, *all_), strict=False)
    }
    found = []
    for place, task in enumerate(order):
        slack = longest - top[task] - bottom[task]
        critical = slack <= _EQUAL * longest
        words = []
        wanted_by = urgency.wanted_by[task]
        if wanted_by is not None:
            level = urgency.levels[task]
            words.append(
                f"priority {level} asked for"
                if wanted_by == task
                else f"needed by {graph.names[wanted_by]}, whose priority is {level}"
            )
        if task in behind:
            words.append(f"runs right behind {graph.names[behind[task]]}")
        if levels is None:
            words.append("in the order of the plan")
        else:
            words.append(f"{_amount(levels[task], unit)} from its start to the end of the run")
        words.append("on the critical path" if critical else f"{slack:.3g} s slack")
        if task in ahead and task not in behind:
            words.append(ahead_words)
        found.append(
            Ranked(
                task=tasks[graph.names[task]],
                estimate=estimates[task],
                bottom_level_seconds=bottom[task],
                slack_seconds=0.0 if critical else slack,
                critical=critical,
                priority=priorities[place],
                chain=tuple(graph.names[other] for other in chains.get(task, ())),
                reason="; ".join(words),
            )
        )
    return tuple(found), tuple(graph.names[task] for task in critical_path(graph, bottom))


def critical_path(graph: TaskGraph, bottom_levels: Sequence[float]) -> list[int]:
    """One longest path through the graph, upstream first; of equal ones the first by name."""
    path: list[int] = []
    choice: Sequence[int] = [task for task, others in enumerate(graph.upstream) if not others]
    while choice:
        task = max(choice, key=lambda other: (bottom_levels[other], -other))
        path.append(task)
        choice = graph.downstream[task]
    return path


def small_integers(urgency: Sequence[int]) -> list[int]:
    """Priorities for tasks in order, given their urgencies: descending to 1, and from -1 for the unurgent.

    Steps that are no views have priority 0: below all views, but those that were asked to run late.
    """
    late = sum(level < 0 for level in urgency)
    return [*range(len(urgency) - late, 0, -1), *range(-1, -late - 1, -1)]


def _ahead(order: Sequence[int], levels: Sequence[float], urgency: Urgency) -> frozenset[int]:
    """The tasks with an equally urgent one of a higher level right behind them or later."""
    found = []
    highest: dict[int, float] = {}
    for task in reversed(order):
        level = urgency.levels[task]
        if highest.get(level, 0.0) > levels[task] * (1 + _EQUAL):
            found.append(task)
        highest[level] = max(highest.get(level, 0.0), levels[task])
    return frozenset(found)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _amount(level: float, unit: str) -> str:
    return f"{level:.3g} s" if unit == "s" else _count(round(level), "view")
