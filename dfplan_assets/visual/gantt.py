"""A schedule as a Gantt chart in SVG: a row for each worker, predicted times above actual ones.

The chart is one text without scripts, fonts or links, so that it also shows as a ``data:`` image. It
brings its own background, in a light and a dark form that follow the reader's colour scheme.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dfplan_assets.forecast.comparison import Ran, is_measured
from dfplan_assets.scheduling.model import Schedule
from dfplan_assets.visual.durations import duration
from dfplan_assets.visual.sentences import path
from dfplan_assets.visual.svg import DEPTH, HEAT, cut, picture, px, text, xml
from dfplan_assets.visual.time_axis import tick_label, ticks

LIMIT_BYTES = 30_000
"""The size that a chart has at most, unless asked for otherwise."""

MAXIMUM_ROWS = 32
"""How many workers are drawn; a note counts those beyond."""

_WIDTH = 720.0
_MARGIN, _LEFT, _RIGHT, _TOP = 16.0, 84.0, 24.0, 88.0
_PLOT = _WIDTH - _LEFT - _RIGHT
_BAR, _PAIR_GAP, _ROW_GAP = 22.0, 3.0, 14.0
_CHARACTER = 6.4  # of the 11 px text in bars; a wide one takes two
_HEADING_CHARACTER = 6.5
_TICKS = 6
_GRAINS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, _PLOT)
_TITLE_CHARACTERS = 80
_LEGEND_ROW, _LEGEND_ROOM, _LEGEND_CHARACTER = 19.0, 66.0, 6.8  # of letters as large as they get
_LEAST_BAR_BYTES = 100
_ROUND_WIDTH = 6.0
_STYLE = (
    HEAT
    + DEPTH
    + (
        ".dfplan-gantt .p rect{fill:var(--d0);stroke:var(--d2)}"
        ".dfplan-gantt .c rect{fill:var(--h1);stroke:var(--h4)}"
        ".dfplan-gantt .a rect{fill:var(--d2);stroke:var(--ground)}"
        ".dfplan-gantt .k rect{fill:var(--h3);stroke:var(--h5)}"
        ".dfplan-gantt .f rect{fill:var(--warn);fill-opacity:.35;stroke:var(--warn);stroke-dasharray:4 2}"
        ".dfplan-gantt .end{stroke:var(--muted);stroke-dasharray:4 3}"
        # Where the chart is shown at half its size: larger letters, none in the bars.
        "@media(max-width:520px){.dfplan-gantt g text{display:none}.dfplan-gantt .t{font-size:20px}"
        ".dfplan-gantt .m{font-size:14px}.dfplan-gantt .i{font-size:13px}}"
    )
)


@dataclass(frozen=True)
class _Span:
    """What becomes a bar: one view, or neighbours that are too narrow to stand alone."""

    names: tuple[str, ...]
    start: float
    end: float
    style: str


def gantt(schedule: Schedule, actual: Sequence[Ran] = (), *, limit_bytes: int = LIMIT_BYTES) -> str:
    """The chart of a predicted run, with what really happened beneath it if ``actual`` is given.

    Views of the critical path are outlined, failed ones marked. Where the chart would exceed
    ``limit_bytes``, neighbours on a worker are drawn as one bar, as few as need be; a note says so.
    """
    critical = frozenset(schedule.critical_path)
    predicted = _rows_of_slots(schedule, critical)
    happened = _rows_of_runs(actual, critical, {slot.name: slot.worker for slot in schedule.timeline.slots})
    scale = _PLOT / _end(schedule, actual)
    spans_in_all = sum(len(row) for part in (predicted, happened) for row in part)
    rows_in_all = min(len(predicted), MAXIMUM_ROWS) + min(len(happened), MAXIMUM_ROWS)
    room = limit_bytes // _LEAST_BAR_BYTES
    # Bars of a grain's width fill a row; a grain of which half would still be too many need not be tried.
    least = rows_in_all * _PLOT / room / 2 if spans_in_all > room else 0.0
    for grain in (grain for grain in _GRAINS if grain >= least or grain == _GRAINS[-1]):
        rows = [
            [_together(spans, grain / scale) for spans in part[:MAXIMUM_ROWS]]
            for part in (predicted, happened)
        ]
        bars = sum(len(row) for part in rows for row in part)
        if bars * _LEAST_BAR_BYTES > limit_bytes and grain != _GRAINS[-1]:
            continue
        drawn = _draw(schedule, rows, actual, max(len(predicted), len(happened)))
        if len(drawn.encode()) <= limit_bytes:
            break
    return drawn


def _end(schedule: Schedule, actual: Sequence[Ran]) -> float:
    """Where the time axis ends, in seconds; never 0."""
    took = max((ran.end_seconds for ran in actual), default=0.0)
    return max(schedule.timeline.makespan_seconds, took) or 1.0


def _rows_of_slots(schedule: Schedule, critical: frozenset[str]) -> list[list[_Span]]:
    rows: dict[int, list[_Span]] = {}
    for slot in sorted(schedule.timeline.slots, key=lambda slot: (slot.start_seconds, slot.end_seconds)):
        style = "c" if slot.name in critical else "p"
        span = _Span((slot.name,), slot.start_seconds, slot.end_seconds, style)
        rows.setdefault(slot.worker, []).append(span)
    return [rows.get(worker, []) for worker in range(max(rows, default=-1) + 1)]


def _rows_of_runs(
    actual: Iterable[Ran], critical: frozenset[str], predicted_row: Mapping[str, int]
) -> list[list[_Span]]:
    """The runs in rows without overlap; beneath their predicted bars where that row is free.

    Which worker ran what is not recorded.
    """
    rows: list[list[_Span]] = []
    for ran in sorted(actual, key=lambda ran: (ran.start_seconds, ran.end_seconds, ran.name)):
        style = "f" if not ran.succeeded else "k" if ran.name in critical else "a"
        span = _Span((ran.name,), ran.start_seconds, ran.end_seconds, style)
        wished = predicted_row.get(ran.name, 0)
        while len(rows) <= wished:
            rows.append([])
        free = [row for row in (rows[wished], *rows) if not row or row[-1].end <= ran.start_seconds]
        if free:
            free[0].append(span)
        else:
            rows.append([span])
    return rows


def _draw(
    schedule: Schedule, rows: Sequence[Sequence[Sequence[_Span]]], actual: Sequence[Ran], workers: int
) -> str:
    """The chart of ``rows`` (predicted, actual) out of so many ``workers``."""
    end = _end(schedule, actual)
    scale = _PLOT / end
    took = max((ran.end_seconds for ran in actual), default=None)
    shown = min(workers, MAXIMUM_ROWS)
    pair = _BAR * 2 + _PAIR_GAP if actual else _BAR
    bottom = _TOP + shown * (pair + _ROW_GAP)
    heading = _words(schedule, took)
    parts = [
        *(text(_MARGIN, 27 + 19 * line, words, "m" if line else "t") for line, words in enumerate(heading)),
        *_axis(end, bottom),
    ]
    for row in range(shown):
        top = _TOP + row * (pair + _ROW_GAP)
        parts.append(text(_MARGIN, top + pair / 2 + 4, f"worker {row + 1}", "m"))
        for bars, y in zip(rows, (top, top + _BAR + _PAIR_GAP), strict=True):
            if row < len(bars):
                parts += [_bar(bar, y, scale) for bar in bars[row]]
    if actual:
        x = px(_LEFT + schedule.timeline.makespan_seconds * scale)
        parts.append(f'<path class="end" d="M{x} {px(_TOP - 8)}V{px(bottom)}"/>')
    merged = sum(len(bar.names) for part in rows for row in part for bar in row if len(bar.names) > 1)
    kinds = _kinds(bool(actual), any(not ran.succeeded for ran in actual))
    for line, entries in enumerate(kinds):
        parts += _legend(bottom + 42 + _LEGEND_ROW * line, entries)
    below = bottom + 42 + _LEGEND_ROW * len(kinds)
    notes = _notes(merged, workers - shown)
    parts += [text(_LEFT, below + 4 + 17 * line, note, "m i") for line, note in enumerate(notes)]
    height = below + 17 * len(notes)
    return picture("gantt", _WIDTH, height, ". ".join(heading), _STYLE, parts)


def _words(schedule: Schedule, took: float | None) -> list[str]:
    """The lines of the heading: how long it was to take and took, what bounds that, the critical path."""
    timeline = schedule.timeline
    workers = "1 worker" if schedule.workers == 1 else f"{schedule.workers} workers"
    if schedule.ranked and not is_measured(schedule):
        first = f"By the graph alone on {workers}"
        second = "Nothing has been measured yet: predicted bars only show what waits for what."
    else:
        first = f"Predicted {duration(timeline.makespan_seconds)} on {workers}"
        second = ""
        if timeline.lower_bound_seconds:
            second = f"By these estimates no order is faster than {duration(timeline.lower_bound_seconds)}."
    if took is not None:
        first += f", took {duration(took)}"
    lines = [first, second]
    if schedule.critical_path:
        lines.append(f"Critical path: {path(schedule.critical_path)}")
    return [cut(line, (_WIDTH - 2 * _MARGIN) / _HEADING_CHARACTER) for line in lines if line]


def _axis(end: float, bottom: float) -> list[str]:
    parts = []
    for tick in ticks(end, _TICKS):
        place = _LEFT + tick / end * _PLOT
        parts.append(f'<path class="grid" d="M{px(place)} {px(_TOP - 8)}V{px(bottom)}"/>')
        parts.append(text(place, bottom + 16, tick_label(tick, end), "m c"))
    return parts


def _together(spans: Sequence[_Span], grain_seconds: float) -> list[_Span]:
    """Neighbours narrower than a grain, drawn as one bar about as wide as it; a pause ends a bar."""
    found: list[_Span] = []
    for span in spans:
        last = found[-1] if found else None
        if (
            last is not None
            and span.end - span.start < grain_seconds
            and last.end - last.start < grain_seconds
            and span.start - last.end < grain_seconds / 2
        ):
            longer = last if last.end - last.start >= span.end - span.start else span
            style = "f" if "f" in (last.style, span.style) else longer.style
            found[-1] = _Span(last.names + span.names, last.start, max(last.end, span.end), style)
        else:
            found.append(span)
    return found


def _bar(bar: _Span, y: float, scale: float) -> str:
    x, width = _LEFT + bar.start * scale, max((bar.end - bar.start) * scale, 0.5)
    several = len(bar.names) > 1
    name = f"{len(bar.names):,} views" if several else bar.names[0]
    took = f"{duration(bar.end - bar.start)} from {duration(bar.start)}"
    title = f"{cut(name, _TITLE_CHARACTERS)}: {took}"
    if several:
        title += f": {cut(', '.join(bar.names), _TITLE_CHARACTERS)}"
    if "f" in bar.style:
        title += " (failed)"
    label = cut(name, (width - 6) / _CHARACTER)
    corner = ' rx="2"' if width > _ROUND_WIDTH else ""
    return (
        f'<g class="{bar.style}"><title>{xml(title)}</title>'
        f'<rect x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(_BAR)}"{corner}/>'
        f"{text(x + 5, y + 15, label)}</g>"
    )


def _kinds(has_actual: bool, has_failures: bool) -> list[list[tuple[str, str]]]:
    """The lines of the legend: the styles of bars, and what they are."""
    lines = [[("p", "predicted"), ("c", "predicted, on the critical path")]]
    if has_actual:
        lines[0].append(("end", "predicted end"))
        lines.append([("a", "actual"), ("k", "actual, on the critical path")])
    if has_failures:
        lines[-1].append(("f", "failed"))
    return lines


def _legend(y: float, entries: Iterable[tuple[str, str]]) -> list[str]:
    parts, x = [], _LEFT
    for style, words in entries:
        mark = f'<g class="{style}"><rect x="{px(x)}" y="{px(y - 9)}" width="12" height="10" rx="2"/></g>'
        if style == "end":
            mark = f'<path class="end" d="M{px(x + 6)} {px(y - 10)}v13"/>'
        parts.append(f"{mark}{text(x + 18, y, words, 'm i')}")
        x += 18 + max(_LEGEND_ROOM, len(words) * _LEGEND_CHARACTER) + 14
    return parts


def _notes(merged: int, rows_left_out: int) -> list[str]:
    notes = []
    if merged:
        notes.append(f"{merged:,} short bars are drawn together with their neighbours.")
    if rows_left_out > 0:
        notes.append(f"{rows_left_out:,} more workers are left out.")
    return notes
