"""How much a store holds, and how it gives back what nobody needs any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, cast

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.database import Database
from dfplan_assets.store.failures import as_store_errors
from dfplan_assets.store.record import Collected, StoreInfo

_KEYS_AT_ONCE = 1_000


def collect(database: Database, keep_bundles: int | None, keep_runs: int | None) -> Collected:
    """Remove what ``Store.gc`` says, in one transaction, and return the space to the file system."""
    if any(keep is not None and keep < 1 for keep in (keep_bundles, keep_runs)):
        raise ValueError("keep at least one bundle and one run of each view")
    with database.writing("collecting what is not needed", alone=True) as connection:
        bundles = [] if keep_bundles is None else _old_bundles(connection, keep_bundles)
        runs = [] if keep_runs is None else _old_runs(connection, keep_runs)
        _delete(connection, tables.explain.c.bundle, bundles)
        _delete(connection, tables.bundle.c.key, bundles)
        _delete(connection, tables.operator.c.run, runs)
        dagster_runs = _dagster_runs(connection, runs)
        _delete(connection, tables.run.c.id, runs)
        schedules = _without_runs(connection, dagster_runs)
        _delete(connection, tables.prediction.c.dagster_run_id, schedules)
        _delete(connection, tables.schedule.c.dagster_run_id, schedules)
        bundle = tables.bundle.c
        environments = connection.execute(
            sa.select(tables.environment.c.key)
            .distinct()
            .where(tables.environment.c.key.not_in(sa.select(bundle.environment)))
        ).scalars()
        environment_keys = list(environments)
        _delete(connection, tables.environment.c.key, environment_keys)
        topologies = connection.execute(
            sa.delete(tables.topology).where(tables.topology.c.key.not_in(sa.select(bundle.topology)))
        ).rowcount
        orphaned = tables.content.c.sha256.not_in(_referenced())
        stored = connection.execute(
            sa.select(_sum(sa.func.length(tables.content.c.data))).where(orphaned)
        ).scalar_one()
        contents = connection.execute(sa.delete(tables.content).where(orphaned)).rowcount
    if database.address.kind == "sqlite":
        _shrink(database)
    return Collected(
        bundles=len(bundles),
        runs=len(runs),
        schedules=len(schedules),
        environments=len(environment_keys),
        topologies=topologies,
        contents=contents,
        stored_bytes=int(stored),
    )


def info(database: Database) -> StoreInfo:
    """The counts and sizes of a store."""
    content, bundle, run = tables.content.c, tables.bundle.c, tables.run.c

    def count(table: sa.Table) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).select_from(table).scalar_subquery()

    with database.reading("reading what it holds") as connection:
        counts = connection.execute(
            sa.select(
                count(tables.view).label("views"),
                count(tables.bundle).label("bundles"),
                count(tables.run).label("runs"),
                count(tables.operator).label("operators"),
                count(tables.content).label("contents"),
            )
        ).one()
        sizes = connection.execute(
            sa.select(_sum(content.size_bytes), _sum(sa.func.length(content.data)))
        ).one()
        planned = connection.execute(
            sa.select(sa.func.min(bundle.first_planned_at), sa.func.max(bundle.last_planned_at))
        ).one()
        last_run_at = connection.execute(sa.select(sa.func.max(run.started_at))).scalar()
        size_bytes = connection.execute(sa.text(_size_query(database))).scalar_one()
    return StoreInfo(
        location=database.address.location,
        version=tables.VERSION,
        **counts._mapping,
        content_bytes=int(sizes[0]),
        stored_bytes=int(sizes[1]),
        size_bytes=int(size_bytes),
        first_planned_at=planned[0],
        last_planned_at=planned[1],
        last_run_at=last_run_at,
    )


def _old_bundles(connection: sa.Connection, keep: int) -> list[str]:
    bundle, run = tables.bundle.c, tables.run.c
    age = sa.func.row_number().over(
        partition_by=bundle.view,
        order_by=(bundle.last_planned_at.desc(), bundle.first_planned_at.desc(), bundle.key),
    )
    aged = sa.select(bundle.key, age.label("age")).subquery()
    recency = sa.func.row_number().over(
        partition_by=run.view, order_by=(run.started_at.desc(), run.id.desc())
    )
    succeeded = sa.select(run.bundle, recency.label("recency")).where(run.status == "succeeded").subquery()
    published = sa.select(succeeded.c.bundle).where(succeeded.c.recency == 1, succeeded.c.bundle.is_not(None))
    statement = sa.select(aged.c.key).where(aged.c.age > keep, aged.c.key.not_in(published))
    return list(connection.execute(statement).scalars())


def _old_runs(connection: sa.Connection, keep: int) -> list[int]:
    run = tables.run.c
    age = sa.func.row_number().over(partition_by=run.view, order_by=(run.started_at.desc(), run.id.desc()))
    aged = sa.select(run.id, age.label("age")).subquery()
    return list(connection.execute(sa.select(aged.c.id).where(aged.c.age > keep)).scalars())


def _dagster_runs(connection: sa.Connection, runs: Sequence[int]) -> set[str]:
    """The Dagster runs that made these runs and have a schedule."""
    run, schedule = tables.run.c, tables.schedule.c
    found: set[str] = set()
    for start in range(0, len(runs), _KEYS_AT_ONCE):
        statement = (
            sa.select(run.dagster_run_id)
            .join_from(tables.run, tables.schedule, schedule.dagster_run_id == run.dagster_run_id)
            .where(run.id.in_(runs[start : start + _KEYS_AT_ONCE]))
        )
        found.update(connection.execute(statement).scalars())
    return found


def _without_runs(connection: sa.Connection, dagster_runs: Iterable[str]) -> list[str]:
    """Those Dagster runs of which no run is left."""
    column = tables.run.c.dagster_run_id
    return [
        each
        for each in dagster_runs
        if connection.execute(sa.select(column).where(column == each).limit(1)).scalar() is None
    ]


def _referenced() -> sa.CompoundSelect[Any]:
    """The hashes of all contents that a row refers to."""
    columns = [
        *(tables.bundle.c[name] for name in ("sql", "schema", "lineage", "substrait")),
        *(tables.run.c[name] for name in ("displays", "metrics", "failure")),
        tables.explain.c.content,
        tables.environment.c.content,
        tables.topology.c.key,
    ]
    return sa.union_all(*(sa.select(column).where(column.is_not(None)) for column in columns))


def _delete(connection: sa.Connection, column: sa.Column[Any], keys: Sequence[Any]) -> None:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        connection.execute(sa.delete(column.table).where(column.in_(keys[start : start + _KEYS_AT_ONCE])))


def _sum(column: Any) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(column), 0)


def _shrink(database: Database) -> None:
    """Cut free pages off the file; it may need the room of a log for that."""
    with (
        as_store_errors(database.address, "returning the space of what was collected"),
        database.engine.connect() as connection,
    ):
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        # The first frees one page each time that it is stepped, and only a script is stepped to its end.
        driver.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")


def _size_query(database: Database) -> str:
    if database.address.kind == "sqlite":
        return "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    names = [*tables.metadata.tables, tables.VERSION_TABLE]
    return "SELECT " + " + ".join(f"pg_total_relation_size('{name}')" for name in names)
