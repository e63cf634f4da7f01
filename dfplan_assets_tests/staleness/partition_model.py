"""What a project of small partitioned views must hold, told without DataFusion, Dagster or a manifest.

Rows are days, regions and numbers. A view caps and shifts the numbers of what it reads. The model evaluates
that over rows in memory, has windows and their overlaps from the calendar, and remembers of each result what
it was made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone

Row = tuple[date, str, int]
Place = tuple[object, ...] | None
Token = tuple[object, ...]

UNLUCKY = 13
"""A fragile view fails where it meets this number."""

_DAY = timedelta(days=1)


class FailsError(Exception):
    """A part reads a row for which its query fails, a source without files, or other columns."""


class LacksError(Exception):
    """What a part reads has no result."""


@dataclass(frozen=True)
class Windows:
    """Days, weeks (from Monday on) or months from a day on, to one."""

    every: str
    first: date
    end: date | None = None

    @property
    def front(self) -> str:
        to = "" if self.end is None else f", to: {self.end}"
        return f"{{by: d, every: {self.every}, from: {self.first}{to}}}"

    @property
    def place(self) -> Place:
        return (self.every, self.first.weekday() if self.every == "week" else 0)

    def keys(self, now: datetime) -> list[str]:
        last = now.date() if self.end is None else min(now.date(), self.end)
        found, start = [], self.first
        while (end := self._end(start)) <= last:
            found.append(str(start))
            start = end
        return found

    def span(self, key: str) -> tuple[date, date]:
        start = date.fromisoformat(key)
        return start, self._end(start)

    def overlapping(self, start: date, end: date) -> list[str]:
        """The keys of the windows that have a day of a span, whether or not they are partitions."""
        return list(dict.fromkeys(str(self._beginning(day)) for day in _days(start, end)))

    def _end(self, start: date) -> date:
        if self.every == "month":
            return (start.replace(day=1) + 32 * _DAY).replace(day=1)
        return start + (_DAY if self.every == "day" else 7 * _DAY)

    def _beginning(self, day: date) -> date:
        if self.every == "month":
            return day.replace(day=1)
        return day if self.every == "day" else day - (day - self.first).days % 7 * _DAY


def _days(start: date, end: date) -> Iterator[date]:
    while start < end:
        yield start
        start += _DAY


@dataclass(frozen=True)
class Values:
    """A partition for each region."""

    values: tuple[str, ...]

    @property
    def front(self) -> str:
        return f"{{by: r, values: [{', '.join(self.values)}]}}"

    @property
    def place(self) -> Place:
        return ("values",)

    def keys(self, now: datetime) -> list[str]:
        return list(self.values)


Parts = Windows | Values


@dataclass(frozen=True)
class Declared:
    """A view and what it does; ``policy`` is inputs or content, ``kind`` table or view."""

    reads: tuple[str, ...]
    parts: Parts | None
    policy: str
    kind: str
    cap: int = 99
    summand: int = 0
    fragile: bool = False
    more: bool = False
    single_run: bool = False
    comment: str = ""

    @property
    def meaning(self) -> Token:
        place = None if self.parts is None else self.parts.place
        return (self.reads, self.cap, self.summand, self.fragile, self.more, place)

    @property
    def sql(self) -> str:
        front = [f"data_version: {self.policy}", f"materialized: {self.kind}"]
        if self.parts is not None:
            front.append(f"partitions: {self.parts.front}")
        if self.single_run:
            front.append("backfill: single_run")
        value = f"case when v > {self.cap} then {self.cap} else v end + {self.summand}"
        if self.fragile:
            value += f" + 1000 / (v - {UNLUCKY}) / 1001"
        union = " union all ".join(f"select d, r, v from {name}" for name in self.reads)
        own = ""
        if self.parts is not None:
            window = "d >= $partition_start and d < $partition_end"
            own = f" where {window if isinstance(self.parts, Windows) else 'r = $partition_key'}"
        more = ", 1 as more" if self.more else ""
        text = f"-- {self.comment}\nselect d, r, {value} as v{more} from ({union}) as a{own}"
        return "\n".join(["/* ---", *front, "--- */", text])

    def value(self, v: int) -> int:
        if self.fragile and v == UNLUCKY:
            raise FailsError
        return min(v, self.cap) + self.summand


@dataclass(frozen=True)
class Made:
    """A result: its rows, what it was made of, and what readers compare."""

    rows: tuple[Row, ...]
    more: bool
    meanings: Mapping[str, Token]
    inputs: Mapping[str, Token]
    token: Token


@dataclass(frozen=True)
class File:
    """A file of a source; ``write`` counts how often it was written."""

    rows: tuple[Row, ...]
    write: int


Key = str | None
Part = tuple[str, Key]


@dataclass
class Outcome:
    """What a run for what is stale must come to: ``troubled`` is what cannot be made, or waits for that."""

    ran: set[Part] = field(default_factory=set)
    failing: set[Part] = field(default_factory=set)
    waiting: set[Part] = field(default_factory=set)

    @property
    def troubled(self) -> set[Part]:
        return self.failing | self.waiting


@dataclass
class Model:
    """A project: its files, its views, each reading only earlier ones, the time, and its results by view."""

    files: dict[str, dict[str, File]]
    views: dict[str, Declared]
    now: datetime
    made: dict[tuple[str, Place], dict[Key, Made]] = field(default_factory=dict)
    writes: int = 0  # of files, so far

    def stored_views(self) -> list[str]:
        """The views that have results, upstream first."""
        return [view for view in self.views if not self.is_inlined(view)]

    def views_read(self, part: Part) -> list[Part]:
        """What a part reads of stored views."""
        tables = [table for table in self.stored(part[0]) if table in self.views]
        return [each for table in tables for each in self.parts_read(part, table)]

    def results(self, view: str) -> dict[Key, Made]:
        """The results that a view has by now, by partition."""
        parts = self.views[view].parts
        every = self.made.setdefault((view, None if parts is None else parts.place), {})
        return {key: every[key] for key in self.keys(view) if key in every}

    def keys(self, view: str) -> list[Key]:
        parts = self.views[view].parts
        return [None] if parts is None else [*parts.keys(self.now)]

    def due(self, view: str) -> list[Key]:
        """What has to be there without a backfill."""
        keys, published = self.keys(view), self.results(view)
        if self.views[view].parts is None:
            return keys
        if not published:
            return []
        first = min(keys.index(key) for key in published)
        return keys if isinstance(self.views[view].parts, Values) else keys[first:]

    def stored(self, view: str) -> list[str]:
        """The sources and stored views that a view reads, itself or through views that are not stored."""
        found: dict[str, None] = {}
        for table in self.views[view].reads:
            found.update(dict.fromkeys(self.stored(table) if self.is_inlined(table) else [table]))
        return list(found)

    def inlined(self, view: str) -> list[str]:
        found: dict[str, None] = {}
        for table in self.views[view].reads:
            if self.is_inlined(table):
                found.update(dict.fromkeys([table, *self.inlined(table)]))
        return list(found)

    def is_inlined(self, table: str) -> bool:
        return table in self.views and self.views[table].kind == "view"

    def parts_read(self, part: Part, table: str) -> list[Part]:
        """What a part reads of a stored view; of windows, whether or not they are partitions."""
        own, upstream = self.views[part[0]].parts, self.views[table].parts
        if upstream is None:
            return [(table, None)]
        if part[1] is None:
            return [(table, key) for key in self.results(table)]
        if isinstance(own, Windows) and isinstance(upstream, Windows):
            return [(table, key) for key in upstream.overlapping(*own.span(part[1]))]
        return [(table, part[1])]

    def meanings(self, view: str) -> dict[str, Token]:
        return {name: self.views[name].meaning for name in (view, *self.inlined(view))}

    def input(self, part: Part, table: str) -> Token:
        """What a part compares of a table."""
        if table in self.files:
            return ("files", tuple((name, file.write) for name, file in sorted(self.files[table].items())))
        read = sorted(self._readable(part, table), key=str)
        return tuple((each[1], self._result(each).token) for each in read)

    def own_reasons(self, part: Part) -> set[str]:
        """Why a part must run, in short."""
        made = self.results(part[0]).get(part[1])
        if made is None:
            return {"never ran"}
        meanings = self.meanings(part[0])
        own = part[0]
        found = {"meaning"} if made.meanings.get(own) != meanings[own] else set()
        found |= {
            f"inlined {name}"
            for name in {*made.meanings, *meanings} - {own}
            if made.meanings.get(name) != meanings.get(name)
        }
        for table in self.stored(own):
            if table not in made.inputs:
                found.add(f"reads {table}")
                continue
            try:
                now = self.input(part, table)
            except LacksError:
                continue
            if made.inputs[table] != now:
                found.add(f"{'source' if table in self.files else 'upstream'} {table}")
        return found

    def make(self, part: Part) -> None:
        """Makes a part of what there is. Raises FailsError or LacksError."""
        view = self.views[part[0]]
        inputs = {table: self.input(part, table) for table in self.stored(part[0])}
        rows = tuple(sorted(self._rows(part, part[0])))
        meanings = self.meanings(part[0])
        token: Token = ("rows", rows, view.more)
        if view.policy == "inputs":
            token = ("made of", tuple(meanings.items()), tuple(inputs.items()))
        place = None if view.parts is None else view.parts.place
        self.made.setdefault((part[0], place), {})[part[1]] = Made(rows, view.more, meanings, inputs, token)

    def run_stale(self) -> Outcome:
        """Makes what is stale until nothing more comes of it."""
        outcome = Outcome()
        for view in self.stored_views():
            for key in self.due(view):
                self._run_if_stale((view, key), outcome)
        return outcome

    def _run_if_stale(self, part: Part, outcome: Outcome) -> None:
        tables = [table for table in self.stored(part[0]) if table in self.views]
        read = {each for table in tables for each in self.parts_read(part, table)}
        if part[1] is None:
            read |= {each for each in outcome.failing if each[0] in tables}
        if read & outcome.failing:
            outcome.failing.add(part)
            return
        try:
            for table in tables:
                self._readable(part, table)
            if self.own_reasons(part):
                self.make(part)
                outcome.ran.add(part)
        except LacksError:
            outcome.waiting.add(part)
        except FailsError:
            outcome.failing.add(part)

    def _readable(self, part: Part, table: str) -> list[Part]:
        read = self.parts_read(part, table)
        if not read or any(each[1] not in self.results(table) for each in read):
            raise LacksError
        return read

    def _result(self, part: Part) -> Made:
        return self.results(part[0])[part[1]]

    def _rows(self, reader: Part, table: str) -> Iterator[Row]:
        """The rows of a view that the reader is, or that is inlined into it."""
        view = self.views[table]
        for name in view.reads:
            for d, r, v in self._rows_of(reader, name):
                if table == reader[0] and not self._belongs(reader, d, r):
                    continue
                yield d, r, view.value(v)

    def _rows_of(self, reader: Part, table: str) -> Iterator[Row]:
        if table in self.files:
            if not self.files[table]:
                raise FailsError
            for file in self.files[table].values():
                yield from file.rows
        elif self.is_inlined(table):
            yield from self._rows(reader, table)
        else:
            read = [self._result(each) for each in self._readable(reader, table)]
            if any(made.more != self.views[table].more for made in read):
                raise FailsError
            for made in read:
                yield from made.rows

    def _belongs(self, part: Part, d: date, r: str) -> bool:
        parts = self.views[part[0]].parts
        if isinstance(parts, Windows) and part[1] is not None:
            start, end = parts.span(part[1])
            return start <= d < end
        return parts is None or r == part[1]


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), timezone.utc)
