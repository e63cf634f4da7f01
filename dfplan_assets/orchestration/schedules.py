"""The schedules of ``dfplan.yaml`` as Dagster's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from dfplan_assets.errors import InputError, ProjectError
from dfplan_assets.orchestration.partition_runs import PlannedRun, latest_runs
from dfplan_assets.orchestration.selection import select_with_python
from dfplan_assets.orchestration.stale_schedules import Requested, build_readers_sensor, stale_requests
from dfplan_assets.orchestration.table_keys import KeyOf
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Schedule


@dataclass(frozen=True)
class Schedules:
    """The schedules of a project, and the sensors that some of them need."""

    schedules: tuple[dg.ScheduleDefinition, ...]
    sensors: tuple[dg.SensorDefinition, ...]


def build_schedules(
    plan: ProjectPlan,
    definitions: dg.Definitions,
    translator: DfplanTranslator,
    chosen: Collection[str] | None = None,
    python: Collection[dg.AssetKey] = (),
) -> Schedules:
    """A schedule for each that ``dfplan.yaml`` has; ``definitions`` are the assets they choose from.

    With ``chosen``, each runs those of these views that it selects, and one that selects none of them is
    left out. Of these Python assets each runs those that it selects, but for one of what is stale. Raises
    ProjectError, with the schedule's name, for a selection that cannot be read or selects nothing.
    """
    built = []
    stale: dict[str, tuple[str, ...]] = {}
    for each in plan.project.schedules:
        views, keys = _selected(each, plan, definitions, translator, () if each.stale else python)
        views = tuple(view for view in views if chosen is None or view in chosen)
        if views or keys:
            built.append(_schedule(each, plan, views, keys, translator))
            if each.stale:
                stale[each.name] = views
    return Schedules(tuple(built), tuple(build_readers_sensor(plan, translator, stale)))


def _selected(
    schedule: Schedule,
    plan: ProjectPlan,
    definitions: dg.Definitions,
    translator: DfplanTranslator,
    python: Collection[dg.AssetKey],
) -> tuple[tuple[str, ...], tuple[dg.AssetKey, ...]]:
    key_of = translator.get_asset_key
    try:
        selected, keys = select_with_python(schedule.select, plan, definitions, key_of, python)
    except InputError as error:
        said = "" if schedule.select is None else f"select: {schedule.select}: "
        raise ProjectError(schedule.where, f"{said}{error.cause}", error.next_step) from error
    return tuple(view for view in plan.all_views if view in selected), tuple(sorted(keys))


def _schedule(
    schedule: Schedule,
    plan: ProjectPlan,
    selected: tuple[str, ...],
    python: tuple[dg.AssetKey, ...],
    translator: DfplanTranslator,
) -> dg.ScheduleDefinition:
    key_of = translator.get_asset_key
    stale = stale_requests(schedule, plan, selected, key_of) if schedule.stale else None
    what = "all views" if schedule.select is None else schedule.select
    return dg.ScheduleDefinition(
        name=schedule.name,
        cron_schedule=schedule.cron,
        execution_timezone=schedule.timezone,
        execution_fn=stale or _all_views(plan, selected, python, key_of),
        # A job of their own cannot have assets of different partitions.
        **(
            {"job_name": IMPLICIT_ASSET_JOB_NAME}
            if any(plan.project.views[view].partitions for view in selected)
            else {"target": dg.AssetSelection.assets(*map(key_of, selected), *python)}
        ),
        description=f"Runs {'what is stale of ' if schedule.stale else ''}{what}.",
        default_status=dg.DefaultScheduleStatus.RUNNING
        if schedule.running
        else dg.DefaultScheduleStatus.STOPPED,
    )


def _all_views(
    plan: ProjectPlan,
    selected: tuple[str, ...],
    python: tuple[dg.AssetKey, ...],
    key_of: KeyOf,
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[Requested]]:
    """Views with partitions run for the last one that is over, Python assets in the first run of a tick."""

    def request(context: dg.ScheduleEvaluationContext) -> Iterator[Requested]:
        runs = latest_runs(plan, selected, context.scheduled_execution_time)
        if python and not runs:
            runs = (PlannedRun(frozenset()),)
        if not runs:
            yield dg.SkipReason("No partition of the views that it selects is over yet.")
        for place, run in enumerate(runs):
            views = [view for view in selected if view in run.views]
            # Several requests of one tick need keys.
            tick = context.scheduled_execution_time.isoformat()
            yield dg.RunRequest(
                run_key=f"{tick} run {place + 1}" if len(runs) > 1 else None,
                asset_selection=[*map(key_of, views), *(python if place == 0 else ())],
                partition_key=None if run.partitions is None else run.partitions.last,
            )

    return request
