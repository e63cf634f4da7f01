"""The schedule of a selection of views, from their plans and what past runs cost."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

from dfplan_assets.forecast.measurements import Measurements
from dfplan_assets.forecast.tasks import tasks_of, with_shapes
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import Schedule, Task
from dfplan_assets.scheduling.schedule import Order, schedule
from dfplan_assets.scheduling.simulate import run

# Looking for a better order must not cost more than it can bring.
_MOST_SEARCH_SECONDS = 0.1
_SEARCH_SHARE = 0.02


def usable_cores() -> int:
    """How many cores the engine can use on this machine."""
    return os.cpu_count() or 1


def predict(
    plan: ProjectPlan, views: Collection[str], measurements: Measurements, *, workers: int | None
) -> Schedule:
    """The order and timeline of a run of these views and nothing else, from what they cost.

    ``workers`` is how many run at once, None to let the project's setting and then the measurements decide.
    """
    return predict_tasks(plan, tasks_of(plan, views), measurements, workers=workers, order="measured")


def predict_tasks(
    plan: ProjectPlan,
    tasks: Sequence[Task],
    measurements: Measurements,
    *,
    workers: int | None,
    order: Order,
) -> Schedule:
    """The order and timeline of a run of these tasks, under the settings of the project."""
    settings, engine = plan.project.scheduling, plan.project.engine
    measured = {run.view for run in measurements.runs}
    if any(task.name not in measured for task in tasks):
        # Estimates of views without history come from how others' shapes compare with their history.
        tasks = with_shapes(plan, tasks, usable_cores())
    ordered = schedule(
        tasks,
        measurements.runs,
        measurements.operators,
        order=order,
        workers=workers or settings.max_concurrent,
        cores=usable_cores(),
        memory_limit_bytes=engine.memory_limit_bytes,
        partitions=engine.target_partitions,
        history_runs=settings.history_runs,
        group_below_seconds=settings.group_below_seconds,
        search_seconds=min(_MOST_SEARCH_SECONDS, _SEARCH_SHARE * measurements.latest_seconds),
    )
    overhead = measurements.step_overhead_seconds
    return _with_overhead(ordered, plan, overhead) if overhead and order == "measured" else ordered


def _with_overhead(schedule: Schedule, plan: ProjectPlan, seconds: float) -> Schedule:
    """The same order, its timeline with what each step takes beside its view."""
    rank_of = {rank.task.name: rank for rank in schedule.ranked}
    graph = TaskGraph.of({name: rank.task.upstream for name, rank in rank_of.items()})
    # Other steps were measured as a whole.
    costs = [
        rank_of[name].estimate.seconds + (seconds if name in plan.project.views else 0.0)
        for name in graph.names
    ]
    index = {name: place for place, name in enumerate(graph.names)}
    places = [index[rank.task.name] for rank in schedule.ranked]
    return replace(
        schedule,
        timeline=run(graph, costs, places, schedule.workers),
        reasons=(
            *schedule.reasons,
            f"Each view has {seconds:.3f} s more in the timeline: what a step took beside it last time.",
        ),
    )
