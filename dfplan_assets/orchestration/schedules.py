"""The schedules of ``dfplan.yaml`` as Dagster's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from dfplan_assets.errors import InputError, ProjectError
from dfplan_assets.execution.source_versions import source_versions
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.partition_runs import PlannedRun, latest_runs
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved, listed
from dfplan_assets.orchestration.selection import select_with_python
from dfplan_assets.orchestration.stale_runs import stale_runs
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Schedule
from dfplan_assets.staleness.look import sources_read
from dfplan_assets.staleness.results import results_now
from dfplan_assets.staleness.staleness import left_out, stale, to_run


def build_schedules(
    plan: ProjectPlan,
    definitions: dg.Definitions,
    translator: DfplanTranslator,
    chosen: Collection[str] | None = None,
    python: Collection[dg.AssetKey] = (),
) -> list[dg.ScheduleDefinition]:
    """A schedule for each that ``dfplan.yaml`` has; ``definitions`` are the assets they choose from.

    With ``chosen``, each runs those of these views that it selects, and one that selects none of them is
    left out. Of these Python assets each runs those that it selects, but for one of what is stale. Raises
    ProjectError, with the schedule's name, for a selection that cannot be read or selects nothing.
    """
    built = []
    for each in plan.project.schedules:
        views, keys = _selected(each, plan, definitions, translator, () if each.stale else python)
        views = tuple(view for view in views if chosen is None or view in chosen)
        if views or keys:
            built.append(_schedule(each, plan, views, keys, translator))
    return built


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
    stale = _stale_views(plan, selected, key_of) if schedule.stale else None
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


Requested = dg.RunRequest | dg.SkipReason


def _all_views(
    plan: ProjectPlan,
    selected: tuple[str, ...],
    python: tuple[dg.AssetKey, ...],
    key_of: Callable[[str], dg.AssetKey],
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
                run_key=f"{tick} {' '.join(views)}" if len(runs) > 1 else None,
                asset_selection=[*map(key_of, views), *(python if place == 0 else ())],
                partition_key=None if run.partitions is None else run.partitions.last,
            )

    return request


def _stale_views(
    plan: ProjectPlan, selected: tuple[str, ...], key_of: Callable[[str], dg.AssetKey]
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[Requested]]:
    """What is stale, as the drift sensor asks for it; what reads what runs in other runs waits for those."""
    on_disk = ProjectOnDisk(plan.project.root)

    def request(context: dg.ScheduleEvaluationContext) -> Iterator[Requested]:
        current = on_disk.plan()
        moved = graph_moved(plan, current)
        if moved is not None:
            yield dg.SkipReason(moved)
            return
        results = results_now(current)
        staleness = stale(current, results, source_versions(current.project, sources_read(current)))
        parts = to_run(staleness, selected)
        runs = stale_runs(current, parts, results.keys)
        ready = [run for run in runs if not run.waits_for]
        if not ready:
            waiting = [f"{view}: {why}" for view, why in left_out(staleness, parts, selected).items()]
            but = f" What waits for a backfill: {listed(waiting, '; ')}." if waiting else ""
            yield dg.SkipReason(f"Nothing is stale of the {len(selected)} views that it selects.{but}")
        elif len(runs) > len(ready):
            context.log.info(f"{len(runs) - len(ready):,} more runs wait for these, until the next time.")
        for run in ready:
            yield dg.RunRequest(
                # Several requests of one tick need keys.
                run_key=f"{context.scheduled_execution_time.isoformat()} {', '.join(map(str, run.parts))}"
                if len(ready) > 1
                else None,
                asset_selection=[key_of(view) for view in dict.fromkeys(part.view for part in run.parts)],
                tags={**run.run.tags, STALE_TAG: "true"},
            )

    return request
