"""The sensor that runs what is stale: one run with exactly those views and all behind them.

Stale partitions take the runs that a backfill of them would: one for each key, or for each range of keys. A
tick asks for those that wait for no other, so that what reads them follows when they are done.

All that it remembers are the runs that it asked for, by their tags. So neither a restart of the daemon nor
its end in the middle of a tick loses a run or doubles one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.storage.tags import RUN_KEY_TAG

from dfplan_assets.orchestration.any_project import AnyProject, planned
from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.held_back import held_back
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved, listed
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.runs_under_way import CHANGE_TAG, CREATED, RunsUnderWay
from dfplan_assets.orchestration.stale_runs import StaleRun, stale_runs
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.staleness.drift import Drift, drift_now

DRIFT_SENSOR = "dfplan_drift"
MOST_RUNS = 10
"""As many runs that the sensor asked for are queued or run at once; the others wait for the next ticks."""

LONGEST_PAUSE_SECONDS = 3600
"""A run that fails again and again is asked for again this long after its last end at the latest."""


def build_drift_sensor(
    project: AnyProject,
    translator: DfplanTranslator | None = None,
    *,
    views: Collection[str] | None = None,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """A sensor that asks for one run of all views that are stale, and of all behind them; with ``views``,
    of these views only.

    At each tick the project is planned from the disk, as the run will find it; views that did not change
    are not planned again. ``project`` is what Dagster is told when it loads the definitions: where the graph
    on the disk is another one later on, the sensor says that definitions must be loaded again. It is called
    ``dfplan_drift``, after the translator's prefix if there is one, unless ``name`` says otherwise. ``clock``
    gives seconds since 1970.
    """
    plan = planned(project)
    settings = plan.project.drift_sensor
    on_disk = ProjectOnDisk(plan.project.root)
    translator = translator or translator_of(plan.project)
    key_of = translator.get_asset_key
    op_of = op_names(plan.all_views, key_of)

    def look(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        current = on_disk.plan()
        moved = graph_moved(plan, current)
        if moved is not None:
            return dg.SkipReason(moved)
        drift = drift_now(current, views)
        if not drift.parts:
            return dg.SkipReason(_why_nothing(drift))
        held = held_back(context.instance, current, drift.views, key_of)
        parts = [part for part in drift.parts if part.view not in held]
        if not parts:
            return dg.SkipReason(
                "What is stale waits, since what it reads did not pass "
                f"{listed(sorted(set(held.values())))}: {listed(held)}. "
                "When that is in order, run the view with the check again."
            )
        runs = stale_runs(current, parts, drift.results.keys)
        under_way = RunsUnderWay.of(context.instance, current, key_of, op_of)
        requests, reasons = _requests(
            context.instance, drift, runs, under_way, key_of, settings.every_seconds, clock()
        )
        waiting = len(runs) - len(requests)
        if not requests:
            return dg.SkipReason(f"{reasons[0]}{f' {waiting - 1:,} more runs wait.' if waiting > 1 else ''}")
        if waiting:
            context.log.info(f"{waiting:,} more runs of what is stale wait for the next ticks.")
        return requests

    return dg.SensorDefinition(
        name=name or "_".join([*translator.settings.asset_key_prefix, DRIFT_SENSOR]),
        evaluation_fn=look,
        job_name=IMPLICIT_ASSET_JOB_NAME,
        minimum_interval_seconds=settings.every_seconds,
        description="Runs what is stale: views whose sources, meaning or inputs changed, that never ran, "
        "and all behind them.",
        default_status=dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED,
    )


def _requests(
    instance: dg.DagsterInstance,
    drift: Drift,
    runs: Sequence[StaleRun],
    under_way: RunsUnderWay,
    key_of: Callable[[str], dg.AssetKey],
    pause_seconds: int,
    now: float,
) -> tuple[list[dg.RunRequest], list[str]]:
    """The runs to ask for by now, and why not the others, of those that wait for none of these."""
    requests: list[dg.RunRequest] = []
    reasons: list[str] = []
    room = MOST_RUNS - under_way.asked_for
    for run in runs:
        if run.waits_for:
            continue
        found = under_way.reason_to_wait(run.parts) or _request(
            instance, drift, run, key_of, pause_seconds, now
        )
        if isinstance(found, str):
            reasons.append(found)
        elif len(requests) < room:
            requests.append(found)
    if not reasons:
        reasons.append(f"{under_way.asked_for:,} runs that this sensor asked for are queued or run.")
    return requests, reasons


def _request(
    instance: dg.DagsterInstance,
    drift: Drift,
    run: StaleRun,
    key_of: Callable[[str], dg.AssetKey],
    pause_seconds: int,
    now: float,
) -> dg.RunRequest | str:
    """A run for a drift, or why there is none: an earlier one has ended in a way that none can follow yet."""
    change = drift.change(run.parts)
    earlier = instance.get_run_records(dg.RunsFilter(tags={CHANGE_TAG: change}))  # newest first
    # A run that was created and not submitted is one that a daemon left when it ended in the middle of a
    # tick; asked for by its own key, Dagster submits that one.
    left = next((each.dagster_run for each in earlier if each.dagster_run.status is CREATED), None)
    if left is not None:
        return _run_request(change, run, key_of, left.tags[RUN_KEY_TAG])
    if earlier:
        reason = _reason_to_wait(earlier, drift, run, pause_seconds, now)
        if reason is not None:
            return reason
    # A key that no earlier run has, whichever of them were deleted.
    after = f" after {earlier[0].dagster_run.run_id}" if earlier else ""
    return _run_request(change, run, key_of, f"{change}{after}")


def _run_request(
    change: str, run: StaleRun, key_of: Callable[[str], dg.AssetKey], run_key: str
) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[key_of(view) for view in dict.fromkeys(part.view for part in run.parts)],
        tags={**run.run.tags, STALE_TAG: "true", CHANGE_TAG: change},
    )


def _reason_to_wait(
    earlier: Sequence[dg.RunRecord], drift: Drift, stale_run: StaleRun, pause_seconds: int, now: float
) -> str | None:
    """Why the runs for this very change keep it from another one; None where it is time to try again."""
    last = earlier[0]
    run = last.dagster_run
    why = listed(drift.why(stale_run.parts), "; ")
    if run.is_complete_and_waiting_to_retry:
        return f"Run {run.run_id} failed, and Dagster will retry it."
    if run.status is dg.DagsterRunStatus.CANCELED:
        return (
            f"Run {run.run_id} for this change was cancelled. Still stale: {why}. "
            "Launch it again if it is to run."
        )
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return f"Run {run.run_id} for this change succeeded, and yet these are stale: {why}."
    pause = min(pause_seconds * 2 ** (len(earlier) - 1), LONGEST_PAUSE_SECONDS)
    ended = last.end_time if last.end_time is not None else last.update_timestamp.timestamp()
    waited = now - ended
    # A clock that went back must not keep it waiting for as long as it went back.
    if 0 <= waited < pause:
        return (
            f"Run {run.run_id} for this change failed ({len(earlier)} so far); the next attempt is in "
            f"{pause - waited:.0f} s. Still stale: {why}."
        )
    return None


def _why_nothing(drift: Drift) -> str:
    if not drift.unknowable and not drift.left_out:
        return f"Nothing is stale: all {len(drift.staleness)} views are what running them would give."
    said = ["Nothing changed." if drift.unknowable else "Nothing that can run is stale."]
    if drift.unknowable:
        never = [f"{view}: {', '.join(drift.staleness[view].because)}" for view in drift.unknowable]
        said.append(f"What is never up to date waits for a change or a schedule: {listed(never, '; ')}.")
    if drift.left_out:
        left_out = [f"{view}: {why}" for view, why in drift.left_out.items()]
        said.append(f"What waits for a backfill: {listed(left_out, '; ')}.")
    return " ".join(said)
