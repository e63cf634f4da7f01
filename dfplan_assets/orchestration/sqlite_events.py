"""Dagster's event log in SQLite, written and read at a fraction of the cost.

Files, tables and rows are those that Dagster's own storage makes of the same events, which a test
holds against it. What differs is the way there: connections stay open, an event is serialised once
and not for each of its three copies, the schema is not inspected again for every event, and what
this process stored a moment ago is not parsed anew when a step asks for its inputs' versions.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime, timezone
from hashlib import blake2b
from threading import RLock
from typing import Any

import sqlalchemy as sa
from dagster import AssetKey, EventLogEntry, EventLogRecord
from dagster._core.assets import AssetDetails
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from sqlalchemy import Connection, Engine

from dfplan_assets.orchestration.event_texts import EventTexts

_REMEMBERED = 512
"""Latest materialisations kept in memory, of some 50 kB each, for the steps downstream."""

_BUSY_TIMEOUT_SECONDS = 60
_RECORD_TEXT = '{"__class__": "EventLogRecord", "event_log_entry": %s, "storage_id": %d}'
_INSERT_EVENT = SqlEventLogStorageTable.insert()


class PooledEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log in SQLite; threads may share it."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        self._in_transaction: dict[str, Connection] = {}
        # What migrations have added stays: only absence is asked for again.
        self._known_columns: set[str] = set()
        self._known_tables: set[str] = set()
        self._known_indexes: set[str] = set()
        self._remembered: OrderedDict[str, tuple[bytes, EventLogRecord]] = OrderedDict()
        self._texts = EventTexts()
        super().__init__(base_dir)
        # Reentrant, so that what belongs together can be written in one transaction.
        self._db_lock = RLock()  # type: ignore[assignment]

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, with its copies in the index where Dagster keeps such."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events, all of them or none, in one transaction for each file that they go to."""
        shards = dict.fromkeys(event.run_id for event in events)
        with self.together(*shards, *([INDEX_SHARD_NAME] if any(map(_is_indexed, events)) else ())):
            for event in events:
                row = self._event_to_row(event)
                self._in_transaction[event.run_id].execute(_INSERT_EVENT, row)
                if _is_indexed(event):
                    self._store_in_index(event, row)

    @contextmanager
    def together(self, *shards: str) -> Iterator[None]:
        """One transaction for each of these files around all that this thread does with them.

        Other threads and writing processes wait meanwhile.
        """
        with self._db_lock, ExitStack() as transactions:
            for shard in shards:
                if shard not in self._in_transaction:
                    self._in_transaction[shard] = transactions.enter_context(self._connect(shard))
                    transactions.callback(self._in_transaction.pop, shard)
            yield

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            # The lock is held by the thread whose transactions these are.
            shared = self._in_transaction.get(shard)
            if shared is not None:
                yield shared
                return
            engine = self._engines.get(shard)
            if engine is None:
                engine = kept_engine(self.conn_string_for_shard(shard))
                self._initdb(engine)
                self._engines[shard] = engine
            with engine.begin() as connection:
                yield connection

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Makes the tables in a file that has none, as Dagster does."""
        path = engine.url.database
        assert path is not None
        if not has_tables(path):
            prepare_file(path)
            super()._initdb(engine, for_index_shard)

    def _event_to_row(self, event: EventLogEntry) -> dict[str, Any]:
        """An event as a row; the caller holds the lock."""
        of_dagster = event.dagster_event
        key = None if of_dagster is None else of_dagster.asset_key
        return {
            "run_id": event.run_id,
            "event": self._texts.text(event),
            "dagster_event_type": None if of_dagster is None else of_dagster.event_type_value,
            "timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "step_key": event.step_key if of_dagster is None else of_dagster.step_key,
            "asset_key": None if key is None else key.to_string(),
            "partition": (of_dagster.partition or None) if of_dagster is not None else None,
        }

    def _store_in_index(self, event: EventLogEntry, row: Mapping[str, Any]) -> None:
        index = self._in_transaction[INDEX_SHARD_NAME]
        event_id = index.execute(_INSERT_EVENT, row).lastrowid
        if event.dagster_event_type in ASSET_EVENTS:
            self._store_asset_event_tags(index, [event], [event_id])
            self._store_asset(index, event, event_id, row["event"])
        elif event.dagster_event_type in ASSET_CHECK_EVENTS:
            self.store_asset_check_event(event, event_id)

    def _store_asset(self, index: Connection, event: EventLogEntry, event_id: int, text: str) -> None:
        """What the table of assets keeps of an event; ``text`` is the event as it was stored."""
        found = event.dagster_event
        if found is None or found.asset_key is None:
            return
        key = found.asset_key.to_string()
        if not found.is_step_materialization:
            values = self._get_asset_entry_values(event, event_id, self.has_asset_key_index_cols())
            if values:
                _update_or_insert(index, key, values)
            return
        # What serialising the record gives, without serialising the event once more.
        record_text = _RECORD_TEXT % (text, event_id)
        values = {"last_materialization": record_text, "last_run_id": event.run_id}
        if self.has_asset_key_index_cols():
            values["last_materialization_timestamp"] = datetime.fromtimestamp(event.timestamp, timezone.utc)
        _update_or_insert(index, key, values)
        self._remember(key, record_text, EventLogRecord(event_id, event))

    def _remember(self, key: str, text: str, record: EventLogRecord) -> None:
        self._remembered[key] = (_digest(text), record)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    def _get_latest_materialization_records(
        self, raw_asset_rows: Iterable[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """The latest materialisation of each row's asset, parsed only where it is not at hand."""
        found: dict[AssetKey, EventLogRecord | None] = {}
        others = []
        for row in raw_asset_rows:
            record = self._at_hand(row)
            key = AssetKey.from_db_string(row["asset_key"])
            if record is None or key is None:
                others.append(row)
            else:
                found[key] = record
        return {**found, **super()._get_latest_materialization_records(others)} if others else found

    def _at_hand(self, row: Mapping[str, Any]) -> EventLogRecord | None:
        """The record that a row holds as text, if this process wrote that very text; not if it was wiped."""
        digest, record = self._remembered.get(row["asset_key"], (b"", None))
        text = row["last_materialization"]
        if record is None or text is None or _digest(text) != digest:
            return None
        details = AssetDetails.from_db_string(row["asset_details"])  # type: ignore[no-untyped-call]
        wiped_at = None if details is None else details.last_wipe_timestamp
        return record if wiped_at is None or record.event_log_entry.timestamp > wiped_at else None

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        return _once_true(self._known_tables, table_name, super().has_table)

    def has_secondary_index(self, name: str) -> bool:
        """Whether a migration of data is complete."""
        return _once_true(self._known_indexes, name, super().has_secondary_index)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the table of assets has a column, which migrations may have to add."""
        return _once_true(self._known_columns, column_name, super().has_asset_key_col)

    def dispose(self) -> None:
        """Close all connections."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def kept_engine(url: str) -> Engine:
    """An engine for one of Dagster's SQLite files, with connections that stay open."""
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
    sa.event.listen(engine, "connect", _commit_without_waiting_for_the_disk)
    return engine


def has_tables(path: str, table: str | None = None) -> bool:
    """Whether Dagster has made the tables of a SQLite file, and among them this one.

    Dagster asks Alembic, which reads all migrations that there ever were for that: a tenth of a second.
    """
    if not os.path.exists(path):
        return False
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "alembic_version" not in names or (table is not None and table not in names):
                return False
            return connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    except sqlite3.Error:
        return False  # Dagster's own way of opening the file then says what is wrong with it


def prepare_file(path: str) -> None:
    """Gives a SQLite file that has no tables yet the write-ahead log that Dagster gives it after them.

    Without, making each table and index waits for the disk three times: some sixty times for each run.
    """
    if os.path.exists(path):
        return  # another process makes the tables just now, or made them long ago
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Where that fails, Dagster's own way of making the file says why.
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _commit_without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """With Dagster's write-ahead log a power cut can then lose the last events, but harms no file."""
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_indexed(event: EventLogEntry) -> bool:
    kind = event.dagster_event_type
    return kind in ASSET_EVENTS or kind in ASSET_CHECK_EVENTS or kind in EVENT_TYPE_TO_PIPELINE_RUN_STATUS


def _update_or_insert(index: Connection, key: str, values: Mapping[str, Any]) -> None:
    # Nearly always there, since a run's planned events made it; a failed INSERT costs more.
    updated = index.execute(sa.update(AssetKeyTable).where(AssetKeyTable.c.asset_key == key), values)
    if updated.rowcount == 0:
        index.execute(sa.insert(AssetKeyTable), {"asset_key": key, **values})


def _once_true(known: set[str], name: str, ask: Callable[[str], bool]) -> bool:
    if name not in known and ask(name):
        known.add(name)
    return name in known


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
