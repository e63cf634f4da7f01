"""The YAML that this package reads: which scalars are what, and column types without quotes.

YAML's core schema of version 1.2 holds: only ``true`` and ``false`` are truth values, so that
``country: NO`` and ``validate: off`` are texts; ``12:30`` and ``0123`` are texts, not numbers.
Dates and times are read as YAML 1.1 writes them.

In ``dfplan.yaml`` column types stand as they are, also where YAML would take their brackets,
commas and colons for its own: ``columns: {at: timestamp[us], price: decimal128(15, 2)}``.
"""

from __future__ import annotations

import datetime
import re

import yaml

try:
    from yaml import CSafeLoader as _FastLoader  # ten times as fast
except ImportError:  # PyYAML was built without libyaml; both read the same language
    from yaml import SafeLoader as _FastLoader  # type: ignore[assignment]

Scalar = bool | int | float | str | datetime.date | datetime.datetime | None

TAG = "tag:yaml.org,2002:"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (rf"[-+]?{_NUMBER}|0x[0-9a-fA-F]+|0o[0-7]+", list("-+0123456789")),
    "float": (
        rf"[-+]?(?:\.[0-9]+|{_NUMBER}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "timestamp": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
        r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)?",
        list("0123456789"),
    ),
}
_PATTERNS = {TAG + kind: re.compile(rf"(?:{pattern})\Z") for kind, (pattern, _) in _SCALARS.items()}
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _kind, (_, _first_characters) in _SCALARS.items():
    for _first in _first_characters:
        _RESOLVERS.setdefault(_first, []).append((TAG + _kind, _PATTERNS[TAG + _kind]))

_TIMES = yaml.constructor.SafeConstructor()
# Any word, so that a mistyped type reaches those who know the types.
_TYPE_HEAD = re.compile(r"\w+[\[(<]")


class PlainLoader(_FastLoader):
    """Reads front matter."""

    yaml_implicit_resolvers = _RESOLVERS


class ColumnTypeLoader(yaml.SafeLoader):
    """Reads ``dfplan.yaml``: like PlainLoader, and takes a column type as one text."""

    yaml_implicit_resolvers = _RESOLVERS

    def scan_plain(self) -> yaml.ScalarToken:
        """Scans an unquoted text; one that begins as a column type reaches to its last bracket."""
        token: yaml.ScalarToken = super().scan_plain()
        text: str = token.value + " " * (self.index - token.end_mark.index)
        if not _TYPE_HEAD.match(text + self.peek()) or token.start_mark.line != self.line:
            return token
        length = _length_to_last_bracket(text, self._rest_of_line())
        if length == 0:
            return token
        text += self.prefix(length)
        self.forward(length)
        return yaml.ScalarToken(text, True, token.start_mark, self.get_mark())

    def _rest_of_line(self) -> str:
        length = 0
        while self.peek(length) not in "\0\r\n\x85\u2028\u2029":
            length += 1
        rest: str = self.prefix(length)
        return rest


def read_scalar(node: yaml.ScalarNode) -> Scalar:
    """The value that a scalar stands for; raises ValueError where it is written like no such value."""
    text: str = node.value
    if node.tag == TAG + "str":
        return text
    kind = node.tag.removeprefix(TAG)
    if node.tag not in _PATTERNS:
        raise ValueError("its YAML type (!) has no use here; a text that begins with ! needs quotes")
    if not _PATTERNS[node.tag].match(text):
        raise ValueError(f"it is not written like a value of the YAML type {kind}")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text, 0)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    time: datetime.date | datetime.datetime = _TIMES.construct_yaml_timestamp(node)
    return time


def _length_to_last_bracket(begun: str, rest: str) -> int:
    """How much of ``rest`` closes the brackets that ``begun`` and itself open; 0 where it does not."""
    depth = sum(begun.count(sign) for sign in "[(<") - sum(begun.count(sign) for sign in "])>")
    for position, sign in enumerate(rest):
        if depth == 0 and sign not in "[(<":
            return position
        depth += (sign in "[(<") - (sign in "])>")
    return len(rest) if depth == 0 else 0
