"""What databases say when something fails, in words that help: driver errors become StoreErrors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from dfplan_assets.errors import StoreError
from dfplan_assets.store.address import Address

_READ_ONLY = (
    "the store is read-only; nothing was written",
    "Give this user the right to write, or point 'store:' at a store that it may write.",
)
_FULL = (
    "there is no space left where the store is; nothing was written",
    "Free some space there (dfplan store gc --keep-bundles N removes old ones), then try again.",
)
_LOCKED = (
    "another process has held the store locked for too long",
    "See which process is writing to it, then try again.",
)
_NO_DATABASE = (
    "the file is no SQLite database; it was left as it is",
    "Point 'store:' in dfplan.yaml at another file, or move this one away.",
)
_UNOPENED = (
    "the file cannot be opened",
    "Check that it is a file, in a folder that exists, which this user may read.",
)
_DAMAGED = (
    "the database is damaged",
    "Restore it from a backup, or move it away: a new one is made at the next run.",
)
_UNREACHABLE_STEP = "Check that the database server runs and can be reached, and the URL in 'store:'."
_OTHER_STEP = "The database's own message says what it needs."

_SQLITE_TEXTS = (
    ("readonly database", _READ_ONLY),
    ("database or disk is full", _FULL),
    ("database is locked", _LOCKED),
    ("file is not a database", _NO_DATABASE),
    ("malformed", _DAMAGED),
    ("unable to open database file", _UNOPENED),
)
_POSTGRESQL_STATES = (
    ("25006", _READ_ONLY),
    ("42501", _READ_ONLY),
    ("53100", _FULL),
    ("55P03", _LOCKED),
)


@contextmanager
def as_store_errors(address: Address, doing: str) -> Iterator[None]:
    """Raise what the database driver raises as ``StoreError``; ``doing`` completes "while"."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        translated = _translate(address, doing, error.orig, lost=error.connection_invalidated)
        raise translated from _showable(address, error)
    except sqlite3.Error as error:
        raise _translate(address, doing, error, lost=False) from error
    except sa.exc.SQLAlchemyError as error:
        cause = f"{address.without_secrets(str(error))} (while {doing})"
        raise StoreError(address.where, cause, _OTHER_STEP) from _showable(address, error)


def _showable(address: Address, error: Exception) -> Exception | None:
    """The error as the cause of another, unless a traceback would then show a secret."""
    return error if address.without_secrets(str(error)) == str(error) else None


def _translate(address: Address, doing: str, error: BaseException | None, *, lost: bool) -> StoreError:
    said = address.without_secrets(str(error).strip())
    line = said.splitlines()[0] if said else type(error).__name__
    if address.kind == "sqlite":
        found = next((known for text, known in _SQLITE_TEXTS if text in line), None)
    else:
        state = getattr(error, "sqlstate", None)
        found = next((known for code, known in _POSTGRESQL_STATES if code == state), None)
        if found is None and (state is None or lost):
            found = (f"the store cannot be reached: {line}", _UNREACHABLE_STEP)
    cause, next_step = found or (line, _OTHER_STEP)
    return StoreError(address.where, f"{cause} (while {doing})", next_step)
