"""Column types as users write them in ``columns:``, in the words with which PyArrow prints them.

    bool  int8 … int64  uint8 … uint64  halffloat  float  double  string  binary  date32  …
    timestamp[us]   timestamp[us, tz=UTC]   time32[ms]   time64[ns]   duration[s]   decimal128(15, 2)
    list<int64>   fixed_size_list<float>[3]   struct<a: int64, "b: c": string>   map<string, int64>
    dictionary<values=string, indices=int32>   fixed_size_binary[16]

Inside of nested types ``not null`` may follow a type, as PyArrow prints it.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable

import pyarrow as pa

from dfplan_assets.project.suggestions import nearest

_PLAIN: dict[str, Callable[[], pa.DataType]] = {
    "null": pa.null,
    "bool": pa.bool_,
    "int8": pa.int8,
    "int16": pa.int16,
    "int32": pa.int32,
    "int64": pa.int64,
    "uint8": pa.uint8,
    "uint16": pa.uint16,
    "uint32": pa.uint32,
    "uint64": pa.uint64,
    "halffloat": pa.float16,
    "float16": pa.float16,
    "float": pa.float32,
    "float32": pa.float32,
    "double": pa.float64,
    "float64": pa.float64,
    "string": pa.string,
    "large_string": pa.large_string,
    "string_view": pa.string_view,
    "binary": pa.binary,
    "large_binary": pa.large_binary,
    "binary_view": pa.binary_view,
    "date32": pa.date32,
    "date32[day]": pa.date32,
    "date64": pa.date64,
    "date64[ms]": pa.date64,
}
_UNITS: dict[str, tuple[Callable[[str], pa.DataType], tuple[str, ...]]] = {
    "time32": (pa.time32, ("s", "ms")),
    "time64": (pa.time64, ("us", "ns")),
    "duration": (pa.duration, ("s", "ms", "us", "ns")),
}
_TIMESTAMP_UNITS = ("s", "ms", "us", "ns")
_DECIMALS: dict[str, Callable[[int, int], pa.DataType]] = {
    "decimal32": pa.decimal32,
    "decimal64": pa.decimal64,
    "decimal128": pa.decimal128,
    "decimal256": pa.decimal256,
}
_LISTS: dict[str, Callable[[pa.Field], pa.DataType]] = {"list": pa.list_, "large_list": pa.large_list}
_FORMS = (
    *(name for name in _PLAIN if "[" not in name),
    *(f"{name}[{units[-1]}]" for name, (_, units) in _UNITS.items()),
    "timestamp[us]",
    *(f"{name}(15, 2)" for name in _DECIMALS),
    *(f"{name}<int64>" for name in _LISTS),
    "fixed_size_list<int64>[3]",
    "fixed_size_binary[16]",
    "struct<a: int64>",
    "map<string, int64>",
    "dictionary<values=string, indices=int32>",
)
# What other systems call the same.
_OTHER_NAMES = {
    "text": "string",
    "str": "string",
    "utf8": "string",
    "varchar": "string",
    "int": "int64",
    "integer": "int32",
    "bigint": "int64",
    "smallint": "int16",
    "boolean": "bool",
    "real": "float",
    "date": "date32",
    "time": "time64[us]",
    "datetime": "timestamp[us]",
    "timestamptz": "timestamp[us, tz=UTC]",
    "decimal": "decimal128(15, 2)",
    "numeric": "decimal128(15, 2)",
}
_WORD = re.compile(r"[A-Za-z_0-9]+")
_OFFSET = re.compile(r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]")


def parse_type(text: str) -> pa.DataType:
    """The type that a text describes.

    Raises ValueError saying what is wrong, with the nearest type where a name is not known.

    >>> parse_type("list<decimal128(15, 2)>")
    ListType(list<item: decimal128(15, 2)>)
    """
    reader = _Reader(text)
    found = reader.type()
    reader.end()
    return found


class _Reader:
    """Reads a type from left to right; ``_position`` is that of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def type(self) -> pa.DataType:
        start = self._position
        word = self._word()
        if word in _PLAIN:
            return self._plain(word)
        if word in _UNITS:
            make, units = _UNITS[word]
            return make(self._unit(word, units))
        if word in _DECIMALS:
            self._take("(", f"{word} needs digits and decimals, as in {word}(15, 2)")
            precision = self._number()
            self._take(",")
            scale = self._number()
            self._take(")")
            return _DECIMALS[word](precision, scale)
        if word in _LISTS:
            return _LISTS[word](self._element(word))
        nested: dict[str, Callable[[], pa.DataType]] = {
            "timestamp": self._timestamp,
            "fixed_size_list": self._fixed_size_list,
            "fixed_size_binary": self._fixed_size_binary,
            "struct": self._struct,
            "map": self._map,
            "dictionary": self._dictionary,
        }
        if word in nested:
            return nested[word]()
        raise self._unknown(word or self._text[start:].strip().partition(">")[0])

    def end(self) -> None:
        rest = self._text[self._position :].strip()
        if rest:
            raise ValueError(f"{self._text!r} goes on after the type, with {rest!r}")

    def _plain(self, word: str) -> pa.DataType:
        for unit in ("[day]", "[ms]"):  # date32[day], date64[ms]: the only unit each has
            if word + unit in _PLAIN and self._accepts(unit):
                break
        return _PLAIN[word]()

    def _unit(self, word: str, units: tuple[str, ...]) -> str:
        self._take("[", f"{word} needs a unit, as in {word}[{units[-1]}]")
        unit = self._word()
        if unit not in units:
            raise ValueError(f"the unit of {word} is one of {', '.join(units)}, not {unit!r}")
        self._take("]")
        return unit

    def _timestamp(self) -> pa.DataType:
        self._take("[", "timestamp needs a unit, as in timestamp[us]")
        unit = self._word()
        if unit not in _TIMESTAMP_UNITS:
            raise ValueError(f"the unit of timestamp is one of {', '.join(_TIMESTAMP_UNITS)}, not {unit!r}")
        zone = None
        if self._accepts(","):
            self._take("tz")
            self._take("=")
            end = self._text.find("]", self._position)
            zone = self._text[self._position : end if end >= 0 else None].strip()
            self._position += len(self._text[self._position : end if end >= 0 else None])
            _check_zone(zone)
        self._take("]")
        return pa.timestamp(unit, zone)

    def _element(self, word: str) -> pa.Field:
        """``<int64>`` or ``<item: int64 not null>``: the field of a list's elements."""
        self._take("<", f"{word} needs the type of its elements, as in {word}<int64>")
        name = self._field_name() or "item"
        field = self._field(name)
        self._take(">")
        return field

    def _fixed_size_list(self) -> pa.DataType:
        field = self._element("fixed_size_list")
        self._take("[", "fixed_size_list needs its length, as in fixed_size_list<int64>[3]")
        length = self._number()
        self._take("]")
        return pa.list_(field, length)

    def _fixed_size_binary(self) -> pa.DataType:
        self._take("[", "fixed_size_binary needs its length, as in fixed_size_binary[16]")
        length = self._number()
        self._take("]")
        return pa.binary(length)

    def _struct(self) -> pa.DataType:
        self._take("<", "struct needs fields, as in struct<a: int64>")
        fields: list[pa.Field] = []
        while not self._accepts(">"):
            if fields:
                self._take(",")
            name = self._field_name()
            if name is None:
                raise ValueError(f"a field of a struct needs a name, as in struct<a: int64>: {self._text!r}")
            if any(field.name == name for field in fields):
                raise ValueError(f"a struct has the field {name!r} twice")
            fields.append(self._field(name))
        if not fields:
            raise ValueError("struct needs fields, as in struct<a: int64>")
        return pa.struct(fields)

    def _map(self) -> pa.DataType:
        self._take("<", "map needs the types of key and value, as in map<string, int64>")
        key = self.type()
        self._take(",")
        value = self._field("value")
        self._take(">")
        return pa.map_(key, value)

    def _dictionary(self) -> pa.DataType:
        example = "as in dictionary<values=string, indices=int32>"
        self._take("<", f"dictionary needs its types, {example}")
        self._take("values", f"dictionary needs its types, {example}")
        self._take("=")
        values = self.type()
        self._take(",")
        self._take("indices", f"dictionary needs its types, {example}")
        self._take("=")
        indices = self.type()
        ordered = False
        if self._accepts(","):
            self._take("ordered")
            self._take("=")
            ordered = bool(self._number())
        self._take(">")
        if not pa.types.is_integer(indices):
            raise ValueError(f"the indices of a dictionary are integers, not {indices}")
        return pa.dictionary(indices, values, ordered)

    def _field(self, name: str) -> pa.Field:
        found = self.type()
        return pa.field(name, found, nullable=not self._accepts("not null"))

    def _field_name(self) -> str | None:
        """A name and the colon behind it, if they stand here; names with signs in them are in quotes."""
        quoted = re.compile(r'\s*"((?:[^"]|"")*)"\s*:').match(self._text, self._position)
        plain = re.compile(r'\s*([^<>\[\](),:"]+?)\s*:').match(self._text, self._position)
        match = quoted or plain
        if match is None:
            return None
        self._position = match.end()
        return match.group(1).replace('""', '"') if quoted else match.group(1)

    def _word(self) -> str:
        self._skip_spaces()
        match = _WORD.match(self._text, self._position)
        if match is None:
            return ""
        self._position = match.end()
        return match.group()

    def _number(self) -> int:
        word = self._word()
        if not word.isdecimal():
            raise ValueError(f"a number is missing in {self._text!r}")
        return int(word)

    def _accepts(self, sign: str) -> bool:
        self._skip_spaces()
        if not self._text.startswith(sign, self._position):
            return False
        self._position += len(sign)
        return True

    def _take(self, sign: str, otherwise: str | None = None) -> None:
        if not self._accepts(sign):
            raise ValueError(otherwise or f"{sign!r} is missing in {self._text!r}")

    def _skip_spaces(self) -> None:
        while self._position < len(self._text) and self._text[self._position].isspace():
            self._position += 1

    def _unknown(self, word: str) -> ValueError:
        if not word:
            return ValueError(f"a type is missing in {self._text!r}")
        known = _OTHER_NAMES.get(word.lower()) or nearest(word, [re.split(r"[\[<(]", f)[0] for f in _FORMS])
        form = next((f for f in _FORMS if known is not None and re.split(r"[\[<(]", f)[0] == known), known)
        if form is not None:
            return ValueError(f"there is no type {word!r}; did you mean {form}?")
        return ValueError(f"there is no type {word!r}; there are {', '.join(_FORMS)}")


def _check_zone(zone: str) -> None:
    if _OFFSET.fullmatch(zone):
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ValueError(
            f"there is no time zone {zone!r}: write one like UTC, Europe/Berlin or +02:00"
        ) from problem
