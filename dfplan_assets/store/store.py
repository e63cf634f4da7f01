"""The plan artifact store: every bundle and every run, for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dfplan_assets.errors import StoreError
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store import (
    acceptances,
    bundle_format,
    collection,
    costs,
    history,
    run_format,
    schedules,
    tables,
)
from dfplan_assets.store.bundle_format import (
    EncodedBundle,
    ExplainRow,
    decode_bundle,
    decode_identity,
    encode_bundle,
)
from dfplan_assets.store.content import Content, DamagedContentError, unpack
from dfplan_assets.store.costs import SUMMARY_COLUMNS, batches
from dfplan_assets.store.database import Database, find_database, open_database
from dfplan_assets.store.record import (
    AcceptanceRecord,
    BundleRecord,
    Collected,
    RunRecord,
    RunSummary,
    ScheduleRecord,
    Status,
    StoreInfo,
)
from dfplan_assets.store.rows import bundle_row_of, run_row_of
from dfplan_assets.store.run_format import EncodedRun, OperatorRow, decode_run, encode_run
from dfplan_assets.store.schedules import EncodedSchedule, encode_schedule
from dfplan_assets.store.writing import ready_bundle, ready_run, write_bundle, write_run

if TYPE_CHECKING:
    import pandas as pd

    from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL (``sqlite:///path`` or ``postgresql://…``).

    A store that does not exist is created. ``StoreError`` says what is wrong with one that cannot be
    used: another kind of file, an older schema (run ``dfplan store upgrade``), a newer one.
    """
    return Store(open_database(url))


def find_store(url: str) -> Store | None:
    """Open the store at a URL as ``open_store`` does; None where there is none, and none is made."""
    database = find_database(url)
    return None if database is None else Store(database)


class Store:
    """An open store. Threads may share it; every process opens its own.

    Every method raises ``StoreError`` when the database cannot do what it asks, having written
    nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._environment: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Store({self._database.address.location})"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # Writing

    def put_bundle(self, bundle: PlanBundle, *, at: datetime) -> str:
        """Keep a bundle that was planned ``at`` a moment with a time zone; its key is returned.

        The key is the SHA-256 of all but ``planning_seconds``. A bundle that is known already only
        has its last moment moved on; its texts are stored once, whatever bundles share them.
        """
        with self._refusals(f"bundle of view {bundle.view}"):
            return self.put_encoded_bundle(encode_bundle(bundle), at)

    def put_encoded_bundle(self, encoded: EncodedBundle, at: datetime) -> str:
        """``put_bundle`` for one that is encoded already, as the queue has it."""
        ready = ready_bundle(encoded, at, self._environment)
        with self._database.writing("storing a bundle") as connection:
            write_bundle(self._database, connection, ready)
        self._stored(encoded)
        return encoded.key

    def put_run(self, record: RunRecord) -> str:
        """Keep a run; its key is returned. The same record again changes nothing."""
        with self._refusals(f"run of view {record.view}"):
            return self.put_encoded_run(encode_run(record))

    def put_encoded_run(self, encoded: EncodedRun) -> str:
        """``put_run`` for one that is encoded already, as the queue has it."""
        ready = ready_run(encoded)
        with self._database.writing("storing a run") as connection:
            write_run(self._database, connection, ready)
        return encoded.key

    def put_attempt(self, bundle: EncodedBundle, record: RunRecord, *, at: datetime) -> None:
        """Keep a run and the bundle, planned ``at``, that it ran, in one transaction: both or neither."""
        with self._refusals(f"bundle and run of view {record.view}"):
            of_bundle = ready_bundle(bundle, at, self._environment)
            of_run = ready_run(encode_run(record))
        with self._database.writing("storing a bundle and its run") as connection:
            write_bundle(self._database, connection, of_bundle)
            write_run(self._database, connection, of_run)
        self._stored(bundle)

    def put_schedule(self, record: ScheduleRecord) -> None:
        """Keep the order of a Dagster run, in place of all that is known of the order of that run.

        One that says how the run ended is not replaced by one that does not.
        """
        with self._refusals(f"schedule of the Dagster run {record.dagster_run_id}"):
            encoded = encode_schedule(record)
        self.put_encoded_schedule(encoded)

    def put_encoded_schedule(self, encoded: EncodedSchedule) -> None:
        """``put_schedule`` for one that is encoded already, as the queue has it."""
        schedules.put(self._database, encoded)

    def put_acceptance(self, record: AcceptanceRecord) -> None:
        """Keep that a plan was accepted; the same record again changes nothing."""
        with self._refusals(f"acceptance of view {record.view}"):
            acceptances.put(self._database, record)

    def gc(self, *, keep_bundles: int | None = None, keep_runs: int | None = None) -> Collected:
        """Remove old bundles and runs, and then what no kept one refers to.

        Of each view the ``keep_bundles`` bundles planned last are kept, with that of its latest
        successful run, and the ``keep_runs`` latest runs; None keeps all. A schedule goes with the last
        run of its Dagster run.
        """
        return collection.collect(self._database, keep_bundles, keep_runs)

    # Reading

    def bundle(self, key: str) -> PlanBundle:
        """The bundle with this key, equal to what was written."""
        with self._database.reading("reading a bundle") as connection:
            found = self._row(connection, tables.bundle, key, "bundle")
            what = f"bundle {key} of view {found['view']}"
            self._require_format(what, found["format"], bundle_format.FORMAT)
            explains = connection.execute(
                sa.select(tables.explain.c.kind, tables.explain.c.rule, tables.explain.c.content)
                .where(tables.explain.c.bundle == key)
                .order_by(tables.explain.c.position)
            )
            environment = connection.execute(
                sa.select(tables.environment.c.name, tables.environment.c.content)
                .where(tables.environment.c.key == found["environment"])
                .order_by(tables.environment.c.position)
            )
            row = bundle_row_of(
                found,
                [(name, sha256) for name, sha256 in environment],
                [ExplainRow(*each) for each in explains],
            )
            hashes = [row.sql, row.schema, row.lineage, row.substrait, row.topology]
            hashes += [sha256 for _, sha256 in row.environment] + [each.content for each in row.explains]
            contents = _contents(connection, hashes)
        seconds = found["planning_seconds"]
        with self._damages(what):
            return decode_bundle(row, float("nan") if seconds is None else seconds, _unpack(contents))

    def run(self, key: str) -> RunRecord:
        """The run with this key, equal to what was written."""
        with self._database.reading("reading a run") as connection:
            found = self._row(connection, tables.run, key, "run")
            what = f"run {key} of view {found['view']}"
            self._require_format(what, found["format"], *run_format.READABLE_FORMATS)
            row = run_row_of(found)
            columns = [tables.operator.c[name] for name in OperatorRow.__dataclass_fields__]
            operators = connection.execute(
                sa.select(*columns)
                .where(tables.operator.c.run == found["id"])
                .order_by(tables.operator.c.position)
            ).all()
            contents = _contents(connection, [row.displays, row.metrics, row.failure])
        with self._damages(what):
            return decode_run(row, [OperatorRow(*each) for each in operators], _unpack(contents))

    def latest_bundle(self, view: str) -> BundleRecord | None:
        """The bundle of a view that was planned last."""
        return self.latest_bundles([view]).get(view)

    def latest_bundles(self, views: Iterable[str]) -> dict[str, BundleRecord]:
        """The bundle that was planned last, for each of the views that has one."""
        known, bundles = tables.view, tables.bundle
        latest = (
            sa.select(bundles.c.key)
            .where(bundles.c.view == known.c.name)
            .order_by(bundles.c.last_planned_at.desc(), bundles.c.first_planned_at.desc(), bundles.c.key)
            .limit(1)
            .scalar_subquery()
        )
        records: dict[str, BundleRecord] = {}
        with self._database.reading("reading bundles") as connection:
            for names in batches(views):
                keys = sa.select(latest).where(known.c.name.in_(names))
                for row in connection.execute(sa.select(*_RECORD_COLUMNS).where(bundles.c.key.in_(keys))):
                    records[row.view] = _bundle_record(row)
        return records

    def bundles(self, view: str) -> tuple[BundleRecord, ...]:
        """All bundles of a view, the one planned last first."""
        return self.bundles_of([view]).get(view, ())

    def bundles_of(self, views: Iterable[str]) -> dict[str, tuple[BundleRecord, ...]]:
        """What ``bundles`` gives, for each of the views that has one, in one statement for hundreds."""
        columns = tables.bundle.c
        order = (columns.last_planned_at.desc(), columns.first_planned_at.desc(), columns.key)
        found: dict[str, list[BundleRecord]] = {}
        with self._database.reading("reading bundles") as connection:
            for names in batches(views):
                statement = sa.select(*_RECORD_COLUMNS).where(columns.view.in_(names)).order_by(*order)
                for row in connection.execute(statement):
                    found.setdefault(row.view, []).append(_bundle_record(row))
        return {view: tuple(records) for view, records in found.items()}

    def latest_runs(self, views: Iterable[str], *, status: Status | None = None) -> dict[str, RunSummary]:
        """The run that started last (of those with ``status``), for each of the views that has one."""
        known, runs = tables.view, tables.run
        latest = (
            sa.select(runs.c.id)
            .where(runs.c.view == known.c.name)
            .order_by(runs.c.started_at.desc(), runs.c.id.desc())
            .limit(1)
        )
        if status is not None:
            latest = latest.where(runs.c.status == status)
        summaries: dict[str, RunSummary] = {}
        with self._database.reading("reading runs") as connection:
            for names in batches(views):
                ids = sa.select(latest.scalar_subquery()).where(known.c.name.in_(names))
                for row in connection.execute(sa.select(*SUMMARY_COLUMNS).where(runs.c.id.in_(ids))):
                    summaries[row.view] = RunSummary(**row._mapping)
        return summaries

    def recent_runs(
        self, views: Iterable[str], *, runs_each: int, status: Status | None = None
    ) -> dict[str, tuple[RunSummary, ...]]:
        """The ``runs_each`` (at least 1) runs that started last, of those with ``status``, the newest first.

        For each of the views that has one, in one statement for thousands of views.
        """
        return costs.recent_runs(self._database, views, runs_each, status)

    def measured_runs(
        self, views: Iterable[str], *, runs_each: int, status: Status | None = None
    ) -> dict[str, tuple[MeasuredRun, ...]]:
        """The same runs as ``recent_runs`` gives, with only what estimates need: quicker for thousands."""
        return costs.measured_runs(self._database, views, runs_each, status)

    def operator_costs(self, *, latest_runs: int = 500) -> tuple[OperatorCost, ...]:
        """What operators have cost, by name, in the ``latest_runs`` successful runs that were stored last.

        ``rows`` are those that they took in; for a scan, which takes in none, those that it put out.
        ``seconds`` is CPU time over all partitions. Operators that record no CPU time are left out.
        """
        return costs.operator_costs(self._database, latest_runs)

    def schedule(self, dagster_run_id: str) -> ScheduleRecord | None:
        """The order of a Dagster run, None where none was kept."""
        return schedules.read(self._database, dagster_run_id)

    def latest_schedule(self) -> ScheduleRecord | None:
        """The order of the Dagster run that started last, None where none was kept."""
        return schedules.latest(self._database)

    def step_overheads(self) -> tuple[float, ...]:
        """How many seconds more each step took than its view, in the last Dagster run that ended.

        Only for steps whose view's run is stored too, and without the first step of each worker, which
        waits until the engine and the store are open. What a step does beside its view is Dagster's
        events, the plan's capture and the store's writing.
        """
        return schedules.step_overheads(self._database)

    def acceptances(self, view: str) -> tuple[AcceptanceRecord, ...]:
        """The plans of a view that were accepted, the newest first."""
        return self.acceptances_of([view]).get(view, ())

    def acceptances_of(self, views: Iterable[str]) -> dict[str, tuple[AcceptanceRecord, ...]]:
        """What ``acceptances`` gives, for each of the views that has one, in one statement for hundreds."""
        return acceptances.of_views(self._database, views)

    def runs(self, view: str) -> pd.DataFrame:
        """The runs of a view, the oldest first: the fields of ``RunSummary``, and ``failure``."""
        with self._damages(f"runs of view {view}"):
            return history.runs(self._database, view)

    def history(self, view: str) -> pd.DataFrame:
        """The plans of a view, the oldest first, each with what changed and how its runs went.

        Columns: ``key``, ``first_planned_at``, ``last_planned_at``, ``fingerprint``, ``changed_parts``
        (of the identity, against the plan before; comma-separated), ``planning_seconds``,
        the figures of the topology, ``runs``, ``succeeded``, ``median_wall_seconds`` (of the
        succeeded), ``last_run_at``.
        """
        return history.plans(self._database, view)

    def info(self) -> StoreInfo:
        """What the store holds, and how large it is."""
        return collection.info(self._database)

    # Helpers

    def _stored(self, bundle: EncodedBundle) -> None:
        """The environment, large and common to all views, need not be compressed for the next one."""
        self._environment |= {sha256 for _, sha256 in bundle.row.environment}

    def _row(self, connection: sa.Connection, table: sa.Table, key: str, what: str) -> dict[str, Any]:
        found = connection.execute(sa.select(table).where(table.c.key == key)).mappings().first()
        if found is None:
            raise StoreError(
                self._database.address.where,
                f"there is no {what} {key}",
                "It was never stored here, or dfplan store gc removed it; see dfplan history VIEW.",
            )
        return dict(found)

    def _require_format(self, what: str, found: int, *known: int) -> None:
        if found not in known:
            raise StoreError(
                f"{self._database.address.where}, {what}",
                f"it is written in format {found}, this dfplan reads format {known[-1]}",
                "Install the dfplan-assets that wrote it, or a later one; the row was left as it is.",
            )

    @contextmanager
    def _damages(self, what: str) -> Iterator[None]:
        """Raise what is wrong with stored values as ``StoreError``."""
        try:
            yield
        except KeyError as error:
            raise self._damaged(what, f"content {error.args[0]} is missing") from error
        except (DamagedContentError, ValueError, TypeError) as error:
            raise self._damaged(what, str(error)) from error

    def _damaged(self, what: str, cause: str) -> StoreError:
        return StoreError(
            f"{self._database.address.where}, {what}",
            f"it is damaged: {cause}",
            "Restore the store from a backup; whatever does not share this content can still be read.",
        )

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """Raise what cannot be stored as ``StoreError``."""
        try:
            yield
        except ValueError as error:
            raise StoreError(
                f"{self._database.address.where}, {what}",
                f"it cannot be stored: {error}",
                "Please report this: dfplan made a record that it cannot keep.",
            ) from error


_RECORD_COLUMNS = [
    tables.bundle.c[name]
    for name in (
        "key",
        "view",
        "first_planned_at",
        "last_planned_at",
        "planning_seconds",
        "parts",
        "fingerprint",
        "complete",
        "volatile_functions",
    )
]


def _bundle_record(row: sa.Row[Any]) -> BundleRecord:
    return BundleRecord(
        key=row.key,
        view=row.view,
        first_planned_at=row.first_planned_at,
        last_planned_at=row.last_planned_at,
        planning_seconds=float("nan") if row.planning_seconds is None else row.planning_seconds,
        identity=decode_identity(row.parts, row.fingerprint, row.complete, row.volatile_functions),
    )


def _contents(connection: sa.Connection, hashes: Iterable[str | None]) -> list[Content]:
    wanted = sorted({sha256 for sha256 in hashes if sha256 is not None})
    found = connection.execute(sa.select(tables.content).where(tables.content.c.sha256.in_(wanted)))
    return [Content(row.sha256, row.codec, row.size_bytes, bytes(row.data)) for row in found]


def _unpack(contents: Iterable[Content]) -> dict[str, bytes]:
    return {content.sha256: unpack(content) for content in contents}
