"""dbt's tests as entries of ``checks:`` in a view's front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dfplan_assets.dbt.manifest import Test

_PLAIN_COLUMN = re.compile(r"[A-Za-z_]\w*")
_QUOTED_COLUMN = re.compile(r'"((?:[^"]|"")+)"|`([^`]+)`')


class NoCheckError(ValueError):
    """Why a test of dbt's cannot be a check."""


def check_entry(test: Test, table_names: Mapping[str, str]) -> dict[str, Any]:
    """The entry of ``checks:`` that means what a test means.

    ``table_names`` are the names here of the tables that can be read, by dbt's ids. A test that fails in
    ``dbt build`` stops what is downstream; so does the check. Raises NoCheckError saying why there is none.
    """
    if test.thresholds:
        raise NoCheckError("it lets some rows fail (error_if, warn_if, fail_calc)")
    rule = _rule(test, table_names)
    entry: dict[str, Any] = {**rule, "name": _name(test)}
    return {**entry, "severity": "warn"} if test.severity == "warn" else {**entry, "blocking": True}


def _rule(test: Test, table_names: Mapping[str, str]) -> dict[str, Any]:
    if test.kind is None:
        raise NoCheckError("it is a query of its own")
    arguments = test.arguments
    if test.kind == "not_null":
        column = _column(arguments.get("column_name"))
        if test.where is None:
            return {"not_null": column}
        return {"expression": f"({test.where}) is not true or {_as_sql(column)} is not null"}
    if test.kind == "accepted_values":
        return _accepted_values(test)
    if test.kind == "dbt_utils.expression_is_true" and test.where is None:
        return {"expression": f"{arguments.get('column_name', '')} {arguments['expression']}".strip()}
    if test.where is not None:
        raise NoCheckError("it looks at some rows only (where)")
    if test.kind == "unique":
        return {"unique": _column(arguments.get("column_name"))}
    if test.kind == "dbt_utils.unique_combination_of_columns":
        return {"unique": [_column(column) for column in arguments["combination_of_columns"]]}
    if test.kind == "relationships":
        # A table that refers to itself is the only one that its test reads.
        to = next((id_ for id_ in test.reads if id_ != test.tested), test.tested)
        if to is None or to not in table_names:
            raise NoCheckError("the table that it compares with was not taken over")
        return {
            "relationships": {
                "column": _column(arguments.get("column_name")),
                "to": table_names[to],
                "field": _column(arguments.get("field")),
            }
        }
    raise NoCheckError(f"there is no check of the kind {test.kind}")


def _accepted_values(test: Test) -> dict[str, Any]:
    column = _column(test.arguments.get("column_name"))
    values = list(test.arguments.get("values") or ())
    if test.arguments.get("quote", True):
        values = [str(value) for value in values]
    elif any(isinstance(value, str) for value in values):
        raise NoCheckError("its values are SQL expressions (quote: false)")
    if test.where is None:
        return {"accepted_values": {"column": column, "values": values}}
    name = _as_sql(column)
    listed = ", ".join(_literal(value) for value in values)
    return {"expression": f"({test.where}) is not true or {name} is null or {name} in ({listed})"}


def _column(written: Any) -> str:
    """A column's name as it is here: as it stands in quotes, else in lower case, as SQL folds it."""
    text = str(written or "")
    quoted = _QUOTED_COLUMN.fullmatch(text)
    if quoted is not None:
        return (quoted.group(1) or quoted.group(2)).replace('""', '"')
    if not _PLAIN_COLUMN.fullmatch(text):
        raise NoCheckError(
            f"it is of the expression {text!r}, not of a column" if text else "it names no column"
        )
    return text.lower()


def _as_sql(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(test: Test) -> str:
    """dbt's name of the test, as Dagster takes it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", test.name)
