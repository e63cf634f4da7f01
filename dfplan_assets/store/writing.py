"""How bundles and runs get into the tables: each function writes inside a transaction of its caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.bundle_format import EncodedBundle
from dfplan_assets.store.content import Content, hash_of, pack
from dfplan_assets.store.database import Database
from dfplan_assets.store.rows import Row, rows_of_bundle, rows_of_run
from dfplan_assets.store.run_format import EncodedRun, utc

_BUNDLE, _RUN = tables.bundle.c, tables.run.c
_AT = sa.bindparam("at", type_=tables.UtcDateTime)
_TOUCH = (
    sa.update(tables.bundle)
    .where(_BUNDLE.key == sa.bindparam("touched"))
    .values(
        first_planned_at=sa.case((_BUNDLE.first_planned_at > _AT, _AT), else_=_BUNDLE.first_planned_at),
        last_planned_at=sa.case((_BUNDLE.last_planned_at < _AT, _AT), else_=_BUNDLE.last_planned_at),
    )
)
_KNOWN = sa.select(tables.content.c.sha256).where(
    tables.content.c.sha256.in_(sa.bindparam("hashes", expanding=True))
)
_RUN_ID = sa.select(_RUN.id).where(_RUN.key == sa.bindparam("run_key"))


@dataclass(frozen=True)
class ReadyBundle:
    """A bundle with its rows checked and what the store may lack compressed, before anyone must wait."""

    encoded: EncodedBundle
    rows: Mapping[sa.Table, Sequence[Row]]
    packed: Mapping[str, Content]
    moment: datetime


@dataclass(frozen=True)
class ReadyRun:
    """A run with its rows checked and its texts compressed."""

    encoded: EncodedRun
    rows: Mapping[sa.Table, Sequence[Row]]
    packed: Mapping[str, Content]


def ready_bundle(encoded: EncodedBundle, at: datetime, known: Set[str]) -> ReadyBundle:
    """A bundle ready to be written; texts with a hash in ``known`` are compressed only if they are missing.

    Raises ``ValueError`` for what no database can hold.
    """
    moment = utc(at)
    return ReadyBundle(encoded, rows_of_bundle(encoded, moment), _packed(encoded.texts, known), moment)


def ready_run(encoded: EncodedRun) -> ReadyRun:
    """A run ready to be written. Raises ``ValueError`` for what no database can hold."""
    return ReadyRun(encoded, rows_of_run(encoded), _packed(encoded.texts, frozenset()))


def write_bundle(database: Database, connection: sa.Connection, ready: ReadyBundle) -> None:
    """Write a bundle, or for one that is there already move its first and last moment apart."""
    encoded = ready.encoded
    if touch(connection, encoded.key, ready.moment):
        return
    known = known_contents(connection, encoded.texts)
    packed = {**ready.packed, **_packed(encoded.texts, known | ready.packed.keys())}
    _insert(database, connection, tables.content, [vars(packed[h]) for h in sorted(packed) if h not in known])
    for table, rows in ready.rows.items():
        added = _insert(database, connection, table, rows)
        if table is tables.bundle and added == 0:
            # Another process has stored the same bundle in between.
            touch(connection, encoded.key, ready.moment)


def write_run(database: Database, connection: sa.Connection, ready: ReadyRun) -> None:
    """Write a run, unless it is there already."""
    contents = [vars(ready.packed[sha256]) for sha256 in sorted(ready.packed)]
    _insert(database, connection, tables.content, contents)
    _insert(database, connection, tables.view, ready.rows[tables.view])
    if _insert(database, connection, tables.run, ready.rows[tables.run]):
        run_id = connection.execute(_RUN_ID, {"run_key": ready.encoded.key}).scalar_one()
        operators = [{**row, "run": run_id} for row in ready.rows[tables.operator]]
        _insert(database, connection, tables.operator, operators)


def touch(connection: sa.Connection, key: str, moment: datetime) -> bool:
    """Move the first and last moment of a bundle apart; False when it is not there."""
    return connection.execute(_TOUCH, {"touched": key, "at": moment}).rowcount > 0


def known_contents(connection: sa.Connection, texts: Mapping[str, bytes]) -> set[str]:
    """The hashes of those texts that the store has."""
    return set(connection.execute(_KNOWN, {"hashes": list(texts)}).scalars())


def _insert(
    database: Database, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert the rows that are not there yet, and count them."""
    if not rows:
        return 0
    return connection.execute(database.insert_if_absent(table), rows).rowcount


def _packed(texts: Mapping[str, bytes], without: Set[str]) -> dict[str, Content]:
    """The texts in stored form; ``ValueError`` for one that does not have the hash it is named by."""
    packed = {}
    for sha256, payload in texts.items():
        if sha256 not in without:
            if hash_of(payload) != sha256:
                raise ValueError(f"a part of its environment does not have the SHA-256 {sha256} it names")
            packed[sha256] = pack(sha256, payload)
    return packed
