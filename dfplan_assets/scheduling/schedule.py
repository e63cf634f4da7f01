"""The order of a run, from tasks and what past runs cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.scheduling.cost_model import estimate, unit_estimate
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost, Ranked, Schedule, Task
from dfplan_assets.scheduling.search import Budget, best_order
from dfplan_assets.scheduling.simulate import run

Order = Literal["measured", "static", "off"]


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
    to back. At most ``search_seconds`` go into looking for a better order than by longest remaining path.

    Raises CycleError for tasks that depend on each other in a circle. No history is an error.
    """
    by_name = {task.name: task for task in tasks}
    graph = TaskGraph.of({task.name: task.upstream for task in tasks})
    if order == "measured":
        estimates = estimate(tasks, runs, operator_costs, history_runs=history_runs, cores=cores)
    else:
        estimates = dict.fromkeys(by_name, unit_estimate())
    seconds = [estimates[name].seconds for name in graph.names]
    places = best_order(graph, seconds, workers or cores, Budget.of_seconds(search_seconds))
    bottom, top = graph.bottom_levels(seconds), graph.top_levels(seconds)
    longest = max(bottom, default=0.0)
    ranked = []
    for place, index in enumerate(places):
        slack = max(0.0, longest - top[index] - bottom[index])
        name = graph.names[index]
        ranked.append(
            Ranked(
                task=by_name[name],
                estimate=estimates[name],
                bottom_level_seconds=bottom[index],
                slack_seconds=slack,
                critical=slack <= 1e-9 * longest,
                priority=len(places) - place,
                chain=(),
                reason=f"{bottom[index]:.3f} s to the end of the run",
            )
        )
    return Schedule(
        workers=workers or cores,
        ranked=tuple(ranked),
        critical_path=tuple(rank.task.name for rank in ranked if rank.critical),
        timeline=run(graph, seconds, places, workers or cores),
    )


@dataclass(frozen=True)
class Saving:
    """What a run would gain if one view took no time at all, in seconds.

    ``makespan_seconds`` of the predicted run on its workers, ``critical_path_seconds`` of the longest
    path through the graph.
    """

    name: str
    seconds: float
    makespan_seconds: float
    critical_path_seconds: float


def savings(schedule: Schedule) -> Sequence[Saving]:
    """What shortening a view would save, for each view of a schedule, the most first."""
    rows = [Saving(rank.task.name, rank.estimate.seconds, 0.0, 0.0) for rank in schedule.ranked]
    return sorted(rows, key=lambda row: (-row.makespan_seconds, -row.critical_path_seconds, row.name))
