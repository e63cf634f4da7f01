"""The rows that a bundle or a run becomes, checked: what passes here can be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dfplan_assets.store import bundle_format, tables
from dfplan_assets.store.bundle_format import BundleRow, EncodedBundle, ExplainRow
from dfplan_assets.store.run_format import EncodedRun, OperatorRow, RunRow, number, utc

Row = dict[str, Any]

# The columns of dfplan_bundle that hold a field of BundleRow under another name.
_RENAMED = {
    "parts": "parts_json",
    "volatile_functions": "volatile_functions_json",
    "parameters": "parameters_json",
    "substrait_detail": "substrait_detail_json",
}
_BUNDLE_COLUMNS = {
    column.name: _RENAMED.get(column.name, column.name)
    for column in tables.bundle.columns
    if _RENAMED.get(column.name, column.name) in BundleRow.__dataclass_fields__
    and column.name != "environment"
}
_RUN_FIELDS = tuple(RunRow.__dataclass_fields__)
_OPERATOR_FIELDS = tuple(OperatorRow.__dataclass_fields__)


def rows_of_bundle(encoded: EncodedBundle, at: datetime) -> dict[sa.Table, list[Row]]:
    """The rows of a bundle in the order in which they refer to each other, contents left out.

    ``ValueError`` says which value no database can hold.
    """
    row, moment = encoded.row, utc(at)
    environment_key = encoded.environment_key
    return checked(
        {
            tables.topology: [{"key": row.topology, **vars(encoded.figures)}],
            tables.environment: [
                {"key": environment_key, "position": position, "name": name, "content": sha256}
                for position, (name, sha256) in enumerate(row.environment)
            ],
            tables.view: [{"name": row.view, "first_seen_at": moment}],
            tables.bundle: [
                {
                    **{column: getattr(row, field) for column, field in _BUNDLE_COLUMNS.items()},
                    "key": encoded.key,
                    "format": bundle_format.FORMAT,
                    "first_planned_at": moment,
                    "last_planned_at": moment,
                    "planning_seconds": number(encoded.planning_seconds),
                    "environment": environment_key,
                }
            ],
            tables.explain: [
                {"bundle": encoded.key, "position": position, **vars(each)}
                for position, each in enumerate(row.explains)
            ],
        }
    )


def rows_of_run(encoded: EncodedRun) -> dict[sa.Table, list[Row]]:
    """The rows of a run in the order in which they refer to each other; operators lack ``run``.

    ``ValueError`` says which value no database can hold.
    """
    row = encoded.row
    return checked(
        {
            tables.view: [{"name": row.view, "first_seen_at": row.started_at}],
            tables.run: [
                {
                    **{name: getattr(row, name) for name in _RUN_FIELDS},
                    "key": encoded.key,
                    "format": encoded.format,
                }
            ],
            tables.operator: [
                {name: getattr(each, name) for name in _OPERATOR_FIELDS} for each in encoded.operators
            ],
        }
    )


def bundle_row_of(
    found: Mapping[str, Any], environment: Sequence[tuple[str, str]], explains: Sequence[ExplainRow]
) -> BundleRow:
    """The row of a bundle from the columns that hold it."""
    return BundleRow(
        **{field: found[column] for column, field in _BUNDLE_COLUMNS.items()},
        environment=tuple(environment),
        explains=tuple(explains),
    )


def run_row_of(found: Mapping[str, Any]) -> RunRow:
    """The row of a run from the columns that hold it."""
    return RunRow(**{name: found[name] for name in _RUN_FIELDS})


def checked(rows: dict[sa.Table, list[Row]]) -> dict[sa.Table, list[Row]]:
    """The same rows; ``ValueError`` says which value no database can hold."""
    for table, of_table in rows.items():
        for row in of_table:
            for name, value in row.items():
                if isinstance(value, str):
                    _check_text(table, name, value)
                elif isinstance(value, int):
                    _check_integer(table, name, value)
    return rows


def _check_text(table: sa.Table, name: str, value: str) -> None:
    # PostgreSQL refuses both; better to say so here than to keep what can never be written.
    if "\x00" in value or (not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value)):
        raise ValueError(f"{table.name}.{name} cannot hold the text {value!r}")


def _check_integer(table: sa.Table, name: str, value: int) -> None:
    bits = 63 if isinstance(table.c[name].type, sa.BigInteger) else 31
    if not -(1 << bits) <= value < 1 << bits:
        raise ValueError(f"{table.name}.{name} cannot hold the number {value}")
