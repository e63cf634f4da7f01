"""What the checks of views' rows found when they were made last, as Dagster's instance has kept it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from dfplan_assets.errors import ExecutionError
from dfplan_assets.orchestration.instance import dagster_home, open_instance
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.visual.report.model import CheckOutcome, Outcome

_TOLD = (AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED)
_LOOKED_AT = 5  # ones that are planned, under way or were cut short stand before the last one


def last_outcomes(plan: ProjectPlan) -> Mapping[tuple[str, str], CheckOutcome]:
    """The last outcome of each check that has one, by view and name of the check.

    Nothing where Dagster has never run; nothing is made then. Raises ExecutionError where the instance
    cannot be read, ProjectError where it or the project's translator cannot be found.
    """
    checked = [view for view in plan.all_views if plan.project.views[view].checks]
    if not checked or not dagster_home(plan.project.root).is_dir():
        return {}
    key_of = translator_of(plan.project).get_asset_key
    keys = {
        dg.AssetCheckKey(key_of(view), check.name): (view, check.name)
        for view in checked
        for check in plan.project.views[view].checks
    }
    with _reading(plan.project.root) as instance:
        events = instance.event_log_storage
        latest = events.get_latest_asset_check_execution_by_key(list(keys))
        found = {}
        for key, record in latest.items():
            records = [record]
            if record.status not in _TOLD:
                records = list(events.get_asset_check_execution_history(key, limit=_LOOKED_AT))
            told = next((each for each in records if each.status in _TOLD), None)
            outcome = None if told is None else _outcome(told)
            if outcome is not None:
                found[keys[key]] = outcome
        return found


@contextmanager
def _reading(project_root: Path) -> Iterator[dg.DagsterInstance]:
    """The instance; what its storage raises becomes an ExecutionError."""
    try:
        with open_instance(project_root) as instance:
            yield instance
    except (sa.exc.SQLAlchemyError, sqlite3.Error, dg.DagsterError) as error:
        raise ExecutionError(
            str(dagster_home(project_root)),
            f"Dagster's instance cannot be read: {str(error).splitlines()[0]}",
            "See whether dagster instance info works there.",
        ) from error


def _outcome(record: AssetCheckExecutionRecord) -> CheckOutcome | None:
    made = record.evaluation
    if record.event is None or not isinstance(made, dg.AssetCheckEvaluation):
        return None
    outcome: Outcome = "passed"
    if not made.passed:
        outcome = "warned" if made.severity is dg.AssetCheckSeverity.WARN else "failed"
    return CheckOutcome(
        outcome=outcome,
        said=made.description or "",
        made_at=datetime.fromtimestamp(record.event.timestamp, tz=timezone.utc),
        partition=record.partition,
    )
