"""The order of Dagster runs: as it was predicted, and how the run went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.content import hash_of, json_text, text_bytes
from dfplan_assets.store.database import Database
from dfplan_assets.store.record import PredictionRecord, ScheduleRecord
from dfplan_assets.store.rows import Row, checked
from dfplan_assets.store.run_format import number, utc

FORMAT = 1
"""The format of a schedule in the queue."""

_SCHEDULE_FIELDS = tuple(field.name for field in fields(ScheduleRecord) if field.name != "predictions")
_PREDICTION_FIELDS = tuple(field.name for field in fields(PredictionRecord))
_REQUIRED_SECONDS = (
    "estimated_seconds",
    "low_seconds",
    "high_seconds",
    "bottom_level_seconds",
    "slack_seconds",
)


@dataclass(frozen=True)
class EncodedSchedule:
    """The rows of a schedule, checked; ``key`` is the hash of all of them."""

    key: str
    schedule: Row
    predictions: tuple[Row, ...]


def encode_schedule(record: ScheduleRecord) -> EncodedSchedule:
    """The rows of a schedule; ``ValueError`` says which value no database can hold."""
    schedule = {name: getattr(record, name) for name in _SCHEDULE_FIELDS}
    schedule["started_at"] = utc(record.started_at)
    predictions = [
        {"dagster_run_id": record.dagster_run_id, **_without_nan(vars(each))} for each in record.predictions
    ]
    return _encoded(_without_nan(schedule), predictions)


def to_json(encoded: EncodedSchedule) -> dict[str, Any]:
    """A schedule as a JSON object, for the queue; moments are ISO 8601."""
    started_at = encoded.schedule["started_at"].isoformat()
    return {
        "schedule": {**encoded.schedule, "started_at": started_at},
        "predictions": list(encoded.predictions),
    }


def of_json(value: Mapping[str, Any]) -> EncodedSchedule:
    """What ``to_json`` wrote; ``KeyError``, ``TypeError`` or ``ValueError`` when it is another object."""
    schedule = dict(value["schedule"])
    schedule["started_at"] = datetime.fromisoformat(schedule["started_at"])
    found = _encoded(schedule, value["predictions"])
    _record(found.schedule, found.predictions)
    return found


def put(database: Database, encoded: EncodedSchedule) -> None:
    """Write a schedule in place of that of the same Dagster run, as ``Store.put_schedule`` says."""
    table, prediction = tables.schedule, tables.prediction
    insert = database.insert(table)
    replacement = insert.on_conflict_do_update(
        index_elements=[table.c.dagster_run_id],
        set_={name: insert.excluded[name] for name in _SCHEDULE_FIELDS},
        # What waited in the queue may come after what replaced it.
        where=sa.or_(
            insert.excluded.actual_makespan_seconds.is_not(None), table.c.actual_makespan_seconds.is_(None)
        ),
    )
    run_id = encoded.schedule["dagster_run_id"]
    with database.writing("storing a schedule") as connection:
        # A driver need not count the rows of an INSERT unless it is told to.
        written = connection.execute(
            replacement, encoded.schedule, execution_options={"preserve_rowcount": True}
        )
        if written.rowcount:
            connection.execute(sa.delete(prediction).where(prediction.c.dagster_run_id == run_id))
            if encoded.predictions:
                connection.execute(sa.insert(prediction), list(encoded.predictions))


def read(database: Database, dagster_run_id: str) -> ScheduleRecord | None:
    """The schedule of a Dagster run."""
    return _first(
        database, sa.select(tables.schedule).where(tables.schedule.c.dagster_run_id == dagster_run_id)
    )


def latest(database: Database) -> ScheduleRecord | None:
    """The schedule of the Dagster run that started last."""
    columns = tables.schedule.c
    newest = (columns.started_at.desc(), columns.dagster_run_id.desc())
    return _first(database, sa.select(tables.schedule).order_by(*newest).limit(1))


def step_overheads(database: Database) -> tuple[float, ...]:
    """What steps took beside their views in the last run that ended, as ``Store.step_overheads`` says."""
    schedule, prediction, run = tables.schedule.c, tables.prediction.c, tables.run.c
    last = (
        sa.select(schedule.dagster_run_id, schedule.workers)
        .where(schedule.actual_makespan_seconds.is_not(None))
        .order_by(schedule.started_at.desc(), schedule.dagster_run_id.desc())
        .limit(1)
    )
    with database.reading("reading a schedule") as connection:
        found = connection.execute(last).first()
        if found is None:
            return ()
        run_id, workers = found
        steps = connection.execute(
            sa.select(
                prediction.view,
                prediction.partition_key,
                prediction.attempt,
                prediction.actual_end_seconds - prediction.actual_start_seconds,
            )
            .where(prediction.dagster_run_id == run_id, prediction.actual_end_seconds.is_not(None))
            .order_by(prediction.actual_start_seconds, prediction.position)
            .offset(workers)
        )
        step_seconds = {(view, part, attempt): seconds for view, part, attempt, seconds in steps}
        runs = connection.execute(
            sa.select(run.view, run.partition_key, run.attempt, run.wall_seconds).where(
                run.dagster_run_id == run_id, run.status == "succeeded", run.wall_seconds.is_not(None)
            )
        )
        return tuple(
            step_seconds[view, part, attempt] - wall_seconds
            for view, part, attempt, wall_seconds in runs
            if number(step_seconds.get((view, part, attempt))) is not None
            and number(wall_seconds) is not None
        )


def _first(database: Database, statement: sa.Select[Any]) -> ScheduleRecord | None:
    columns = tables.prediction.c
    with database.reading("reading a schedule") as connection:
        found = connection.execute(statement).mappings().first()
        if found is None:
            return None
        predictions = connection.execute(
            sa.select(tables.prediction)
            .where(columns.dagster_run_id == found["dagster_run_id"])
            .order_by(columns.position)
        )
        return _record(dict(found), [dict(row._mapping) for row in predictions])


def _record(schedule: Mapping[str, Any], predictions: Iterable[Mapping[str, Any]]) -> ScheduleRecord:
    return ScheduleRecord(
        **{name: _finite(schedule[name]) for name in _SCHEDULE_FIELDS},
        predictions=tuple(
            PredictionRecord(**{name: _given(name, each[name]) for name in _PREDICTION_FIELDS})
            for each in predictions
        ),
    )


def _given(name: str, value: Any) -> Any:
    known = _finite(value)
    return float("nan") if known is None and name in _REQUIRED_SECONDS else known


def _finite(value: Any) -> Any:
    """A value as it is, None for a number that is not finite: others than the writer can store one."""
    return number(value) if isinstance(value, float) else value


def _without_nan(row: Mapping[str, Any]) -> Row:
    return {name: _finite(value) for name, value in row.items()}


def _encoded(schedule: Row, predictions: list[Row]) -> EncodedSchedule:
    checked({tables.schedule: [schedule], tables.prediction: predictions})
    written = {**schedule, "started_at": schedule["started_at"].isoformat()}
    key = hash_of(text_bytes(json_text([FORMAT, written, predictions])))
    return EncodedSchedule(key, schedule, tuple(predictions))
