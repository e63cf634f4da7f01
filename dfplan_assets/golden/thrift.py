"""Thrift's compact protocol, as far as a Parquet footer uses it: read as a tree, changed, written again.

The form is that of the Thrift project's specification "Thrift Compact protocol encoding".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_TRUE, _FALSE, _BYTE, _I16, _I32, I64, _DOUBLE, BINARY, _LIST, _SET, STRUCT = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    12,
)


@dataclass
class Items:
    """A list or set: the type of its elements, and these."""

    kind: int
    values: list[Value]


Value: TypeAlias = "bool | int | bytes | Items | Struct"
Struct: TypeAlias = "dict[int, tuple[int, Value]]"
"""A struct: type and value by the number of the field, in the order they were written."""


def read_struct(data: bytes) -> Struct:
    """The struct that these bytes are. Raises ValueError for a type that Parquet does not use."""
    return _Reader(data).struct()


def write_struct(struct: Struct) -> bytes:
    """The bytes of a struct; what ``read_struct`` read is written as it was."""
    written = bytearray()
    last = 0
    for number, (kind, value) in struct.items():
        if kind in (_TRUE, _FALSE):
            kind = _TRUE if value else _FALSE
        step = number - last
        if 0 < step < 16:
            written.append(step << 4 | kind)
        else:
            written.append(kind)
            written += _zigzag(number)
        written += _written(kind, value)
        last = number
    return bytes(written) + b"\0"


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def struct(self) -> Struct:
        found: Struct = {}
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._integer()
            kind = header & 15
            found[number] = kind, self._value(kind)
        return found

    def _value(self, kind: int) -> Value:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in (_I16, _I32, I64):
            return self._integer()
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in (_LIST, _SET):
            header = self._byte()
            length = header >> 4 if header >> 4 < 15 else self._varint()
            element = header & 15
            # In a list a boolean is a byte of its own.
            of = _BYTE if element in (_TRUE, _FALSE) else element
            return Items(element, [self._value(of) for _ in range(length)])
        if kind == STRUCT:
            return self.struct()
        raise ValueError(f"Thrift type {kind} has no place in a Parquet footer")

    def _bytes(self, length: int) -> bytes:
        self._position += length
        return self._data[self._position - length : self._position]

    def _byte(self) -> int:
        self._position += 1
        return self._data[self._position - 1]

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def _integer(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)


def _written(kind: int, value: Value) -> bytes:
    if isinstance(value, dict):
        return write_struct(value)
    if isinstance(value, Items):
        length = len(value.values)
        head = (
            bytes([length << 4 | value.kind]) if length < 15 else bytes([0xF0 | value.kind]) + _varint(length)
        )
        of = _BYTE if value.kind in (_TRUE, _FALSE) else value.kind
        return head + b"".join(_written(of, each) for each in value.values)
    if isinstance(value, bytes):
        return value if kind == _DOUBLE else _varint(len(value)) + value
    if kind in (_TRUE, _FALSE):
        return b""
    return bytes([value]) if kind == _BYTE else _zigzag(value)


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else -number * 2 - 1)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])
