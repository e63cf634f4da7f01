"""Schedules of what is stale, and the sensor that follows them: it runs what reads several of their runs.

Dagster starts all runs of a tick at once and orders nothing between them. So a tick asks for what waits for
no other run, and the sensor for the rest of that tick as soon as it can run, as the drift sensor does. All
that it knows of a tick are its runs, by their tags.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from dfplan_assets.execution.source_versions import source_versions
from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.held_back import held_back
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved, listed
from dfplan_assets.orchestration.runs_under_way import RunsUnderWay, makes
from dfplan_assets.orchestration.stale_runs import stale_runs
from dfplan_assets.orchestration.table_keys import KeyOf
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Schedule
from dfplan_assets.staleness.look import sources_read
from dfplan_assets.staleness.results import Part, Results, results_now
from dfplan_assets.staleness.staleness import Staleness, left_out, stale, to_run

SCHEDULE_TAG = "dfplan/schedule"
"""The tag of a run that names the schedule of what is stale that it was asked for by."""

SCHEDULE_TIME_TAG = "dfplan/schedule_time"
"""The tag of such a run that says for which time of the schedule, in UTC."""

SCHEDULE_RUNS_TAG = "dfplan/schedule_runs"
"""The tag of a run of the schedule itself that says how many it asked for at that time."""

READERS_SENSOR = "dfplan_schedule_readers"

_EVERY_SECONDS = 30
_LATEST_RUNS = 20  # among them is one of the last time, unless as many of earlier times were run again since

_KEPT = "left to the next time, since a run failed or was cancelled, or a check did not pass"

Requested = dg.RunRequest | dg.SkipReason


def stale_requests(
    schedule: Schedule, plan: ProjectPlan, selected: tuple[str, ...], key_of: KeyOf
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[Requested]]:
    """What a schedule asks for of these views: what is stale, as far as it waits for no other run."""
    on_disk = ProjectOnDisk(plan.project.root)

    def request(context: dg.ScheduleEvaluationContext) -> Iterator[Requested]:
        current = on_disk.plan()
        moved = graph_moved(plan, current)
        if moved is not None:
            yield dg.SkipReason(moved)
            return
        results, staleness = _staleness(current)
        parts = to_run(staleness, selected)
        runs = stale_runs(current, parts, results.keys)
        ready = [run for run in runs if not run.waits_for]
        if not ready:
            waiting = [f"{view}: {why}" for view, why in left_out(staleness, parts, selected).items()]
            but = f" What waits for a backfill: {listed(waiting, '; ')}." if waiting else ""
            yield dg.SkipReason(f"Nothing is stale of the {len(selected)} views that it selects.{but}")
        elif len(runs) > len(ready):
            context.log.info(f"{len(runs) - len(ready):,} more runs wait for these.")
        at = context.scheduled_execution_time.astimezone(timezone.utc).isoformat()
        for run in ready:
            tags = {**run.run.tags, SCHEDULE_RUNS_TAG: str(len(ready))}
            yield _run_request(plan, schedule.name, at, run.parts, tags, key_of)

    return request


def build_readers_sensor(
    plan: ProjectPlan, translator: DfplanTranslator, selected: Mapping[str, tuple[str, ...]]
) -> list[dg.SensorDefinition]:
    """A sensor that asks for what waits for the runs of a schedule's last time once these have ended.

    ``selected`` has the views of each schedule of what is stale by its name. Nothing waits where none of them
    has partitions, and there is no sensor.

    What failed or was cancelled is not run again before the next time, nor does what reads it.
    """
    followed = {
        name: views
        for name, views in selected.items()
        if any(plan.project.views[view].partitions for view in views)
    }
    if not followed:
        return []
    on_disk = ProjectOnDisk(plan.project.root)

    def follow(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _followed(context, plan, on_disk, followed, translator.get_asset_key)

    return [
        dg.SensorDefinition(
            name="_".join([*translator.settings.asset_key_prefix, READERS_SENSOR]),
            evaluation_fn=follow,
            job_name=IMPLICIT_ASSET_JOB_NAME,
            minimum_interval_seconds=_EVERY_SECONDS,
            description="Runs what reads several partition runs of a schedule of what is stale, once these "
            f"have ended: {', '.join(followed)}.",
            # It does nothing before a schedule does, which has a switch of its own.
            default_status=dg.DefaultSensorStatus.RUNNING,
        )
    ]


def _followed(
    context: dg.SensorEvaluationContext,
    loaded: ProjectPlan,
    on_disk: ProjectOnDisk,
    schedules: Mapping[str, tuple[str, ...]],
    key_of: KeyOf,
) -> dg.SensorResult:
    """What is left of the last time of each schedule, asked for where all runs of that time have ended."""
    # Of each schedule the time of which nothing is left.
    done: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    requests: list[dg.RunRequest] = []
    reasons: list[str] = []
    current: ProjectPlan | None = None
    for name, views in schedules.items():
        at, runs = _last_time(context.instance, _tag(loaded, name))
        if at is None or done.get(name) == at:
            continue
        going_on = _not_ended(runs)
        if going_on:
            reasons.append(f"{name} for {at}: waiting for the end of {going_on:,} of its runs.")
            continue
        current = current or on_disk.plan()
        moved = graph_moved(loaded, current)
        if moved is not None:
            return dg.SensorResult(skip_reason=moved, cursor=json.dumps(done))
        left = _left_of(context.instance, current, name, at, runs, views, key_of)
        requests += left.requests
        reasons += left.waiting
        if not left.requests and not left.waiting:
            done[name] = at
            if left.kept:
                reasons.append(f"{name} for {at}: {_KEPT}: {listed(left.kept)}.")
    said = " ".join(reasons) or "Nothing waits for runs of a schedule."
    skipped = None if requests else said
    return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=json.dumps(done))


@dataclass(frozen=True)
class _Left:
    """What is left of a schedule's time whose runs have ended.

    ``requests`` can run now; ``waiting`` says who makes some of it already; ``kept`` are the views of which
    something cannot run before the next time.
    """

    requests: tuple[dg.RunRequest, ...]
    waiting: tuple[str, ...]
    kept: tuple[str, ...]


def _left_of(
    instance: dg.DagsterInstance,
    plan: ProjectPlan,
    name: str,
    at: str,
    runs: Sequence[dg.DagsterRun],
    selected: tuple[str, ...],
    key_of: KeyOf,
) -> _Left:
    results, staleness = _staleness(plan)
    view_of = {key_of(view): view for view in plan.all_views}
    succeeded = [run for run in runs if run.is_success]
    # What has run is not stale again before the next time, even where it is never up to date.
    ran = _made_by(plan, succeeded, to_run(staleness, selected), view_of)
    parts = to_run(staleness, selected, ran)
    asked = _made_by(plan, runs, parts, view_of)
    held = held_back(instance, plan, tuple(dict.fromkeys(part.view for part in parts)), key_of)
    under_way = RunsUnderWay.of(instance, plan, key_of, op_names(plan.all_views, key_of))
    requests, waiting = [], []
    kept = dict.fromkeys(part.view for part in parts if part in asked or part.view in held)
    for run in stale_runs(plan, [part for part in parts if part.view not in held], results.keys):
        left = tuple(part for part in run.parts if part not in asked)
        read = frozenset[Part]().union(*(run.reads[part] for part in left))
        if not left:
            continue
        if not read.issubset(left):
            kept.update(dict.fromkeys(part.view for part in left))
            continue
        reason = under_way.reason_to_wait(left)
        if reason is None:
            requests.append(_run_request(plan, name, at, left, run.run.tags, key_of))
        else:
            waiting.append(reason)
    return _Left(tuple(requests), tuple(waiting), tuple(kept))


def _last_time(instance: dg.DagsterInstance, tag: str) -> tuple[str | None, Sequence[dg.DagsterRun]]:
    """The last time for which a schedule asked for runs, and these runs; None where it never did."""
    latest = instance.get_runs(dg.RunsFilter(tags={SCHEDULE_TAG: tag}), limit=_LATEST_RUNS)
    if not latest:
        return None, ()
    at = max(run.tags[SCHEDULE_TIME_TAG] for run in latest)
    return at, instance.get_runs(dg.RunsFilter(tags={SCHEDULE_TAG: tag, SCHEDULE_TIME_TAG: at}))


def _not_ended(runs: Sequence[dg.DagsterRun]) -> int:
    """How many runs of a schedule's time go on, or are still to be created by the schedule."""
    going_on = [run for run in runs if not run.is_finished or run.is_complete_and_waiting_to_retry]
    of_schedule = [int(run.tags[SCHEDULE_RUNS_TAG]) for run in runs if SCHEDULE_RUNS_TAG in run.tags]
    return len(going_on) + max(0, max(of_schedule, default=0) - len(of_schedule))


def _made_by(
    plan: ProjectPlan,
    runs: Iterable[dg.DagsterRun],
    parts: Iterable[Part],
    view_of: Mapping[dg.AssetKey, str],
) -> frozenset[Part]:
    """Those of the parts that one of these runs was to make."""
    views = [(run, {view_of.get(key) for key in run.asset_selection or ()}) for run in runs]
    return frozenset(
        part for part in parts if any(part.view in made and makes(plan, run, part) for run, made in views)
    )


def _staleness(plan: ProjectPlan) -> tuple[Results, Mapping[str, Staleness]]:
    results = results_now(plan)
    return results, stale(plan, results, source_versions(plan.project, sources_read(plan)))


def _tag(plan: ProjectPlan, name: str) -> str:
    """The schedule as a tag names it, beside schedules of other projects in the same instance."""
    return f"{plan.project.name}: {name}"


def _run_request(
    plan: ProjectPlan,
    name: str,
    at: str,
    parts: Sequence[Part],
    tags: Mapping[str, str],
    key_of: KeyOf,
) -> dg.RunRequest:
    # A tag of any length would not fit the index that PostgreSQL has over them.
    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()
    return dg.RunRequest(
        run_key=f"{name} {at} {digest}",
        asset_selection=[key_of(view) for view in dict.fromkeys(part.view for part in parts)],
        tags={**tags, STALE_TAG: "true", SCHEDULE_TAG: _tag(plan, name), SCHEDULE_TIME_TAG: at},
    )
