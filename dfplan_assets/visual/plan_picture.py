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
from dfplan_assets.visual.operator_words import detail, leaving_rows, name, named, short_duration, size
from dfplan_assets.visual.plan_folds import Row, rows_of
from dfplan_assets.visual.svg import HEAT, cut, heat, heat_legend, picture, px, text, within, xml

LIMIT_BYTES = 20_000
"""The size that a picture has at most, unless asked for otherwise."""

MISJUDGED_FACTOR = 10.0
"""How many times too many or too few rows the planner must have expected for an operator to be marked."""

MISJUDGED_LEAST_ROWS = 100
"""How many rows an operator must have given, or have been expected to give, to be marked."""

MOST_ROWS = 44
"""How many rows a picture has at most; what is cheap is folded until it has no more."""

_WIDTH = 720.0
_LEFT, _TOP, _BOTTOM = 16.0, 92.0, 14.0
_TALL, _SHORT = 38.0, 24.0
_FIRST_LANE, _LANE, _TEXT_GAP = 25.0, 22.0, 17.0
_ROWS_END, _TIME_END, _BAR_START, _BAR_WIDTH = 526.0, 594.0, 604.0, 100.0
_ROWS_ROOM = 84.0
_GAP = 16.0
_HEAT_LEGEND, _LINE_LEGEND = 576.0, 132.0
_STRONG_CHARACTER, _CHARACTER = 6.9, 6.0  # of the 12 and 11 px text; a wide one takes two
_TITLE_CHARACTERS = 200
_COSTLIEST_CHARACTERS = 28
_ROW_BYTES = 350  # about the least that one takes
_FEWEST_ROWS = 3
_NAMED = 3
_SCANS_NAMED = 3
_UNKNOWN = "\u2013"
_ELBOW = 9.0
_MARK = "▲ "
_PASSING_ON = frozenset(
    {
        "CoalesceBatchesExec",
        "CoalescePartitionsExec",
        "CooperativeExec",
        "RepartitionExec",
        "SortPreservingMergeExec",
    }
)
_PASSING_ON_SHARE = 0.05
_STYLE = HEAT + (
    ".dfplan-plan path{fill:none;stroke:var(--line)}"
    ".dfplan-plan circle{stroke:var(--muted)}"
    ".dfplan-plan .f{stroke-dasharray:2 2}"
    ".dfplan-plan .v{stroke:var(--warn);stroke-width:2.5;stroke-dasharray:none}"
    # Where the picture is shown at half its size: larger letters, without what is needed least.
    "@media(max-width:520px){.dfplan-plan .l,.dfplan-plan .d{display:none}.dfplan-plan .t{font-size:21px}"
    ".dfplan-plan .s{font-size:17px}.dfplan-plan .u{transform:translateY(8px)}"
    ".dfplan-plan .a{transform:translateY(-4px)}.dfplan-plan .z{transform:translateY(3px)}"
    ".dfplan-plan text.e{font-size:16px}.dfplan-plan .i,.dfplan-plan text.w{font-size:13.5px}}"
)


def plan_picture(profile: RunProfile, *, limit_bytes: int = LIMIT_BYTES) -> str:
    """The picture of the plan that ran, with at most ``limit_bytes`` where that holds three rows.

    Of a large plan what is cheap is folded: chains, then whole branches. The picture counts what it folded.
    """
    judged = {
        each.number: each
        for each in misestimates(profile.root, MISJUDGED_FACTOR)
        if max(each.estimated_rows, each.actual_rows) >= MISJUDGED_LEAST_ROWS
    }
    marked = frozenset(judged)
    return within(
        limit_bytes,
        lambda most: _draw(profile, rows_of(profile.root, marked, most), judged),
        most=min(MOST_ROWS, limit_bytes // _ROW_BYTES),
        fewest=_FEWEST_ROWS,
    )


def line_width(row_count: int | None) -> float:
    """How wide a line for so many rows is, in pixels: 1.5 more for each power of ten.

    >>> [round(line_width(count), 1) for count in (None, 0, 9, 999_999, 10**9)]
    [1.0, 1.0, 2.5, 10.0, 14.5]
    """
    return 1.0 if not row_count else 1.0 + 1.5 * math.log10(row_count + 1)


def _draw(profile: RunProfile, shown: Sequence[Row], judged: Mapping[int, Misestimate]) -> str:
    places: list[tuple[float, float]] = []
    top = _TOP
    for row in shown:
        height = _SHORT if _is_short(row, judged) else _TALL
        places.append((_FIRST_LANE + row.lane * _LANE, top + height / 2))
        top += height
    parts = _heading(profile, shown, len(judged))
    parts += [
        _line(row, place, places[row.parent])
        for row, place in zip(shown, places, strict=True)
        if row.parent is not None
    ]
    strongest = max(row.share for row in shown)
    parts += [_row(row, place, strongest, judged) for row, place in zip(shown, places, strict=True)]
    label = f"Plan of {profile.view}: {_summary(profile, shown)}"
    return picture("plan", _WIDTH, top + _BOTTOM, label, _STYLE, parts)


def _summary(profile: RunProfile, shown: Sequence[Row]) -> str:
    operators = sum(len(row.operators) for row in shown)
    count = "1 operator" if operators == 1 else f"{operators:,} operators"
    return f"{count}, {duration(profile.cpu_seconds)} of CPU time"


def _heading(profile: RunProfile, shown: Sequence[Row], misjudged: int) -> list[str]:
    """What is seen first: how much it was, where most of it went, what went wrong; and the legend."""
    times = sorted(
        (each for row in shown for each in row.operators if each.share), key=lambda each: -(each.share or 0.0)
    )
    costliest = [
        f"{cut(named(each.operator), _COSTLIEST_CHARACTERS)} {each.share:.0%}" for each in times[:_NAMED]
    ]
    return [
        text(_LEFT, 27, _summary(profile, shown), "t"),
        _most_of_it(costliest),
        _notes(shown, misjudged),
        _LEGEND,
        text(_ROWS_END, _TOP - 8, "rows", "m e z"),
        f'<text class="m e z" x="{px(_TIME_END)}" y="{px(_TOP - 8)}">'
        '<tspan class="d">CPU </tspan>time</text>',
    ]


def _most_of_it(costliest: Sequence[str]) -> str:
    if not costliest:
        return ""
    *first, last = costliest
    words = f"Most of it: {xml(', '.join(first or [last]))}"
    if first:
        words += f'<tspan class="d">, {xml(last)}</tspan>'
    return f'<text class="m i" x="{px(_LEFT)}" y="47">{words}</text>'


def _legend() -> str:
    parts, x = [text(_LEFT, _TOP - 8, "rows along a line:", "m")], _LINE_LEGEND
    for count, words in ((1, "1"), (1_000, "1 thousand"), (1_000_000, "1 million")):
        parts.append(f'<path stroke-width="{px(line_width(count))}" d="M{px(x - 14)} {px(_TOP - 12)}h20"/>')
        parts.append(text(x + 12, _TOP - 8, words, "m"))
        x += 50 + len(words) * _CHARACTER
    return (
        f'<g class="l">{text(_HEAT_LEGEND - 8, 24, "part of the CPU time: under 1%", "m e")}'
        f"{heat_legend(_HEAT_LEGEND, 16)}{text(_HEAT_LEGEND + 80, 24, 'over 45%', 'm')}{''.join(parts)}</g>"
    )


def _notes(shown: Sequence[Row], misjudged: int) -> str:
    spilled = sum(row.spilled_bytes for row in shown)
    folded = sum(row.folded for row in shown)
    warnings = [f"{_MARK}{size(spilled)} spilled to disk"] if spilled else []
    if misjudged:
        operators = "1 operator" if misjudged == 1 else f"{misjudged:,} operators"
        warnings.append(f"{_MARK}rows of {operators} misjudged ×{MISJUDGED_FACTOR:.0f} or more")
    notes = [f"{folded:,} that took little are folded."] if folded else []
    if any(row.is_named and leaving_rows(row.first.operator) is None for row in shown):
        notes.append(f"{_UNKNOWN} is not recorded.")
    told = f'<tspan class="w">{xml(" ".join(warnings))}</tspan>' if warnings else ""
    if notes:
        style, before = ("m d", " · ") if warnings else ("m", "")
        told += f'<tspan class="{style}">{before}{" ".join(notes)}</tspan>'
    return f'<text class="i" x="{px(_LEFT)}" y="67">{told}</text>' if told else ""


def _is_short(row: Row, judged: Mapping[int, Misestimate]) -> bool:
    if row.spilled_bytes or any(each.number in judged for each in row.operators):
        return False
    return not row.is_named or (row.first.operator.name in _PASSING_ON and row.share < _PASSING_ON_SHARE)


def _line(row: Row, place: tuple[float, float], above: tuple[float, float]) -> str:
    """The way of a row's rows to the one above: straight up in its lane, or around a corner to the left."""
    (left, low), (up_left, high) = place, above
    if left == up_left:
        path = f"M{px(left)} {px(low)}V{px(high)}"
    else:
        corner = f"{px(up_left)} {px(low)} {px(up_left)} {px(low - _ELBOW)}"
        path = f"M{px(left)} {px(low)}H{px(up_left + _ELBOW)}Q{corner}V{px(high)}"
    return f'<path stroke-width="{px(line_width(row.first.operator.output_rows))}" d="{path}"/>'


def _row(row: Row, place: tuple[float, float], strongest: float, judged: Mapping[int, Misestimate]) -> str:
    left, middle = place
    short = _is_short(row, judged)
    wrong = [judged[each.number] for each in row.operators if each.number in judged]
    colour = heat(row.share)
    style = f"{colour}{' v' if row.spilled_bytes or wrong else ''}{'' if row.is_named else ' f'}"
    quiet = "m e" if short else "e"
    parts = [
        f"<title>{xml(_title(row, wrong))}</title>",
        f'<circle class="{style}" cx="{px(left)}" cy="{px(middle)}" r="{4 if short else 7}"/>',
        *_words(row, left + _TEXT_GAP, middle, short, len(_expected(wrong)) if wrong else 0),
    ]
    count = leaving_rows(row.first.operator)
    figure, of_figure = (_UNKNOWN, "m e") if count is None else (f"{count:,}", quiet)
    parts.append(
        text(_ROWS_END, middle - 3 if wrong else middle + 4, figure, f"{of_figure} a" if wrong else of_figure)
    )
    if wrong:
        parts.append(text(_ROWS_END, middle + 11, _expected(wrong), "w e z"))
    parts.append(text(_TIME_END, middle + 4, short_duration(row.seconds), quiet))
    if row.share:
        thick = 6 if short else 10
        parts.append(
            f'<rect class="{colour}" x="{px(_BAR_START)}" y="{px(middle - thick / 2)}" '
            f'width="{px(max(1.0, row.share / strongest * _BAR_WIDTH))}" height="{thick}" rx="2"/>'
        )
    return f"<g>{''.join(parts)}</g>"


def _expected(wrong: Sequence[Misestimate]) -> str:
    worst = max(wrong, key=lambda each: each.factor)
    return f"{_MARK}{worst.estimated_rows:,} expected"


def _words(row: Row, start: float, middle: float, short: bool, taken: int) -> list[str]:
    """What a row is: on one line where it only passes rows on, else its name above what it does.

    Beside the second line ``taken`` strong characters stand before the end of the rows.
    """
    operator, room = row.first.operator, _ROWS_END - _ROWS_ROOM - start
    second_room = min(room, _ROWS_END - _GAP - taken * _STRONG_CHARACTER - start)
    if not row.is_named:
        heading, below, style = _fold_words(row), "", "m i"
    elif short:
        heading, below, style = f"{name(operator)} {detail(operator)}".rstrip(), "", "m i"
    else:
        heading, below, style = name(operator), detail(operator), "s"
    if row.is_named and row.folded:
        below = f"{below} · {_folded_words(row)}".removeprefix(" · ")
    wide = _STRONG_CHARACTER if style == "s" else _CHARACTER
    if row.spilled_bytes:
        mark = f"{_MARK}spilled {size(row.spilled_bytes)}"
        second = f'<tspan class="w">{mark}</tspan>'
        rest = cut(below, second_room / _CHARACTER - len(mark) - 3)
        if rest:
            second += f'<tspan class="d">  {xml(rest)}</tspan>'
        return [
            text(start, middle - 3, cut(heading, room / wide), f"{style} a"),
            f'<text class="m i z" x="{px(start)}" y="{px(middle + 11)}">{second}</text>',
        ]
    if not below:
        return [text(start, middle + 4, cut(heading, room / wide), style)]
    return [
        text(start, middle - 3, cut(heading, room / wide), f"{style} u"),
        text(start, middle + 11, cut(below, second_room / _CHARACTER), "m d"),
    ]


def _fold_words(row: Row) -> str:
    names = list(dict.fromkeys(each.operator.name.removesuffix("Exec") for each in row.operators))
    return f"{len(row.operators):,} operators: {', '.join(names)}"


def _folded_words(row: Row) -> str:
    """How many operators are folded into a row, and the tables of the scans among them."""
    scans = [each.operator for each in row.operators[1:] if each.operator.name == "DataSourceExec"]
    tables = [detail(scan).partition(",")[0] for scan in scans[:_SCANS_NAMED]]
    told = ", ".join(table for table in tables if table)
    more = ", …" if told and len(scans) > _SCANS_NAMED else ""
    return f"{row.folded:,} folded{f': {told}{more}' if told else ''}"


def _title(row: Row, wrong: Sequence[Misestimate]) -> str:
    words = [cut(row.first.operator.display if row.is_named else _fold_words(row), _TITLE_CHARACTERS)]
    count = leaving_rows(row.first.operator)
    if count is not None:
        words.append("1 row" if count == 1 else f"{count:,} rows")
    words.append(f"{duration(row.seconds)}, {row.share:.1%} of the CPU time")
    if row.spilled_bytes:
        words.append(f"spilled {size(row.spilled_bytes)}")
    words += [
        f"{each.operator.name}: {each.estimated_rows:,} rows were expected, {each.actual_rows:,} came"
        for each in wrong
    ]
    return "; ".join(words)


_LEGEND = _legend()
