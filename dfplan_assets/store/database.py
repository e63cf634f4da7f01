"""An open database: its connections, its transactions and the version of its schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dfplan_assets.errors import StoreError
from dfplan_assets.store import tables
from dfplan_assets.store.address import Address, read_address
from dfplan_assets.store.failures import as_store_errors
from dfplan_assets.store.record import Upgraded

BUSY_SECONDS = 30.0
"""How long a writer waits for the others before it gives up."""

_CONNECT_SECONDS = 5

# Any number will do, as long as all versions of this package use the same one. Writers share the
# lock; whoever removes rows or changes tables has it alone.
_POSTGRESQL_LOCK = 0x64_66_70_6C_61_6E


class Database:
    """Connections to one store. Threads may share it, processes must not."""

    def __init__(self, address: Address, engine: sa.Engine) -> None:
        self.address = address
        self.engine = engine
        self._inserts: dict[sa.Table, sqlite.Insert | postgresql.Insert] = {}

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self, doing: str) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the store throughout."""
        with as_store_errors(self.address, doing), self.engine.connect() as connection:
            if self.address.kind == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self, doing: str, *, alone: bool = False) -> Iterator[sa.Connection]:
        """A transaction that writes all or nothing, into a store of this code's version.

        ``alone`` keeps other writers out, as those need who remove what others may rely on.
        """
        path = self.address.path
        if path is not None and not path.exists():
            # What is written through an open connection would be gone with it.
            raise StoreError(
                self.address.where,
                "the file was removed while it was in use",
                "The next run makes a new one.",
            )
        with as_store_errors(self.address, doing), self.engine.begin() as connection:
            self._lock(connection, alone=alone)
            # Another process may have upgraded the store since this one opened it.
            _require_current(self.address, _version(self.address, connection))
            yield connection

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that can say what to do ON CONFLICT, which both databases spell alike."""
        return sqlite.insert(table) if self.address.kind == "sqlite" else postgresql.insert(table)

    def insert_if_absent(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that passes over rows that are there already; one object for each table."""
        found = self._inserts.get(table)
        if found is None:
            found = self._inserts[table] = self.insert(table).on_conflict_do_nothing()
        return found

    def _lock(self, connection: sa.Connection, *, alone: bool) -> None:
        if self.address.kind == "sqlite":
            # A transaction that begins by reading could not be made a writing one under load.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
            connection.exec_driver_sql(f"SELECT {function}({_POSTGRESQL_LOCK})")

    def create(self) -> None:
        """Make the tables, unless another process does so first."""
        from dfplan_assets.store.migrations import migrate

        with as_store_errors(self.address, "creating it"), self.engine.begin() as connection:
            self._lock(connection, alone=True)
            if not sa.inspect(connection).has_table(tables.VERSION_TABLE):
                migrate(connection)

    def version(self) -> int | None:
        """The version of the schema; None for a database without any tables of the store."""
        with as_store_errors(self.address, "opening it"):
            try:
                with self.engine.connect() as connection:
                    return _version(self.address, connection)
            except sa.exc.DBAPIError as error:
                if not _is_missing_table(error):
                    raise
            if self.address.kind == "sqlite":
                with self.engine.connect() as connection:
                    self._require_no_tables(connection)
            return None

    def _require_no_tables(self, connection: sa.Connection) -> None:
        """A PostgreSQL database may well hold other tables too; a file is either ours or not."""
        found = sa.inspect(connection).get_table_names()
        if found and tables.VERSION_TABLE not in found:
            listed = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
            raise StoreError(
                self.address.where,
                f"the file is a SQLite database but no plan store: it holds {listed}",
                "Point 'store:' in dfplan.yaml at another file; this one was left as it is.",
            )

    def upgrade(self) -> Upgraded:
        """Migrate to this code's version, all or nothing; the engine must not enforce foreign keys."""
        from dfplan_assets.store.migrations import migrate

        with as_store_errors(self.address, "upgrading it"), self.engine.begin() as connection:
            self._lock(connection, alone=True)
            if not sa.inspect(connection).has_table(tables.VERSION_TABLE):
                raise StoreError(
                    self.address.where, "there is no plan store", "It is made at the first run: dfplan run."
                )
            before = _version(self.address, connection)
            if before > tables.VERSION:
                _require_current(self.address, before)
            migrate(connection)
            if self.address.kind == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise StoreError(
                        self.address.where,
                        f"the upgrade would leave {len(broken)} rows that refer to nothing; it was undone",
                        "Please report this; the store is as it was.",
                    )
        return Upgraded(before, tables.VERSION)


def open_database(url: str) -> Database:
    """Open a store, or create it where there is none; ``StoreError`` for one of another version."""
    address = read_address(url)
    if address.path is not None:
        _ensure_file(address, address.path)
    database = Database(address, _engine(address))
    try:
        found = database.version()
        if found is None:
            database.create()
        else:
            _require_current(address, found)
    except BaseException:
        database.close()
        raise
    return database


def find_database(url: str) -> Database | None:
    """Open a store as ``open_database`` does; None where there is none, and none is made."""
    address = read_address(url)
    if address.path is not None and (
        not address.path.exists() or (address.path.is_file() and address.path.stat().st_size == 0)
    ):
        return None
    database = Database(address, _engine(address))
    try:
        found = database.version()
        if found is None:
            database.close()
            return None
        _require_current(address, found)
    except BaseException:
        database.close()
        raise
    return database


def upgrade_store(url: str) -> Upgraded:
    """Migrate a store in place to the schema of this code, keeping every row.

    ``StoreError`` where there is no store, or one that a newer dfplan made.
    """
    address = read_address(url)
    if address.path is not None and not address.path.is_file():
        raise StoreError(address.where, "there is no such file", "It is made at the first run: dfplan run.")
    # A migration that rebuilds a table drops the old one, and with it all that refers to it.
    database = Database(address, _engine(address, foreign_keys=False))
    try:
        return database.upgrade()
    finally:
        database.close()


def _is_missing_table(error: sa.exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)


def _version(address: Address, connection: sa.Connection) -> int:
    found = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    try:
        return int(str(found))
    except ValueError:
        raise StoreError(
            address.where,
            f"the table {tables.VERSION_TABLE} names the version {found!r}, which is none",
            "Restore the store from a backup, or point 'store:' in dfplan.yaml at another one.",
        ) from None


def _require_current(address: Address, found: int) -> None:
    if found < tables.VERSION:
        raise StoreError(
            address.where,
            f"the store has schema {found}, this dfplan needs schema {tables.VERSION}",
            "Run: dfplan store upgrade (it keeps every row).",
        )
    if found > tables.VERSION:
        raise StoreError(
            address.where,
            f"the store has schema {found}, this dfplan knows only up to schema {tables.VERSION}",
            "Install the dfplan-assets that made the store, or a later one.",
        )


def _engine(address: Address, *, foreign_keys: bool = True) -> sa.Engine:
    if address.path is None:
        timeout = {} if "connect_timeout" in address.url.query else {"connect_timeout": _CONNECT_SECONDS}
        try:
            return sa.create_engine(
                address.url,
                connect_args={**timeout, **address.secrets},
                pool_pre_ping=True,
                hide_parameters=True,
            )
        except ModuleNotFoundError:
            raise StoreError(
                address.where,
                "the PostgreSQL driver psycopg is not installed",
                "Install it: pip install 'dfplan-assets[postgres]'.",
            ) from None
    path = address.path
    immutable = _is_sealed(address, path)

    def connect() -> sqlite3.Connection:
        return _connect(path, "immutable=1" if immutable else "mode=rw", foreign_keys=foreign_keys)

    return sa.create_engine(
        address.url,
        creator=connect,
        # An immutable file is read as it is at that moment: do not hold on to it.
        poolclass=sa.NullPool if immutable else sa.QueuePool,
        hide_parameters=True,
    )


def _connect(path: Path, mode: str, *, foreign_keys: bool = True) -> sqlite3.Connection:
    """A connection in autocommit: transactions begin where this module says so."""
    connection = _raw_connection(path, mode)
    try:
        # With a write-ahead log, NORMAL loses nothing when a process dies; a power cut may cost
        # the last commits, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _raw_connection(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _is_sealed(address: Address, path: Path) -> bool:
    """Whether the file can be read only as immutable: SQLite needs to write beside it otherwise.

    That is so in a folder that cannot be written while no other process has the store open.
    Other trouble with the file is left to the first statement of the store, which names it.
    """
    try:
        with closing(_raw_connection(path, "mode=rw")) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError as error:
        if not path.is_file() or not any(text in str(error) for text in ("readonly", "unable to open")):
            return False
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise StoreError(
                address.where,
                f"its latest rows are still in {log.name}, which needs a folder that can be written",
                "Open the store once where it can be written, then copy or seal it.",
            ) from error
        return True
    return False


def _ensure_file(address: Address, path: Path) -> None:
    """Make an empty database with a write-ahead log, unless the file has something in it."""
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > 0):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            address.where, f"the file cannot be made: {error}", "Choose a folder that can be written."
        ) from error
    with as_store_errors(address, "creating it"), closing(_connect(path, "mode=rwc")) as connection:
        # So that a collection can give space back; it has to come before anything is written.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_write_ahead_log(connection)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait for others here, so this does."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
        time.sleep(0.01)
