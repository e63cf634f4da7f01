"""Which types a check can compare, and values of a front matter as SQL literals of a column's type."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa

from dfplan_assets.project.data_checks import CheckedValue

_INT64_AND_UINT64 = range(-(2**63), 2**64)


def kind_of(column: pa.DataType) -> str | None:
    """The kind of a column's values, in words; values of one kind can be compared. None for nested types."""
    if pa.types.is_dictionary(column):
        return kind_of(column.value_type)
    if pa.types.is_boolean(column):
        return "true or false"
    if pa.types.is_integer(column) or pa.types.is_floating(column) or pa.types.is_decimal(column):
        return "numbers"
    if pa.types.is_string(column) or pa.types.is_large_string(column) or column == pa.string_view():
        return "texts"
    if pa.types.is_timestamp(column):
        return "times" if column.tz is None else "times with a zone"
    if pa.types.is_date(column):
        return "times"
    if pa.types.is_binary(column) or pa.types.is_large_binary(column) or column == pa.binary_view():
        return "bytes"
    if pa.types.is_fixed_size_binary(column):
        return "bytes"
    if pa.types.is_time(column):
        return "times of day"
    return "durations" if pa.types.is_duration(column) else None


def sql_literal(value: CheckedValue, column: pa.DataType) -> str:
    """A value as SQL of the type of a column; raises ValueError saying what the value would have to be.

    >>> sql_literal("it's", pa.string()), sql_literal(1, pa.int32())
    ("'it''s'", '1')
    """
    if pa.types.is_dictionary(column):
        return sql_literal(value, column.value_type)
    kind = kind_of(column)
    if kind == "texts" and isinstance(value, str):
        return sql_text(value)
    if kind == "true or false" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "numbers" and isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _number(value, column)
    if pa.types.is_date(column) and type(value) is datetime.date:
        return f"date '{value.isoformat()}'"
    if pa.types.is_timestamp(column) and isinstance(value, datetime.datetime):
        return _moment(value, column)
    raise ValueError(_EXPECTED[_form_of(column)])


def sql_text(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A column's name, whatever characters it has, as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _number(value: int | float | Decimal, column: pa.DataType) -> str:
    if pa.types.is_decimal(column):
        exact = Decimal(str(value))
        try:
            pa.scalar(exact, column)
        except (pa.ArrowException, ValueError) as problem:
            raise ValueError(f"no {column} is {value}") from problem
        return f"arrow_cast({sql_text(f'{exact:f}')}, {sql_text(_decimal_name(column))})"
    if pa.types.is_floating(column):
        # Written as a plain number it would be of 64 bits, and 0.1 of 32 bits is another number.
        bits = column.bit_width
        return f"arrow_cast({float(value)!r}, 'Float{bits}')" if bits < 64 else repr(float(value))
    if isinstance(value, int) and value in _INT64_AND_UINT64:
        return str(value)
    raise ValueError("it must be a whole number of 64 bits")


def _decimal_name(column: pa.DataType) -> str:
    return f"Decimal{column.bit_width}({column.precision}, {column.scale})"


def _moment(value: datetime.datetime, column: pa.DataType) -> str:
    if (value.tzinfo is None) != (column.tz is None):
        raise ValueError(_EXPECTED[_form_of(column)])
    unit = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}[column.unit]
    zone = "None" if column.tz is None else f'Some("{column.tz}")'
    return f"arrow_cast({sql_text(value.isoformat())}, {sql_text(f'Timestamp({unit}, {zone})')})"


def _form_of(column: pa.DataType) -> str | None:
    return "dates" if pa.types.is_date(column) else kind_of(column)


_EXPECTED = {
    "texts": "it must be a text: put it in quotes",
    "true or false": "it must be true or false",
    "numbers": "it must be a number, without quotes",
    "dates": "it must be a date, as in 2024-01-31, without quotes",
    "times": "it must be a date with a time and no zone, as in 2024-01-31 10:00:00, without quotes",
    "times with a zone": "it must be a time with its zone, as in 2024-01-31T10:00:00Z, without quotes",
    "times of day": "no times of day can be listed: write an expression",
    "durations": "no durations can be listed: write an expression",
    "bytes": "no bytes can be listed: write an expression",
    None: "nested values cannot be listed: write an expression",
}
