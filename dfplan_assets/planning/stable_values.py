"""Values of Python as what they are in every process: constants, tables of them, objects made of them."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import importlib
import logging
import pathlib
import re
import threading
import types
import typing
import uuid
from collections.abc import Callable, Mapping

import pyarrow as pa

_CONSTANTS = frozenset(
    {bool, int, float, complex, str, bytes, bytearray, type(None), type(...), range, slice}
)
_CONSTANT_CLASSES = (
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    pathlib.PurePath,
    re.Pattern,
    pa.DataType,
    pa.Field,
    pa.Schema,
)
# Of these the statement that makes them says all.
_OF_STATEMENT = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.GenericAlias,
    types.UnionType,
    types.ModuleType,
    functools.partial,
    logging.Logger,
    type(threading.Lock()),
    type(threading.RLock()),
    threading.local,
    typing.TypeVar,
)


class NoStableFormError(Exception):
    """A value holds what cannot be told in the same words by every process."""


def stable_value(value: object, folder: str = "") -> tuple[object, bool]:
    """A value as JSON, and whether that is all of it; else the rest is in the statement that makes it.

    ``folder`` is left out of paths and texts, so that the value is the same wherever the project is kept.
    Raises NoStableFormError for objects of foreign classes, whose content nothing tells.

    >>> stable_value({"a": (1, 2.5)})
    (['dict', [[['str', "'a'"], ['tuple', [['int', '1'], ['float', '2.5']]]]]], True)
    """
    walk = _Values(folder)
    form = walk.form(value)
    return form, walk.complete


class _Values:
    def __init__(self, folder: str) -> None:
        self.complete = True
        self._folder = folder
        self._seen: list[object] = []

    def form(self, value: object) -> object:
        """One value; what was met before is only named, so that circles end."""
        kind = type(value).__name__
        if isinstance(value, enum.Enum):
            self.complete = False
            return [kind, value.name]
        if type(value) in _CONSTANTS or isinstance(value, _CONSTANT_CLASSES):
            text = repr(value)
            if " at 0x" in text:
                raise NoStableFormError  # where it lies in this process
            return [kind, text.replace(self._folder, "") if self._folder else text]
        if any(value is each for each in self._seen):
            return ["again"]
        self._seen.append(value)
        if type(value) in (list, tuple):
            return [kind, [self.form(each) for each in value]]  # type: ignore[attr-defined]
        if type(value) in (set, frozenset):
            return [kind, sorted((self.form(each) for each in value), key=repr)]  # type: ignore[attr-defined]
        if type(value) is dict or isinstance(value, types.MappingProxyType):
            return [kind, [[self.form(key), self.form(each)] for key, each in value.items()]]
        table = _bytes_of(value)
        if table is not None:
            return [kind, hashlib.sha256(table).hexdigest()]
        self.complete = False
        if isinstance(value, _OF_STATEMENT) or _is_of_datafusion(value) or hasattr(value, "__wrapped__"):
            return [kind]
        return [kind, self._state(value)]

    def _state(self, value: object) -> object:
        """The attributes of an object whose class is written in Python and not in an installed package."""
        module = importlib.import_module(type(value).__module__)
        file = getattr(module, "__file__", None)
        if file is None or {"site-packages", "dist-packages"} & set(pathlib.Path(file).parts):
            raise NoStableFormError
        slots = [
            name
            for each in type(value).__mro__
            for name in _names(vars(each).get("__slots__", ()))
            if name not in ("__dict__", "__weakref__") and hasattr(value, name)
        ]
        if not slots and not hasattr(value, "__dict__"):
            raise NoStableFormError  # written in C: it shows nothing of itself
        state = {name: getattr(value, name) for name in slots} | dict(getattr(value, "__dict__", {}))
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            plain: Mapping[type, Callable[[typing.Any], object]] = {
                dict: dict,
                list: list,
                tuple: tuple,
                set: set,
                frozenset: frozenset,
            }
            base = next(kind for kind in plain if isinstance(value, kind))
            return [self.form(plain[base](value)), self.form(state)]
        return self.form(state)


def _names(slots: object) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)  # type: ignore[arg-type]


def _is_of_datafusion(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "datafusion"


def _bytes_of(value: object) -> bytes | None:
    """The bytes of an array or table; None for everything else."""
    if isinstance(value, pa.Scalar):
        value = pa.array([value.as_py()], value.type)
    if isinstance(value, pa.ChunkedArray):
        value = pa.table({"": value})
    if isinstance(value, pa.Array):
        value = pa.record_batch({"": value})
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value.combine_chunks())
        return bytes(sink.getvalue())
    if type(value).__module__ == "numpy" and hasattr(value, "tobytes") and hasattr(value, "dtype"):
        if value.dtype.hasobject:
            raise NoStableFormError
        shape = repr((value.dtype, getattr(value, "shape", None)))
        return shape.encode() + bytes(value.tobytes())
    return None
