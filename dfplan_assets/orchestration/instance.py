"""The Dagster instance that runs are written to."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.exc import DBAPIError

from dfplan_assets.errors import ExecutionError, ProjectError
from dfplan_assets.execution.locks import locked
from dfplan_assets.orchestration.sqlite_storage import PooledSqliteStorage

_HOME_VARIABLE = "DAGSTER_HOME"
_LOCK = ".dfplan-opening.lock"
_CONFIG = """\
# Dagster asks its database for the instance's id at two events of every step, only to report usage.
telemetry:
  enabled: false
# No dialog that asks for an e-mail address before the UI shows anything.
nux:
  enabled: false
"""


def dagster_home(project_root: Path) -> Path:
    """Where Dagster keeps its runs: ``DAGSTER_HOME`` if set, else ``.dfplan/dagster`` in the project."""
    configured = os.environ.get(_HOME_VARIABLE)
    return Path(configured) if configured else _own_home(project_root)


@contextmanager
def open_instance(project_root: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in ``dagster_home``, made there if there is none; the UI opened on it shows its runs.

    It differs from the one that Dagster itself would open there in two ways that change nothing
    stored: SQLite connections stay open, and the process's output is not captured, since that would
    swallow the progress display.

    Raises ProjectError for a folder or configuration that cannot be used, ExecutionError where Dagster's
    database cannot be opened, read or written, also later on.
    """
    home = dagster_home(project_root)
    _prepare(home, own=home.resolve() == _own_home(project_root).resolve())
    try:
        reference = InstanceRef.from_dir(str(home))
    except dg.DagsterInvalidConfigError as cause:
        raise ProjectError(
            str(home / "dagster.yaml"),
            f"Dagster cannot read its configuration: {cause}",
            "Correct the file.",
        ) from cause
    try:
        with _opened(home, _for_runs_in_this_process(reference)) as instance:
            yield instance
    except (DBAPIError, sqlite3.Error) as cause:  # of Dagster's storages: the plan store's are StoreErrors
        said = cause.orig if isinstance(cause, DBAPIError) else cause
        raise ExecutionError(
            str(home),
            f"Dagster's database there cannot be used: {said}",
            f"Check its rights and the disk's free space, or set {_HOME_VARIABLE} to another folder.",
        ) from cause


def _opened(home: Path, reference: InstanceRef) -> dg.DagsterInstance:
    """The instance, with its tables made where there are none yet.

    One process at a time: Dagster's own way looks whether a table is there and makes it later, and the second
    of two first runs would end with "table … already exists".
    """
    try:
        with locked(home / _LOCK):
            return dg.DagsterInstance.from_ref(reference)
    except OSError:  # a folder that cannot be written, whose tables may be read all the same
        return dg.DagsterInstance.from_ref(reference)


def _own_home(project_root: Path) -> Path:
    return project_root / ".dfplan" / "dagster"


def _prepare(home: Path, own: bool) -> None:
    """Makes the project's own folder ready; any other that the user chose must be there."""
    if not own:
        if not home.is_absolute() or not home.is_dir():
            raise ProjectError(
                f"{_HOME_VARIABLE}={home}",
                "it is not the absolute path of a folder that exists",
                f"Make the folder, name it with its full path, or unset {_HOME_VARIABLE}.",
            )
        return
    config = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not config.exists():
            config.write_text(_CONFIG, encoding="utf-8")
    except OSError as cause:
        raise ExecutionError(
            str(home),
            f"Dagster's folder cannot be written: {cause.strerror}",
            f"Make it writable, or set {_HOME_VARIABLE} to a folder that is.",
        ) from cause


def _for_runs_in_this_process(reference: InstanceRef) -> InstanceRef:
    reference = reference._replace(compute_logs_data=_class_data(NoOpComputeLogManager, "{}\n"))
    stored = reference.storage_data
    if stored is None or stored.class_name != DagsterSqliteStorage.__name__:
        return reference
    return reference._replace(storage_data=_class_data(PooledSqliteStorage, stored.config_yaml))


def _class_data(cls: type, config_yaml: str) -> ConfigurableClassData:
    return ConfigurableClassData(cls.__module__, cls.__name__, config_yaml)
