"""The plans that somebody took as the right ones."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.content import hash_of, json_text, text_bytes
from dfplan_assets.store.database import Database
from dfplan_assets.store.record import AcceptanceRecord
from dfplan_assets.store.rows import checked
from dfplan_assets.store.run_format import utc


def put(database: Database, record: AcceptanceRecord) -> None:
    """Write an acceptance; ``ValueError`` says which value no database can hold."""
    moment = utc(record.accepted_at)
    row = {**asdict(record), "accepted_at": moment}
    key = hash_of(text_bytes(json_text([{**row, "accepted_at": moment.isoformat()}])))
    rows = checked({tables.acceptance: [{"key": key, **row}]})
    with database.writing("storing an acceptance") as connection:
        for table, of_table in rows.items():
            connection.execute(database.insert(table).on_conflict_do_nothing(), of_table)


def of_view(database: Database, view: str) -> tuple[AcceptanceRecord, ...]:
    """The acceptances of a view, the newest first."""
    columns = tables.acceptance.c
    statement = (
        sa.select(*(columns[name] for name in AcceptanceRecord.__dataclass_fields__))
        .where(columns.view == view)
        .order_by(columns.accepted_at.desc(), columns.key)
    )
    with database.reading("reading acceptances") as connection:
        return tuple(AcceptanceRecord(**row._mapping) for row in connection.execute(statement))
