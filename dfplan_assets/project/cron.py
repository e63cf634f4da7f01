"""Cron expressions: five fields, or a word such as ``@daily``, as Dagster's schedules take them."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORDS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
EXAMPLE = (
    '"0 3 * * *" is every day at three o\'clock: minute, hour, day of the month, month, day of the week.'
)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MOST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(?P<first>\*|[a-z]+|\d+)(?:-(?P<last>[a-z]+|\d+))?(?:/(?P<step>\d+))?")
_NTH_DAY = re.compile(r"(?P<day>[a-z]+|[0-7])#[1-5]|l(?P<last>[0-7])")


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()
    first_word: int = 0


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _DAYS, 0),
)


def wrong_cron(text: str) -> str | None:
    """What is wrong with a cron expression, in words; None where it is one.

    >>> wrong_cron("0 3 * * *")
    >>> wrong_cron("0 24 * * *")
    "its hour cannot be '24': 0 to 23"
    """
    written = text.strip().lower()
    if written.startswith("@"):
        return None if written in WORDS else f"it is none of {', '.join(WORDS)}"
    parts = written.split()
    if len(parts) != len(_FIELDS):
        return f"it has {len(parts)} fields, not {len(_FIELDS)}"
    for field, part in zip(_FIELDS, parts, strict=True):
        if not _is_field(field, part):
            return f"its {field.name} cannot be {part!r}: {field.least} to {field.most}"
    if not _some_day_exists(parts[2], parts[3]):
        return "no month that it names has such a day"
    return None


def _is_field(field: _Field, part: str) -> bool:
    is_day = field.name.startswith("day")
    if is_day and part == "?":
        return True
    items = part.split(",")
    if field.most == 7 and all(_is_nth_day(field, item) for item in items):
        return True
    return all((field.most == 31 and item == "l") or _is_item(field, item) for item in items)


def _is_nth_day(field: _Field, item: str) -> bool:
    match = _NTH_DAY.fullmatch(item)
    return match is not None and (match["last"] is not None or _number(field, match["day"]) is not None)


def _is_item(field: _Field, item: str) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    if match["first"] == "*":
        return match["last"] is None
    ends = [match["first"], *([] if match["last"] is None else [match["last"]])]
    return all(_number(field, end) is not None for end in ends)


def _number(field: _Field, word: str) -> int | None:
    if word in field.words:
        return field.words.index(word) + field.first_word
    return int(word) if word.isdigit() and field.least <= int(word) <= field.most else None


def _some_day_exists(day: str, month: str) -> bool:
    """Whether a date is ever met; only lists of plain days and months can miss every one."""
    months = [_number(_FIELDS[3], word) for word in month.split(",")]
    days = [_number(_FIELDS[2], word) for word in day.split(",")]
    if None in months or None in days:
        return True
    most = max(_MOST_DAYS[number - 1] for number in months if number is not None)
    return any(number <= most for number in days if number is not None)
