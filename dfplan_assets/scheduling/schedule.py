"""The order of a run, from its tasks and from what past runs cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.errors import InputError
from dfplan_assets.scheduling.cost_model import estimate
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import (
    Estimate,
    MeasuredRun,
    OperatorCost,
    Schedule,
    Slot,
    Task,
    Timeline,
)
from dfplan_assets.scheduling.parallelism import decide
from dfplan_assets.scheduling.priorities import Chains, Urgency, rank, small_integers
from dfplan_assets.scheduling.search import NEARLY_CERTAIN, Budget, best_order
from dfplan_assets.scheduling.simulate import lower_bound, run
from dfplan_assets.scheduling.trial import in_order

Order = Literal["measured", "static", "off"]

# A normal distribution's quartiles are this many standard deviations apart.
_QUARTILES_APART = 1.349
_LARGEST_SPREAD = 1.0
_SEARCHED = "ahead of longer ones, as the simulated run is shorter that way"
_WORK_WAITS = "ahead of longer ones, as more work waits for it"


def schedule(
    tasks: Sequence[Task],
    runs: Iterable[MeasuredRun],
    operator_costs: Sequence[OperatorCost] = (),
    *,
    order: Order = "measured",
    workers: int | None = None,
    cores: int,
    memory_limit_bytes: int | None = None,
    partitions: int | None = None,
    history_runs: int = 10,
    group_below_seconds: float = 0.05,
    search_seconds: float = 0.2,
) -> Schedule:
    """The order in which the tasks of one run should start, and the timeline that it leads to.

    ``runs`` are past runs of any view, in any order. ``workers`` is how many views may run at once, None
    to decide it from the measurements; ``cores`` and ``memory_limit_bytes`` are what this machine gives
    the engine, ``partitions`` its configured ``target_partitions``. ``history_runs`` are looked at for
    each view. Chains of views that are expected to take less than ``group_below_seconds`` each run back
    to back. About ``search_seconds`` go into looking for a better order than by longest remaining path, where
    estimates are certain enough for that.

    With ``static`` tasks are ordered by the number of views on the longest path behind them, with ``off``
    they stay in the order they are given in; costs are estimated all the same, for the timeline.

    Raises InputError for a task that is given twice or less than one worker, CycleError for tasks that
    depend on each other in a circle. No history is an error.
    """
    by_name = {task.name: task for task in tasks}
    if len(by_name) < len(tasks):
        twice = [name for name, count in Counter(task.name for task in tasks).items() if count > 1]
        raise InputError("schedule: tasks", f"given twice: {', '.join(twice)}", "Give each task once.")
    graph = TaskGraph.of({task.name: task.upstream for task in tasks})
    known = estimate(tasks, runs, operator_costs, history_runs=history_runs, cores=cores)
    estimates = [known[name] for name in graph.names]
    parallelism = decide(
        tasks,
        estimates,
        configured=workers,
        cores=cores,
        memory_limit_bytes=memory_limit_bytes,
        partitions=partitions,
    )
    at_once = parallelism.workers
    seconds = [found.seconds for found in estimates]
    urgency = Urgency.of(graph, by_name, inherited=order != "off")
    reasons = list(parallelism.reasons)
    chains = Chains({}, graph, tuple(range(len(graph.names))))
    unit, ahead_words = "s", ""
    levels: list[float] | None = graph.bottom_levels(seconds)
    if order == "measured":
        chains = Chains.of(graph, estimates, urgency.levels, group_below_seconds)
        budget = Budget.of_seconds(search_seconds)
        spread = _mean_spread(estimates)
        heads = _measured_order(chains, estimates, spread, urgency, at_once, budget)
        reasons += _words(estimates, spread, chains)
        ahead_words = _SEARCHED if spread <= NEARLY_CERTAIN else _WORK_WAITS
    elif order == "static":
        unit, levels = "views", graph.bottom_levels([1.0] * len(seconds))
        heads = in_order([-level for level in levels], graph)
        reasons.append("ordered by the graph alone: the longest path of views first")
    else:
        levels = None
        given = {task.name: place for place, task in enumerate(tasks)}
        heads = sorted(range(len(seconds)), key=lambda task: given[graph.names[task]])
        reasons.append("not ordered: views run as they depend on each other")
    if order != "measured":
        heads.sort(key=lambda task: -urgency.levels[task])
    places = [task for head in heads for task in chains.members(head)]
    in_place = [urgency.levels[task] for task in places]
    ranked, critical_path = rank(
        graph,
        by_name,
        estimates,
        places,
        urgency=urgency,
        chains=chains.behind,
        priorities=in_place if order == "off" else small_integers(in_place),
        levels=levels,
        unit=unit,
        ahead_words=ahead_words,
    )
    return Schedule(
        workers=at_once,
        ranked=ranked,
        critical_path=critical_path,
        timeline=_timeline(graph, chains, seconds, heads, at_once),
        reasons=tuple(reasons),
    )


@dataclass(frozen=True)
class Saving:
    """What a run would gain if one view took no time at all.

    ``seconds`` is what the view is expected to take, ``makespan_seconds`` by how much the predicted run
    would be shorter on its workers, ``critical_path_seconds`` by how much on any number of workers.
    """

    name: str
    seconds: float
    makespan_seconds: float
    critical_path_seconds: float


def savings(schedule: Schedule, limit: int = 20) -> Sequence[Saving]:
    """What shortening a view would save, the most first.

    Looks at the ``limit`` views that take longest, those on the critical path before all others. The order
    of the run stays as it is; where a shorter view would make the run longer by accident (Graham's
    anomalies) nothing is saved.
    """
    by_name = {rank.task.name: rank for rank in schedule.ranked}
    graph = TaskGraph.of({name: found.task.upstream for name, found in by_name.items()})
    index = {name: place for place, name in enumerate(graph.names)}
    seconds = [by_name[name].estimate.seconds for name in graph.names]
    order = [index[found.task.name] for found in schedule.ranked]
    longest = max(graph.bottom_levels(seconds), default=0.0)
    makespan = run(graph, seconds, order, schedule.workers).makespan_seconds
    most = sorted(
        range(len(seconds)),
        key=lambda task: (not by_name[graph.names[task]].critical, -seconds[task], graph.names[task]),
    )
    found = []
    for task in most[:limit]:
        without = seconds[:]
        without[task] = 0.0
        shorter = run(graph, without, order, schedule.workers).makespan_seconds
        path = max(graph.bottom_levels(without), default=0.0)
        found.append(
            Saving(graph.names[task], seconds[task], max(0.0, makespan - shorter), max(0.0, longest - path))
        )
    return sorted(found, key=lambda row: (-row.makespan_seconds, -row.critical_path_seconds, row.name))


def _measured_order(
    chains: Chains,
    estimates: Sequence[Estimate],
    spread: float,
    urgency: Urgency,
    workers: int,
    budget: Budget,
) -> list[int]:
    """The condensed graph's tasks in the best order that the budget finds."""
    seconds = [
        math.fsum(estimates[member].seconds for member in chains.members(task))
        for task in range(len(chains.heads))
    ]
    wanted = [urgency.levels[head] for head in chains.heads]
    if all(found.kind == "topology" for found in estimates):
        budget = Budget(0, 0.0)  # what was never measured is no reason to look closely
    return best_order(chains.condensed, seconds, workers, budget, spread=spread, urgency=wanted)


def _mean_spread(estimates: Sequence[Estimate]) -> float:
    """How uncertain costs are, by their seconds: of views that hardly take time it does not matter."""
    total = math.fsum(found.seconds for found in estimates)
    return math.fsum(found.seconds * _spread(found) for found in estimates) / total if total else 0.0


def _spread(estimate: Estimate) -> float:
    """The standard deviation of the logarithm of the true cost over the estimate."""
    if not 0 < estimate.low_seconds <= estimate.high_seconds < math.inf:
        return 0.0
    apart = math.log(estimate.high_seconds / estimate.low_seconds)
    return min(_LARGEST_SPREAD, apart / _QUARTILES_APART)


def _timeline(
    graph: TaskGraph, chains: Chains, seconds: Sequence[float], heads: Sequence[int], workers: int
) -> Timeline:
    """The predicted run: each chain as one task on its worker, then told task by task."""
    if not chains.behind:
        return run(graph, seconds, heads, workers)
    costs = [
        math.fsum(seconds[member] for member in chains.members(task)) for task in range(len(chains.heads))
    ]
    condensed = run(chains.condensed, costs, heads, workers)
    index: Mapping[str, int] = {name: place for place, name in enumerate(chains.condensed.names)}
    slots = []
    for slot in condensed.slots:
        now = slot.start_seconds
        for member in chains.members(index[slot.name]):
            end = now + seconds[member]
            slots.append(Slot(graph.names[member], slot.worker, now, end))
            now = end
    slots.sort(key=lambda slot: slot.start_seconds)
    return Timeline(
        condensed.makespan_seconds,
        lower_bound(graph, seconds, workers),
        tuple(slot.name for slot in slots),
        tuple(slots),
    )


def _words(estimates: Sequence[Estimate], spread: float, chains: Chains) -> list[str]:
    """What the order was made from, a line each."""
    if not estimates:
        return []
    if all(found.kind == "topology" for found in estimates):
        return ["nothing was measured yet: ordered by the longest path through the graph"]
    counts = Counter(found.kind for found in estimates)
    known = counts["history"] + counts["scaled"]
    words = [f"longest remaining path first, from the measured time of {known} of {len(estimates)} views"]
    words.append(
        "costs are steady, so a shorter run was looked for by simulation"
        if spread <= NEARLY_CERTAIN
        else "costs vary too much for a closer look; what more work waits for goes a little earlier"
    )
    if counts["operators"]:
        words.append(f"without history, estimated from their plans: {counts['operators']}")
    if counts["topology"]:
        words.append(f"without history and measured operators, taken as typical: {counts['topology']}")
    if chains.behind:
        members = sum(map(len, chains.behind.values())) + len(chains.behind)
        words.append(f"short views that run in chains, back to back: {members} in {len(chains.behind)}")
    return words
