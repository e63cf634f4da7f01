"""Partitions of a view: the parts in which its result is made and stored, each under a key of its own.

Time partitions are windows that follow each other without a gap: hours, days, weeks or months of one
time zone. A window is there once it is over. Keys are those that Dagster gives the same windows:
``2024-01-31`` for a day, the first day for a week or month, ``2024-01-31-05:00`` for an hour, with the
offset behind it (``2024-10-27-02:00+0100``) for the second of two hours that a clock shows alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

Cadence = Literal["hour", "day", "week", "month"]

PARTITION_PARAMETERS = ("partition_start", "partition_end", "partition_key")
"""The parameters that the query of a partitioned view has the values of by itself."""

_DAY = "%Y-%m-%d"
_HOUR = "%Y-%m-%d-%H:%M"
_HOUR_LENGTH = len("2024-01-31-05:00")
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True)
class Window:
    """A span of time from ``start`` to ``end``, which is not a part of it; both have a time zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class TimePartitions:
    """Windows of the time in column ``by``: one ``every`` hour, day, week or month.

    ``start`` is the beginning of the first one and ``end``, where there is one, the moment at which the
    last one ends at the latest: both as a clock in ``zone`` shows them, without a time zone. Weeks begin
    on the weekday of ``start``.
    """

    by: str
    every: Cadence
    start: datetime
    end: datetime | None = None
    zone: str = "UTC"

    @property
    def meaning(self) -> tuple[str, ...]:
        """What decides which rows belong to a key: with another one, the same key is another part."""
        weekday = (str(self.start.weekday()),) if self.every == "week" else ()
        return ("time", self.by, self.every, self.zone, *weekday)

    @property
    def title(self) -> str:
        """The partitions in words: every day (Europe/Berlin)."""
        return f"every {self.every}" + ("" if self.zone == "UTC" else f" ({self.zone})")

    def keys(self, now: datetime) -> tuple[str, ...]:
        """The keys of all windows that are over ``now``, which has a time zone, the earliest first."""
        return tuple(self._key(start) for start in self._starts(now))

    def has(self, key: str, now: datetime) -> bool:
        """Whether a key is that of a window which is over ``now``, which has a time zone."""
        try:
            window = self.window(key)
        except ValueError:
            return False
        last = now if self.end is None else min(now, self._moment(self.end))
        return self._moment(self.start) <= window.start and window.end <= last

    def window(self, key: str) -> Window:
        """The window of a key, whether or not it lies between ``start`` and ``end``.

        Raises ValueError where no window of this cadence has such a key.
        """
        if self.every == "hour":
            local = datetime.strptime(key[:_HOUR_LENGTH], _HOUR)
            start = self._moment(local.replace(fold=int(len(key) > _HOUR_LENGTH)))
        else:
            local = datetime.strptime(key, _DAY)
            start = self._moment(local)
        if self._key(start) != key or self._containing(start) != start:
            raise ValueError(f"{key} is no key of partitions {self.title}")
        return Window(start, self._next(start))

    def overlapping(self, window: Window) -> tuple[str, ...]:
        """The keys of the windows that have a moment in common with this one, the earliest first."""
        keys = []
        start = self._containing(window.start)
        while start < window.end:
            keys.append(self._key(start))
            start = self._next(start)
        return tuple(keys)

    def day_of(self, moment: datetime) -> date:
        """The day that a calendar in ``zone`` shows at a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def _starts(self, now: datetime) -> Iterator[datetime]:
        last = now if self.end is None else min(now, self._moment(self.end))
        start = self._moment(self.start)
        while (end := self._next(start)) <= last:
            yield start
            start = end

    def _moment(self, local: datetime) -> datetime:
        # A time that the clock skips is the moment of the skip.
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(timezone.utc)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone))

    def _next(self, start: datetime) -> datetime:
        if self.every == "hour":
            return start + _LENGTHS["hour"]
        day = datetime.combine(self._local(start).date(), datetime.min.time())
        if self.every == "month":
            return self._moment((day.replace(day=1) + timedelta(days=32)).replace(day=1))
        return self._moment(day + _LENGTHS[self.every])

    def _containing(self, moment: datetime) -> datetime:
        """The beginning of the window that a moment lies in."""
        if self.every == "hour":
            first = self._moment(self.start)
            return first + (moment - first) // _LENGTHS["hour"] * _LENGTHS["hour"]
        day = datetime.combine(self._local(moment).date(), datetime.min.time())
        if self.every == "month":
            day = day.replace(day=1)
        if self.every == "week":
            day -= timedelta(days=(day - self.start).days % 7)
        return self._moment(day)

    def _key(self, start: datetime) -> str:
        local = self._local(start)
        if self.every != "hour":
            return local.strftime(_DAY)
        return local.strftime(_HOUR + ("%z" if local.fold else ""))


@dataclass(frozen=True)
class StaticPartitions:
    """One partition for each of some values of column ``by``."""

    by: str
    values: tuple[str, ...]

    @property
    def meaning(self) -> tuple[str, ...]:
        """What decides which rows belong to a key."""
        return ("values", self.by)

    @property
    def title(self) -> str:
        """The partitions in words: the values EU, US of region."""
        return f"the values {', '.join(self.values)} of {self.by}"

    def keys(self, now: datetime) -> tuple[str, ...]:
        """The values, at whatever time."""
        return self.values

    def has(self, key: str, now: datetime) -> bool:
        """Whether a key is one of the values, at whatever time."""
        return key in self.values


Partitions = TimePartitions | StaticPartitions


@dataclass(frozen=True)
class Partition:
    """One partition of a view."""

    of: Partitions
    key: str

    @property
    def folder(self) -> str:
        """The folder of its results, below that of the view."""
        return f"{partitions_folder(self.of)}/{_folder_of_key(self.key)}"


def partitions_folder(partitions: Partitions) -> str:
    """The folder of all partitions that mean the same, so that a month is never taken for a day.

    >>> partitions_folder(TimePartitions("at", "day", datetime(2024, 1, 1)))
    'day-17a9d4b9'
    """
    digest = hashlib.sha256(json.dumps(partitions.meaning).encode()).hexdigest()[:8]
    return f"{partitions.every if isinstance(partitions, TimePartitions) else 'values'}-{digest}"


def key_of_folder(name: str) -> str:
    """The key whose results lie in a folder of this name."""
    return unquote(name)


def _folder_of_key(key: str) -> str:
    # Letters, digits, - and _ stay; ``.`` goes too, or a key could be a name such as ``..``.
    return quote(key, safe="").replace(".", "%2E").replace("~", "%7E")


def upstream_keys(key: str, reader: Partitions, upstream: Partitions) -> tuple[str, ...]:
    """The keys of the partitions upstream that a partition reads, whether or not they are made.

    Windows read all windows that they have a moment in common with: their own, all parts of a longer one,
    or the longer one that they lie in. Values read their own. Raises ValueError, in words that go on after
    "reads partitions", where the two cannot be mapped.
    """
    problem = unmappable(reader, upstream)
    if problem is not None:
        raise ValueError(problem)
    if isinstance(reader, TimePartitions) and isinstance(upstream, TimePartitions):
        return upstream.overlapping(reader.window(key))
    return (key,)


@lru_cache(maxsize=4096)
def unmappable(reader: Partitions, upstream: Partitions) -> str | None:
    """Why partitions cannot be mapped to those upstream, None where they can."""
    if isinstance(reader, TimePartitions) and isinstance(upstream, TimePartitions):
        if reader.zone != upstream.zone:
            return f"windows in {reader.zone} cannot be mapped to windows in {upstream.zone}"
        return None
    if isinstance(reader, StaticPartitions) and isinstance(upstream, StaticPartitions):
        if set(reader.values) != set(upstream.values):
            return f"{reader.title} cannot be mapped to {upstream.title}: they must be the same values"
        return None
    return f"{reader.title} cannot be mapped to {upstream.title}"
