"""A store of the first schema, which every later dfplan must be able to upgrade.

``first_schema.db`` was made by the dfplan that knew no other schema, and stays as it is.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store import RunRecord, migrations
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

FIRST_STORE = Path(__file__).with_name("first_schema.db")
_READ_ONLY = f"sqlite:///file:{FIRST_STORE}?immutable=1&uri=true"

# Never filled but in this file; the second schema has no such columns.
DROPPED = ("estimated_seconds", "estimate_source")


def first_bundles() -> list[PlanBundle]:
    """Two plans of one view, one of another, and one without Substrait."""
    refused = replace(
        samples.bundle().substrait, message=None, refusal="recursive query", extension_nodes=("Unnest",)
    )
    return [
        samples.bundle(verbose=False),
        samples.bundle(year=2001, engine="56.0.0"),
        samples.bundle("nations", verbose=False),
        replace(samples.bundle("descendants"), substrait=refused),
    ]


def first_runs(keys: list[str]) -> list[RunRecord]:
    """Runs of those plans, by their keys: succeeded, failed and tried again, of a partition."""
    hour = timedelta(hours=1)
    return [
        samples.run(bundle_key=keys[0]),
        samples.run(started_at=MORNING + hour, wall_seconds=0.75, bundle_key=keys[1]),
        samples.failed_run(started_at=MORNING + 2 * hour),
        samples.run("nations", wall_seconds=0.125, bundle_key=keys[2], partition_key="2026-03-01"),
    ]


def engine_of(url: str) -> sa.Engine:
    """Connections to a store that know nothing of this package."""
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def first_tables() -> list[sa.Table]:
    """The tables of the first schema, those before others that refer to them."""
    engine, metadata = engine_of(_READ_ONLY), sa.MetaData()
    metadata.reflect(engine)
    engine.dispose()
    return [table for table in metadata.sorted_tables if table.name != "dfplan_version"]


def make_first_store(url: str) -> None:
    """A store of the first schema with the rows of the file, in whichever database."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIRST_STORE, path)
        return
    source = engine_of(_READ_ONLY)
    target = engine_of(url)
    with source.connect() as reading, target.begin() as writing:
        config = migrations.configuration()
        config.attributes["connection"] = writing
        command.upgrade(config, "0001")
        for table in first_tables():
            rows = [dict(row._mapping) for row in reading.execute(sa.select(table))]
            if rows:
                writing.execute(sa.insert(table), [_with_zones(table, row) for row in rows])
    source.dispose()
    target.dispose()


def _with_zones(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=timezone.utc)
        if isinstance(value, datetime)
        else bool(value)
        if isinstance(table.c[name].type, sa.Boolean)
        else value
        for name, value in row.items()
    }
