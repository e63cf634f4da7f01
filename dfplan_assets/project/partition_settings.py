"""Reading ``partitions:`` of a front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dfplan_assets.project.document import Node
from dfplan_assets.project.partitions import Cadence, Partitions, StaticPartitions, TimePartitions

_CADENCES: tuple[Cadence, ...] = ("hour", "day", "week", "month")
_KEYS = ("by", "every", "from", "to", "timezone", "values")
_TIME_KEYS = ("every", "from", "to", "timezone")
_LONGEST_KEY_BYTES = 80  # each byte may take three in the name of a folder
_NOT_IN_KEY = re.compile(r"[\x00-\x1f\x7f]|\.\.")


def read_partitions(node: Node) -> Partitions:
    """The partitions that a view declares; raises the document's error where they cannot be used."""
    entries = node.entries(known=_KEYS)
    if "by" not in entries:
        raise node.wrong(
            "partitions has no by", "Name the column that tells rows apart, as in by: order_date."
        )
    by = entries["by"].text()
    if "values" in entries:
        for key in _TIME_KEYS:
            if key in entries:
                raise entries[key].wrong(
                    f"partitions has both values and {key}",
                    "Write values: for a list of keys, or every: and from: for windows of time.",
                )
        return StaticPartitions(by, _values(entries["values"]))
    for key in ("every", "from"):
        if key not in entries:
            raise node.wrong(
                f"partitions has no {key}",
                "Write every: (hour, day, week or month) and from: for windows of time, or values: for a "
                "list of keys.",
            )
    return _windows(by, entries)


def _windows(by: str, entries: Mapping[str, Node]) -> TimePartitions:
    chosen = entries["every"].choice(_CADENCES)
    every = next(cadence for cadence in _CADENCES if cadence == chosen)
    zone = _zone(entries["timezone"]) if "timezone" in entries else "UTC"
    start = _moment(entries["from"], every)
    if every == "month" and start.day != 1:
        raise entries["from"].wrong(
            f"partitions.from is {start:%Y-%m-%d}, but months begin on their first day",
            f"Write {start:%Y-%m}-01, or the first day of another month.",
        )
    end = None
    if "to" in entries:
        end = _moment(entries["to"], every)
        if end <= start:
            raise entries["to"].wrong(
                "partitions.to is not after partitions.from",
                "Write the day after the last one, or leave to: out.",
            )
    return TimePartitions(by, every, start, end, zone)


def _moment(node: Node, every: Cadence) -> datetime:
    value = node.scalar()
    if isinstance(value, datetime) and every == "hour":
        if value.tzinfo is not None:
            raise node.wrong(f"{node.key} has a time zone", "Write it without, and name the zone: timezone.")
        if (value.minute, value.second, value.microsecond) != (0, 0, 0):
            raise node.wrong(f"{node.key} is no full hour", "Write it as in 2024-01-01 05:00:00.")
        return value
    if isinstance(value, datetime) or not isinstance(value, date):
        what = "a date, or a date with a full hour" if every == "hour" else "a date"
        raise node.expected(what, "Write it as in 2024-01-01, without quotes.")
    return datetime.combine(value, time())


def _zone(node: Node) -> str:
    name = node.text()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise node.wrong(
            f"{name!r} is no time zone", "Write its name in the IANA database, as in Europe/Berlin."
        ) from problem
    return name


def _values(node: Node) -> tuple[str, ...]:
    values: list[str] = []
    for item in node.items():
        value = item.text()
        if _NOT_IN_KEY.search(value) or len(value.encode()) > _LONGEST_KEY_BYTES or value != value.strip():
            raise item.wrong(
                f"{value!r} cannot be the key of a partition",
                f"Keys are at most {_LONGEST_KEY_BYTES} bytes, without .., control characters and space "
                "around them.",
            )
        if value in values:
            raise item.wrong(f"{value!r} stands twice in partitions.values", "Remove one of them.")
        values.append(value)
    if not values:
        raise node.wrong("partitions.values is empty", "List the keys, as in values: [EU, US].")
    return tuple(values)
