"""Dagster's SQLite storage with connections that stay open.

Dagster makes an engine and opens a connection for every statement that it sends to SQLite, and
waits for the disk after each of some twelve a step, which costs more than the statements. The files
and what they hold are Dagster's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

from dfplan_assets.orchestration.sqlite_events import PooledEventLogStorage

_BUSY_TIMEOUT_SECONDS = 60


class PooledSqliteStorage(DagsterSqliteStorage):
    """Runs and events in Dagster's SQLite files, through one engine for each file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        runs, events = self.run_storage, self.event_log_storage
        assert isinstance(runs, SqliteRunStorage)
        assert isinstance(events, SqliteEventLogStorage)
        self._run_storage = _PooledRunStorage(runs._conn_string)
        self._event_log_storage = PooledEventLogStorage(events._base_dir, _engine)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledSqliteStorage:
        """The storage that a dagster.yaml, or a changed reference to one, asks for."""
        return cls.from_local(config_value["base_dir"], inst_data)


class _PooledRunStorage(SqliteRunStorage):
    def __init__(self, conn_string: str) -> None:
        super().__init__(conn_string)
        self._engine = _engine(conn_string)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._engine.dispose()


def _engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _commit_without_waiting_for_the_disk)
    return engine


def _commit_without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """With Dagster's write-ahead log a power cut can then lose the last events, but harms no file."""
    connection.execute("PRAGMA synchronous = NORMAL")
