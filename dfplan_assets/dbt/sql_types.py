"""Types of warehouses' columns in the words of ``columns:``."""

from __future__ import annotations

import re

_PLAIN = {
    "bigint": "int64",
    "int8": "int64",
    "int64": "int64",
    "long": "int64",
    "integer": "int32",
    "int": "int32",
    "int4": "int32",
    "smallint": "int16",
    "int2": "int16",
    "tinyint": "int8",
    "double": "double",
    "double precision": "double",
    "float8": "double",
    "float64": "double",
    "real": "float",
    "float4": "float",
    "varchar": "string",
    "character varying": "string",
    "char": "string",
    "character": "string",
    "text": "string",
    "string": "string",
    "boolean": "bool",
    "bool": "bool",
    "date": "date32",
    "timestamp": "timestamp[us]",
    "timestamp without time zone": "timestamp[us]",
    "timestamp_ntz": "timestamp[us]",
    "datetime": "timestamp[us]",
    "timestamptz": "timestamp[us, tz=UTC]",
    "timestamp with time zone": "timestamp[us, tz=UTC]",
    "timestamp_tz": "timestamp[us, tz=UTC]",
    "bytea": "binary",
    "blob": "binary",
    "binary": "binary",
}
_DECIMAL = re.compile(r"(?:decimal|numeric|number)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_LENGTH = re.compile(r"\s*\(\s*\d+\s*\)")


def column_type(data_type: str) -> str | None:
    """The type for ``columns:``; None where it is not known for sure.

    >>> column_type("VARCHAR(20)"), column_type("numeric(12, 2)"), column_type("geography")
    ('string', 'decimal128(12, 2)', None)
    """
    written = " ".join(data_type.lower().split())
    decimal = _DECIMAL.fullmatch(written)
    if decimal is not None:
        return f"decimal128({decimal.group(1)}, {decimal.group(2) or 0})"
    return _PLAIN.get(_LENGTH.sub("", written))
