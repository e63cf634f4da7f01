"""What past runs cost, read at once for all views: what the order of the next run is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import sqlalchemy as sa

from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost
from dfplan_assets.store import tables
from dfplan_assets.store.database import Database
from dfplan_assets.store.record import RunSummary, Status
from dfplan_assets.store.run_format import number

# Databases limit the parameters of a statement, SQLite to 32,766.
_NAMES_AT_ONCE = 10_000
_BEGINNING = datetime(1, 1, 1, tzinfo=timezone.utc)
_NANOSECONDS_PER_SECOND = 1e9

SUMMARY_COLUMNS = [
    tables.run.c.bundle.label(name) if name == "bundle_key" else tables.run.c[name]
    for name in RunSummary.__dataclass_fields__
]


_STARTED_AT = sa.type_coerce(tables.run.c.started_at, sa.DateTime(timezone=True))
_MEASURED_COLUMNS = [
    _STARTED_AT if name == "started_at" else tables.run.c[name] for name in MeasuredRun.__dataclass_fields__
]


def recent_runs(
    database: Database, views: Iterable[str], runs_each: int, status: Status | None
) -> dict[str, tuple[RunSummary, ...]]:
    """The last runs of each view that has any, as ``Store.recent_runs`` says."""
    names = tuple(RunSummary.__dataclass_fields__)
    found: dict[str, list[RunSummary]] = {}
    for row in _latest(database, views, runs_each, status, SUMMARY_COLUMNS):
        values = dict(zip(names, row, strict=True))
        # The writer stores no infinity, but others can write a database.
        values |= {name: number(values[name]) for name in ("wall_seconds", "cpu_seconds")}
        run = RunSummary(**values)
        of_view = found.setdefault(run.view, [])
        if len(of_view) < runs_each:
            of_view.append(run)
    return {view: tuple(of_view) for view, of_view in found.items()}


def measured_runs(
    database: Database, views: Iterable[str], runs_each: int, status: Status | None
) -> dict[str, tuple[MeasuredRun, ...]]:
    """The same with the figures that estimates need, in a third of the time."""
    found: dict[str, list[MeasuredRun]] = {}
    # Each field by its name, and moments converted here: with tens of thousands of runs, general ways of
    # doing so take longer than the database does.
    for (
        view,
        started_at,
        status_of_run,
        attempt,
        fingerprint,
        wall_seconds,
        cpu_seconds,
        input_bytes,
        partitions,
        cores,
        peak_memory_bytes,
        partition_key,
    ) in _latest(database, views, runs_each, status, _MEASURED_COLUMNS):
        of_view = found.setdefault(view, [])
        if len(of_view) < runs_each:
            # Without __init__, which sets each field of a frozen object by a call of its own.
            run = MeasuredRun.__new__(MeasuredRun)
            vars(run).update(
                view=view,
                started_at=started_at.replace(tzinfo=timezone.utc)
                if started_at.tzinfo is None
                else started_at.astimezone(timezone.utc),
                status=status_of_run,
                attempt=attempt,
                fingerprint=fingerprint,
                wall_seconds=wall_seconds,
                cpu_seconds=cpu_seconds,
                input_bytes=input_bytes,
                partitions=partitions,
                cores=cores,
                peak_memory_bytes=peak_memory_bytes,
                partition_key=partition_key,
            )
            of_view.append(run)
    return {view: tuple(of_view) for view, of_view in found.items()}


def operator_costs(database: Database, latest_runs: int) -> tuple[OperatorCost, ...]:
    """The cost of operators by name, as ``Store.operator_costs`` says."""
    run, operator = tables.run.c, tables.operator
    latest = sa.select(run.id).where(run.status == "succeeded").order_by(run.id.desc()).limit(latest_runs)
    measured = sa.select(operator).where(operator.c.run.in_(latest)).cte("measured")
    children = (
        sa.select(measured.c.run, measured.c.parent, sa.func.sum(measured.c.output_rows).label("rows"))
        .where(measured.c.parent.is_not(None))
        .group_by(measured.c.run, measured.c.parent)
        .subquery()
    )
    statement = (
        sa.select(
            measured.c.name,
            sa.func.count(),
            sa.func.sum(sa.func.coalesce(children.c.rows, measured.c.output_rows, 0)),
            sa.func.sum(measured.c.cpu_nanoseconds),
        )
        .join_from(
            measured,
            children,
            sa.and_(children.c.run == measured.c.run, children.c.parent == measured.c.position),
            isouter=True,
        )
        .where(measured.c.cpu_nanoseconds.is_not(None))
        .group_by(measured.c.name)
        .order_by(measured.c.name)
    )
    with database.reading("reading the cost of operators") as connection:
        return tuple(
            OperatorCost(
                name=name, operators=count, rows=int(rows), seconds=float(cpu) / _NANOSECONDS_PER_SECOND
            )
            for name, count, rows, cpu in connection.execute(statement)
        )


def _latest(
    database: Database,
    views: Iterable[str],
    runs_each: int,
    status: Status | None,
    columns: Sequence[sa.ColumnElement[Any]],
) -> list[Sequence[Any]]:
    """The last runs of each view, the newest first; more than asked for where some started at once."""
    if runs_each < 1:
        raise ValueError(f"runs_each is {runs_each}, it must be at least 1")
    known, runs, earlier = tables.view, tables.run, tables.run.alias("earlier")
    # The start of the oldest run that is wanted: a few steps along the index for each view, however long
    # its history. A window function would number all of it.
    oldest = (
        sa.select(earlier.c.started_at)
        .where(earlier.c.view == known.c.name)
        .order_by(earlier.c.started_at.desc())
        .offset(runs_each - 1)
        .limit(1)
    )
    if status is not None:
        oldest = oldest.where(earlier.c.status == status)
    since = sa.func.coalesce(oldest.scalar_subquery(), sa.literal(_BEGINNING, tables.UtcDateTime))
    statement = (
        sa.select(*columns)
        .join_from(known, runs, sa.and_(runs.c.view == known.c.name, runs.c.started_at >= since))
        .order_by(runs.c.view, runs.c.started_at.desc(), runs.c.id.desc())
    )
    if status is not None:
        statement = statement.where(runs.c.status == status)
    found: list[Sequence[Any]] = []
    with database.reading("reading runs") as connection:
        for names in batches(views):
            found.extend(connection.execute(statement.where(known.c.name.in_(names))).all())
    return found


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """The names, as many at once as a statement takes."""
    remaining = iter(names)
    while batch := list(islice(remaining, _NAMES_AT_ONCE)):
        yield batch
