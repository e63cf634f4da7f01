"""Columns of tables as golden files have them: name, type, whether it may be null."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache

import pyarrow as pa

from dfplan_assets.project.column_types import parse_type

Row = list[object]


def columns_to_json(schema: pa.Schema) -> list[Row]:
    """A row for each column. A type that its name does not tell of comes with Arrow's own encoding."""
    rows: list[Row] = []
    for field in schema:
        row: Row = [field.name, str(field.type), bool(field.nullable)]
        if not _is_told_by_name(field.type):
            encoded = pa.schema([pa.field("", field.type)]).serialize().to_pybytes()
            row.append(base64.b64encode(encoded).decode())
        rows.append(row)
    return rows


def columns_of_json(rows: Iterable[Row]) -> pa.Schema:
    """The columns that ``columns_to_json`` wrote. Raises ValueError for rows that are none."""
    fields = []
    for name, kind, nullable, *encoded in rows:
        if encoded:
            found = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(str(encoded[0])))).field(0).type
        else:
            found = parse_type(str(kind))
        fields.append(pa.field(str(name), found, nullable=bool(nullable)))
    return pa.schema(fields)


@lru_cache(maxsize=256)
def _is_told_by_name(kind: pa.DataType) -> bool:
    try:
        return bool(parse_type(str(kind)) == kind)
    except ValueError:
        return False
