"""Protocol buffer messages as lists of fields, for messages of which only a few fields are known.

DataFusion's own plan encoding has no Python classes. Cutting a subtree out of it needs no more than
to find the few fields that hold plans; all others are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_VARINT, _FIXED64, BYTES, _FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """A field: its number, and its value as an int (varint) or as bytes (length-delimited or fixed)."""

    number: int
    wire_type: int
    value: int | bytes


def bytes_field(number: int, value: bytes) -> Field:
    """A length-delimited field: a message, string or bytes."""
    return Field(number, BYTES, value)


def read(message: bytes) -> Iterator[Field]:
    """The fields of a message in their order. Raises ValueError where it is none."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        wire_type = key & 7
        value: int | bytes
        if wire_type == _VARINT:
            value, position = _read_varint(message, position)
        else:
            if wire_type == BYTES:
                size, position = _read_varint(message, position)
            elif wire_type in (_FIXED64, _FIXED32):
                size = 8 if wire_type == _FIXED64 else 4
            else:
                raise ValueError(f"wire type {wire_type}")
            value = message[position : position + size]
            position += size
            if len(value) != size:
                raise ValueError("the message ends inside a field")
        yield Field(key >> 3, wire_type, value)


def write(fields: Iterable[Field]) -> bytes:
    """The message of these fields; ``write(read(m)) == m`` for canonical varints."""
    out = bytearray()
    for number, wire_type, value in fields:
        _write_varint(out, number << 3 | wire_type)
        if isinstance(value, int):
            _write_varint(out, value)
        else:
            if wire_type == BYTES:
                _write_varint(out, len(value))
            out += value
    return bytes(out)


def first_bytes(message: bytes, number: int) -> bytes:
    """The first length-delimited field of a number; empty where there is none, as protobuf has it."""
    for field in read(message):
        if field.number == number and isinstance(field.value, bytes):
            return field.value
    return b""


def first_int(message: bytes, number: int) -> int:
    """The first varint field of a number as a signed 64-bit integer; 0 where there is none."""
    for field in read(message):
        if field.number == number and isinstance(field.value, int):
            return field.value - (1 << 64) if field.value >= 1 << 63 else field.value
    return 0


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise ValueError("the message ends inside a number")
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


def _write_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
