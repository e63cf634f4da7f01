"""The plans that somebody took as the right ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.content import hash_of, json_text, text_bytes
from dfplan_assets.store.costs import batches
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


def of_views(database: Database, views: Iterable[str]) -> dict[str, tuple[AcceptanceRecord, ...]]:
    """The acceptances of each of the views that has one, the newest first."""
    columns = tables.acceptance.c
    fields = [columns[name] for name in AcceptanceRecord.__dataclass_fields__]
    found: dict[str, list[AcceptanceRecord]] = {}
    with database.reading("reading acceptances") as connection:
        for names in batches(views):
            statement = sa.select(*fields).where(columns.view.in_(names))
            for row in connection.execute(statement.order_by(columns.accepted_at.desc(), columns.key)):
                found.setdefault(row.view, []).append(AcceptanceRecord(**row._mapping))
    return {view: tuple(records) for view, records in found.items()}
