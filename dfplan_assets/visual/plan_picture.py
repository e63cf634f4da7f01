"""The plan of a run as a picture in SVG: the operators as a tree, the result on top, the scans below.

An operator is a row, so that any plan has the width of one column and can be read from top to bottom; the
branches of a join stand in lanes. A line is the wider the more rows went along it, the colour and the bar
of an operator tell its part of the time. What spilled to disk and what the planner judged wrongly is marked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dfplan_assets.execution.analysis import Misestimate, misestimates
from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.visual.durations import duration
from dfplan_assets.visual.operator_words import detail, name, rows, size
from dfplan_assets.visual.plan_folds import Row, rows_of
from dfplan_assets.visual.svg import cut, heat, heat_legend, picture, px, text, xml

LIMIT_BYTES = 20_000
"""The size that a picture has at most, unless asked for otherwise."""

MOST_ROWS = 44
"""How many rows a picture has at most; what is cheap is folded until it has no more."""

_WIDTH = 720.0
_TOP, _BOTTOM = 74.0, 16.0
_TALL, _SHORT = 38.0, 24.0
_FIRST_LANE, _LANE, _TEXT_GAP = 24.0, 22.0, 16.0
_ROWS_END, _TIME_END, _BAR_START, _BAR_WIDTH = 520.0, 592.0, 602.0, 100.0
_STRONG_CHARACTER, _CHARACTER = 6.9, 5.8  # of the 12 and 11 px text; a wide one takes two
_TITLE_CHARACTERS = 200
_ROW_BYTES = 560  # about what one takes
_FEWEST_ROWS = 3
_ELBOW = 9.0
_MARK = "▲ "
_PASSING_ON = frozenset(
    {
        "CoalesceBatchesExec",
        "CoalescePartitionsExec",
        "CooperativeExec",
        "RepartitionExec",
        "SortPreservingMergeExec",
        "UnionExec",
        "InterleaveExec",
    }
)
_PASSING_ON_SHARE = 0.05
_STYLE = """\
.dfplan-plan path{fill:none;stroke:var(--line)}.dfplan-plan circle{stroke:var(--muted);stroke-width:1}
.dfplan-plan .v{stroke:var(--warn);stroke-width:2.5}.dfplan-plan .f{stroke-dasharray:2 2}
"""


def plan_picture(profile: RunProfile, *, limit_bytes: int = LIMIT_BYTES) -> str:
    """The picture of the plan that ran, with at most ``limit_bytes`` where that holds three rows.

    Of a large plan what is cheap is folded: chains, then whole branches; a note counts it.
    """
    judged = {each.number: each for each in misestimates(profile.root)}
    marked = frozenset(judged)
    most = min(MOST_ROWS, max(_FEWEST_ROWS, limit_bytes // _ROW_BYTES + 8))
    while True:
        drawn = _draw(profile, rows_of(profile.root, marked, most), judged)
        if len(drawn.encode()) <= limit_bytes or most <= _FEWEST_ROWS:
            return drawn
        most = max(_FEWEST_ROWS, min(most - 1, int(most * limit_bytes / len(drawn.encode()))))


def _draw(profile: RunProfile, shown: Sequence[Row], judged: Mapping[int, Misestimate]) -> str:
    operators = sum(len(row.operators) for row in shown)
    places: list[tuple[float, float]] = []
    top = _TOP
    for row in shown:
        height = _SHORT if _is_short(row, judged) else _TALL
        places.append((_FIRST_LANE + row.lane * _LANE, top + height / 2))
        top += height
    folded = sum(len(row.operators) for row in shown if row.is_fold)
    parts = [*_heading(profile, operators, folded)]
    for row, place in zip(shown, places, strict=True):
        if row.parent is not None:
            parts.append(_line(row, place, places[row.parent]))
    strongest = max((row.share for row in shown), default=0.0)
    for row, place in zip(shown, places, strict=True):
        parts.append(_row(row, place, strongest, judged))
    label = f"Plan of {profile.view}: {operators} operators, {duration(profile.cpu_seconds)} of CPU time"
    return picture("plan", _WIDTH, top + _BOTTOM, label, _STYLE, parts)


def _heading(profile: RunProfile, operators: int, folded: int) -> list[str]:
    count = "1 operator" if operators == 1 else f"{operators:,} operators"
    first = f"{count}, {duration(profile.cpu_seconds)} of CPU time"
    second = "The result is on top. The wider a line, the more rows went along it."
    if folded:
        second = f"{folded:,} of them that took little are folded. {second}"
    legend = _BAR_START + _BAR_WIDTH - 72
    return [
        text(16, 26, first, "t"),
        text(16, 45, second, "m"),
        text(_ROWS_END, _TOP - 8, "rows", "m e"),
        text(_TIME_END, _TOP - 8, "CPU time", "m e"),
        text(legend - 8, 26, "share of the time: small", "m e"),
        heat_legend(legend, 18),
    ]


def _is_short(row: Row, judged: Mapping[int, Misestimate]) -> bool:
    if row.spilled_bytes or any(each.number in judged for each in row.operators):
        return False
    return row.is_fold or (
        row.first.operator.name in _PASSING_ON and row.share < _PASSING_ON_SHARE and row.first.number > 0
    )


def _line(row: Row, place: tuple[float, float], above: tuple[float, float]) -> str:
    """The way of a row's rows to the one above: straight up in its lane, or around a corner to the left."""
    count = row.first.operator.output_rows
    width = line_width(count)
    (left, low), (up_left, high) = place, above
    if left == up_left:
        path = f"M{px(left)} {px(low)}V{px(high)}"
    else:
        corner = f"{px(up_left)} {px(low)} {px(up_left)} {px(low - _ELBOW)}"
        path = f"M{px(left)} {px(low)}H{px(up_left + _ELBOW)}Q{corner}V{px(high)}"
    return f'<path stroke-width="{px(width)}" d="{path}"/>'


def line_width(row_count: int | None) -> float:
    """How wide a line for so many rows is, in pixels: one more and a bit for each power of ten.

    >>> [round(line_width(count), 1) for count in (None, 0, 9, 999_999, 10**9)]
    [1.0, 1.0, 2.3, 8.8, 12.7]
    """
    return 1.0 if not row_count else 1.0 + 1.3 * math.log10(row_count + 1)


def _row(row: Row, place: tuple[float, float], strongest: float, judged: Mapping[int, Misestimate]) -> str:
    left, middle = place
    operator = row.first.operator
    short = _is_short(row, judged)
    wrong = [judged[each.number] for each in row.operators if each.number in judged]
    spilled = row.spilled_bytes
    share = row.share
    style = f"{heat(share)}{' v' if spilled or wrong else ''}{' f' if row.is_fold else ''}"
    radius = 4.0 if short else 7.0
    start = left + _TEXT_GAP
    parts = [f"<title>{xml(_title(row, wrong))}</title>"]
    parts.append(f'<circle class="{style}" cx="{px(left)}" cy="{px(middle)}" r="{px(radius)}"/>')
    room = _ROWS_END - 78 - start
    baseline = middle + 4 if short else middle - 3
    if row.is_fold:
        parts.append(text(start, baseline, cut(_fold_words(row), room / _CHARACTER), "m"))
    elif short:
        words = " ".join(word for word in (name(operator), detail(operator)) if word)
        parts.append(text(start, baseline, cut(words, room / _CHARACTER), "m"))
    else:
        parts.append(text(start, baseline, cut(name(operator), room / _STRONG_CHARACTER), "s"))
        if not spilled:
            parts.append(text(start, middle + 12, cut(detail(operator), room / _CHARACTER), "m"))
    if spilled:
        parts.append(text(start, middle + 12, f"{_MARK}spilled {size(spilled)} to disk", "w"))
    if operator.output_rows is not None:
        parts.append(text(_ROWS_END, baseline, f"{operator.output_rows:,}", "m e" if short else "e"))
    if wrong:
        worst = max(wrong, key=lambda each: each.factor)
        parts.append(text(_ROWS_END, middle + 12, f"{_MARK}{worst.estimated_rows:,} expected", "w e"))
    if row.seconds:
        parts.append(text(_TIME_END, middle + 4, duration(row.seconds), "m e" if short else "e"))
    if share and strongest:
        width = max(1.0, share / strongest * _BAR_WIDTH)
        thick = 6 if short else 10
        parts.append(
            f'<rect class="{heat(share)}" x="{px(_BAR_START)}" y="{px(middle - thick / 2)}" '
            f'width="{px(width)}" height="{thick}" rx="2"/>'
        )
    return f"<g>{''.join(parts)}</g>"


def _fold_words(row: Row) -> str:
    names = list(dict.fromkeys(each.operator.name.removesuffix("Exec") for each in row.operators))
    return f"{len(row.operators):,} operators: {', '.join(names)}"


def _title(row: Row, wrong: Sequence[Misestimate]) -> str:
    words = [_fold_words(row) if row.is_fold else cut(row.first.operator.display, _TITLE_CHARACTERS)]
    words += [rows(row.first.operator.output_rows), f"{duration(row.seconds)}, {row.share:.1%} of the time"]
    if row.spilled_bytes:
        words.append(f"spilled {size(row.spilled_bytes)}")
    words += [
        f"{each.operator.name}: {each.estimated_rows:,} rows were expected, {each.actual_rows:,} came "
        f"(×{each.factor:,.1f})"
        for each in wrong
    ]
    return "; ".join(word for word in words if word)
