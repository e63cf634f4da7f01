"""The sensor that runs what is stale: one run with exactly those views and all behind them.

All that it remembers are the runs that it asked for, by their tags. So neither a restart of the daemon nor
its end in the middle of a tick loses a run or doubles one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import RUN_KEY_TAG

from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.held_back import held_back
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved, listed
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.drift import Drift, drift_now
from dfplan_assets.staleness.staleness import Staleness

DRIFT_SENSOR = "dfplan_drift"
CHANGE_TAG = "dfplan/change"
"""The tag of a run that names the change it was asked for."""

LONGEST_PAUSE_SECONDS = 3600
"""A run that fails again and again is asked for again this long after its last end at the latest."""


def build_drift_sensor(
    plan: ProjectPlan,
    translator: DfplanTranslator | None = None,
    *,
    views: Collection[str] | None = None,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """A sensor that asks for one run of all views that are stale, and of all behind them; with ``views``,
    of these views only.

    At each tick the project is planned from the disk, as the run will find it; views that did not change
    are not planned again. ``plan`` is what Dagster was told when it loaded the definitions: where the graph
    on the disk is another one, the sensor says that the definitions must be loaded again. It is called
    ``dfplan_drift``, after the translator's prefix if there is one, unless ``name`` says otherwise. ``clock``
    gives seconds since 1970.
    """
    settings = plan.project.drift_sensor
    on_disk = ProjectOnDisk(plan.project.root)
    translator = translator or translator_of(plan.project)
    key_of = translator.get_asset_key
    op_of = op_names(plan.all_views, key_of)

    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        current = on_disk.plan()
        moved = graph_moved(plan, current)
        if moved is not None:
            return dg.SkipReason(moved)
        drift = drift_now(current, views)
        if not drift.views:
            return dg.SkipReason(_why_nothing(drift))
        held = held_back(context.instance, current, drift.views, key_of)
        asked = tuple(view for view in drift.views if view not in held)
        if not asked:
            return dg.SkipReason(
                "What is stale waits, since what it reads did not pass "
                f"{listed(sorted(set(held.values())))}: {listed(held)}. "
                "When that is in order, run the view with the check again."
            )
        return _request(context.instance, drift, asked, key_of, op_of, settings.every_seconds, clock())

    return dg.SensorDefinition(
        name=name or "_".join([*translator.settings.asset_key_prefix, DRIFT_SENSOR]),
        evaluation_fn=look,
        job_name=IMPLICIT_ASSET_JOB_NAME,
        minimum_interval_seconds=settings.every_seconds,
        description="Runs what is stale: views whose sources, meaning or inputs changed, that never ran, "
        "and all behind them.",
        default_status=dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED,
    )


def summary(staleness: Iterable[Staleness]) -> str:
    """Which views are stale by themselves and why, in a line; views after the first few are counted."""
    return listed([f"{each.view}: {', '.join(each.own)}" for each in staleness if each.own], "; ")


def _request(
    instance: dg.DagsterInstance,
    drift: Drift,
    views: Sequence[str],
    key_of: Callable[[str], dg.AssetKey],
    op_of: Mapping[str, str],
    pause_seconds: int,
    now: float,
) -> dg.RunRequest | dg.SkipReason:
    """A run for a drift, unless one is under way, has ended in a way that none can follow, or must wait."""
    earlier = instance.get_run_records(dg.RunsFilter(tags={CHANGE_TAG: drift.change}))  # newest first
    keys = [key_of(view) for view in views]
    steps = {op_of[view] for view in views}
    busy = _run_under_way(instance, set(keys), steps)
    if busy is not None:
        return dg.SkipReason(
            f"Run {busy.run_id} is {busy.status.value.lower()} and makes views that are stale. If nothing "
            "works on it any more, cancel it."
        )
    # A run that was created and not submitted is one that a daemon left when it ended in the middle of a
    # tick; asked for by its own key, Dagster submits that one.
    left = next((each.dagster_run for each in earlier if each.dagster_run.status is _CREATED), None)
    if left is not None:
        return _run_request(drift, keys, left.tags[RUN_KEY_TAG])
    if earlier:
        reason = _reason_to_wait(earlier, drift, pause_seconds, now)
        if reason is not None:
            return dg.SkipReason(reason)
    # A key that no earlier run has, whichever of them were deleted.
    after = f" after {earlier[0].dagster_run.run_id}" if earlier else ""
    return _run_request(drift, keys, f"{drift.change}{after}")


_CREATED = dg.DagsterRunStatus.NOT_STARTED
_UNDER_WAY = [status for status in NOT_FINISHED_STATUSES if status is not _CREATED]


def _run_request(drift: Drift, keys: list[dg.AssetKey], run_key: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=keys,
        tags={STALE_TAG: "true", CHANGE_TAG: drift.change},
    )


def _run_under_way(
    instance: dg.DagsterInstance, keys: set[dg.AssetKey], steps: set[str]
) -> dg.DagsterRun | None:
    """A run that makes one of these assets, in one of these steps, and has not ended."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
        if run.asset_selection is not None:
            if not keys.isdisjoint(run.asset_selection):
                return run
        elif run.execution_plan_snapshot_id is not None:  # of a whole job
            plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
            if not steps.isdisjoint(plan.step_keys_to_execute):
                return run
    return None


def _reason_to_wait(
    earlier: Sequence[dg.RunRecord], drift: Drift, pause_seconds: int, now: float
) -> str | None:
    """Why the runs for this very change keep it from another one; None where it is time to try again."""
    last = earlier[0]
    run = last.dagster_run
    why = summary(drift.staleness.values())
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
    if not drift.unknowable and not drift.partitioned:
        return f"Nothing is stale: all {len(drift.staleness)} views are what running them would give."
    said = ["Nothing changed." if drift.unknowable else "Nothing without partitions is stale."]
    if drift.unknowable:
        never = summary(drift.staleness[view] for view in drift.unknowable)
        said.append(f"What is never up to date waits for a change or a schedule: {never}.")
    if drift.partitioned:
        said.append(f"Launch a backfill of what has partitions and is stale: {listed(drift.partitioned)}.")
    return " ".join(said)
