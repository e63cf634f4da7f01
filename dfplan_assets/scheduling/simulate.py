"""What a run will look like: list scheduling on identical workers, event by event."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from dfplan_assets.errors import InputError
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import Slot, Timeline
from dfplan_assets.scheduling.search import Budget, best_order

_BUDGET = Budget(work=250_000, seconds=0.7)
_LONGEST_SECONDS = 1e12  # sums of more would no longer be exact, or finite
_SPREAD = 0.5
"""How far estimates are taken to be off: the standard deviation of the logarithm of cost over estimate."""


def simulate(
    costs: Mapping[str, float],
    upstream: Mapping[str, Iterable[str]],
    workers: int,
    estimates: Mapping[str, float] | None = None,
) -> Timeline:
    """The timeline of tasks that take ``costs`` seconds each, on that many identical workers.

    A task starts when its upstream tasks have ended and a worker is free; upstream names that are not
    in ``costs`` don't count. Among tasks that could start, the first in the best order that was found
    does. With ``estimates`` (seconds, for any of the tasks) that order is found from these, and the run
    takes ``costs``: what happens when estimates are wrong.

    Raises InputError for costs or estimates that are no numbers from 0 to 1e12, for estimates of unknown
    tasks, and for less than one worker; CycleError for tasks that depend on each other in a circle.

    >>> timeline = simulate(costs={"a": 3.0, "b": 1.0, "c": 2.0}, upstream={"b": ["a"]}, workers=2)
    >>> timeline.makespan_seconds, timeline.order
    (4.0, ('a', 'c', 'b'))
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(
            "simulate: workers", f"{workers!r} is no number of workers", "Give a whole number from 1."
        )
    graph = TaskGraph.of({name: _upstream_of(name, upstream) for name in costs})
    _refuse_bad_seconds("costs", costs)
    seconds = [float(costs[name]) for name in graph.names]
    expected = seconds
    if estimates is not None:
        unknown = sorted(set(estimates) - set(costs))
        if unknown:
            raise InputError(
                "simulate: estimates",
                f"no costs are given for {', '.join(unknown)}",
                "Give each task its cost, or leave its estimate out.",
            )
        _refuse_bad_seconds("estimates", estimates)
        expected = [float(estimates.get(name, costs[name])) for name in graph.names]
    spread = 0.0 if estimates is None else _SPREAD
    order = best_order(graph, expected, workers, _BUDGET, spread=spread)
    return run(graph, seconds, order, workers)


def run(graph: TaskGraph, seconds: Sequence[float], order: Sequence[int], workers: int) -> Timeline:
    """The timeline of a run in which a free worker takes the ready task that is first in ``order``.

    ``order`` holds every task's index once; workers are numbered, and the lowest free one is taken.
    """
    place = [0] * len(order)
    for position, task in enumerate(order):
        place[task] = position
    waiting_for = [len(others) for others in graph.upstream]
    ready = [place[task] for task, count in enumerate(waiting_for) if not count]
    heapify(ready)
    free = list(range(min(workers, len(order))))
    running: list[tuple[float, int, int]] = []
    slots: list[Slot] = []
    now = 0.0
    while ready or running:
        while ready and free:
            task, worker = order[heappop(ready)], heappop(free)
            end = now + seconds[task]
            slots.append(Slot(graph.names[task], worker, now, end))
            heappush(running, (end, task, worker))
        now = running[0][0]
        while running and running[0][0] == now:
            _, task, worker = heappop(running)
            heappush(free, worker)
            for other in graph.downstream[task]:
                waiting_for[other] -= 1
                if not waiting_for[other]:
                    heappush(ready, place[other])
    return Timeline(
        now, lower_bound(graph, seconds, workers), tuple(slot.name for slot in slots), tuple(slots)
    )


def lower_bound(graph: TaskGraph, seconds: Sequence[float], workers: int) -> float:
    """Seconds that no order can beat: max(work / workers, critical path)."""
    return max(math.fsum(seconds) / workers, max(graph.bottom_levels(seconds), default=0.0))


def _upstream_of(name: str, upstream: Mapping[str, Iterable[str]]) -> Iterable[str]:
    others = upstream.get(name, ())
    if isinstance(others, str):  # its letters would be taken for names
        raise InputError(
            f"simulate: upstream of {name}", f"{others!r} is one name, not a list", f"Write [{others!r}]."
        )
    return others


def _refuse_bad_seconds(what: str, seconds: Mapping[str, float]) -> None:
    for name, value in seconds.items():
        if not (isinstance(value, (int, float)) and 0 <= value <= _LONGEST_SECONDS):
            raise InputError(
                f"simulate: {what} of {name}",
                f"{value!r} is no time in seconds",
                "Give a number from 0 to 1e12.",
            )
