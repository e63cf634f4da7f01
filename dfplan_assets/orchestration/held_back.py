"""Views that are stale and must not run: what they read did not pass a check that blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from dfplan_assets.orchestration.view_checks import blocking_checks
from dfplan_assets.planning.bundle import ProjectPlan


def held_back(
    instance: dg.DagsterInstance,
    plan: ProjectPlan,
    views: Sequence[str],
    key_of: Callable[[str], dg.AssetKey],
) -> dict[str, str]:
    """Which of these views, upstream first, a check holds back, with that check in words.

    A check that blocks ends the run in which it fails before what lies behind it. What lies behind it is
    stale then, and a run of that alone would have no such check in it. A view that runs itself is checked
    again, and holds nothing back before.
    """
    failed = _failed_checks(instance, plan, views, key_of)
    if not failed:
        return {}
    held: dict[str, str] = {}
    for view in views:
        tables = plan.stored_tables(view) if view in plan.views else plan.unplanned[view].tables
        causes = (held.get(table) or failed.get(table) for table in tables)
        cause = next((each for each in causes if each is not None), None)
        if cause is not None:
            held[view] = cause
    return held


def _failed_checks(
    instance: dg.DagsterInstance,
    plan: ProjectPlan,
    views: Sequence[str],
    key_of: Callable[[str], dg.AssetKey],
) -> Mapping[str, str]:
    """The views that these read, and that do not run with them, whose last check did not pass and blocks."""
    running = set(views)
    view_of = {
        key: table
        for view in views
        if view in plan.views
        for table in plan.stored_tables(view)
        if table in plan.views and table not in running
        for key in blocking_checks(plan, table, key_of(table))
    }
    if not view_of:
        return {}
    found = {}
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(view_of))
    for key, record in latest.items():
        evaluation = record.evaluation
        if (
            record.status is AssetCheckExecutionRecordStatus.FAILED
            and evaluation is not None
            and evaluation.severity is dg.AssetCheckSeverity.ERROR
        ):
            found[view_of[key]] = f"check {key.name} of {view_of[key]}"
    return found
