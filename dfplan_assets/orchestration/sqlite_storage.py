"""Dagster's SQLite storage with connections that stay open.

Dagster makes an engine and opens a connection for every statement that it sends to SQLite, and
waits for the disk after each of some twelve a step, which costs more than the statements. The files
and what they hold are Dagster's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection

from dfplan_assets.orchestration.sqlite_events import (
    PooledEventLogStorage,
    has_tables,
    kept_engine,
    prepare_file,
)


class PooledSqliteStorage(DagsterSqliteStorage):
    """Runs and events in Dagster's SQLite files, through one engine for each file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        runs_folder, schedules_folder = _runs_directory(base_dir), _schedule_directory(base_dir)
        runs_url = create_db_conn_string(runs_folder, "runs")
        schedules_url = create_db_conn_string(schedules_folder, "schedules")
        paths = [url.removeprefix("sqlite:///") for url in (runs_url, schedules_url)]
        if not (has_tables(paths[0], "instance_info") and has_tables(paths[1])):
            for path in paths:
                prepare_file(path)
            super().__init__(base_dir, inst_data)
        # Where the tables are, nothing is left to make.
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = PooledRunStorage(runs_url)
        self._event_log_storage = PooledEventLogStorage(_event_logs_directory(base_dir))
        self._schedule_storage = SqliteScheduleStorage(schedules_url)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledSqliteStorage:
        """The storage that a dagster.yaml, or a changed reference to one, asks for."""
        return cls.from_local(config_value["base_dir"], inst_data)


class PooledRunStorage(SqliteRunStorage):
    """Runs in Dagster's SQLite file, through one engine."""

    def __init__(self, conn_string: str) -> None:
        super().__init__(conn_string)
        self._engine = kept_engine(conn_string)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextmanager
def kept_connections(instance: DagsterInstance) -> Iterator[None]:
    """Inside, an instance with Dagster's own SQLite storages reads and writes the same files as above.

    A run that the UI or a sensor launched comes with the instance that ``dagster.yaml`` describes.
    Storages of any other kind stay as they are.
    """
    runs, events = instance._run_storage, instance._event_storage
    with ExitStack() as undo:
        if type(runs) is SqliteRunStorage:
            kept_runs = PooledRunStorage(runs._conn_string)
            kept_runs.register_instance(instance)
            undo.callback(kept_runs.dispose)
            undo.callback(setattr, instance, "_run_storage", runs)
            instance._run_storage = kept_runs
        if type(events) is SqliteEventLogStorage:
            kept_events = PooledEventLogStorage(events._base_dir)
            kept_events.register_instance(instance)
            undo.callback(kept_events.dispose)
            undo.callback(setattr, instance, "_event_storage", events)
            instance._event_storage = kept_events
        yield
