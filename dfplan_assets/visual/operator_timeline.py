"""When the operators of a run began and ended, as bars over time in SVG.

The rows are in the order of the plan, the result on top. The stronger the colour of a bar, the more of its
time an operator was busy in its own code; the rest it waited for its input, or for those that take its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dfplan_assets.execution.analysis import OperatorTime, operator_times, walk
from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.visual.durations import duration
from dfplan_assets.visual.operator_words import detail, name, spilled_bytes
from dfplan_assets.visual.svg import DEPTH, cut, depth_legend, picture, px, text, within, xml
from dfplan_assets.visual.time_axis import tick_label, ticks

LIMIT_BYTES = 20_000
"""The size that a timeline has at most, unless asked for otherwise."""

MOST_ROWS = 36
"""How many operators have a bar at most; those that took least are left out, and counted."""

_WIDTH = 720.0
_LEFT, _TOP, _BOTTOM = 16.0, 82.0, 34.0
_NAMES_END, _PLOT, _PLOT_END, _TOOK_END, _FIGURES_END = 250.0, 262.0, 604.0, 664.0, 704.0
_LEGEND = 612.0
_ROW, _BAR = 22.0, 12.0
_CHARACTER = 5.8  # of the 11 px text; a wide one takes two
_TITLE_CHARACTERS = 200
_ROW_BYTES = 280  # about the least that one takes
_FEWEST_ROWS = 3
_TICKS = 6
_SPILLED = "▲"
_EXPLANATION = "From its start to its end; the stronger the colour, the busier an operator was meanwhile."
_DEPTHS = (0.05, 0.2, 0.4, 0.7)  # shares of an operator's time from which its bar is darker
_STYLE = (
    DEPTH + ".dfplan-timeline .o{stroke:var(--d3);stroke-opacity:.45}"
    # Where the timeline is shown at half its size: larger letters, names without details.
    "@media(max-width:520px){.dfplan-timeline .l,.dfplan-timeline tspan.m{display:none}"
    ".dfplan-timeline .t{font-size:21px}.dfplan-timeline text{font-size:15px}"
    ".dfplan-timeline .i{font-size:13px}}"
)


@dataclass(frozen=True)
class _Bar:
    """An operator from its start to its end, in seconds since the first one started."""

    time: OperatorTime
    start_seconds: float
    end_seconds: float

    @property
    def busy(self) -> float:
        """The part of this time that the operator's partitions spent in its own code, from 0 to 1."""
        room = (self.end_seconds - self.start_seconds) * self.time.operator.partitions
        return min(1.0, (self.time.exclusive_seconds or 0.0) / room) if room > 0 else 0.0


def operator_timeline(profile: RunProfile, *, limit_bytes: int = LIMIT_BYTES) -> str:
    """The timeline of the operators of one run, with at most ``limit_bytes`` where that holds three rows.

    Operators that record no moments, and those for which there is no room, are counted in it.
    """
    times = operator_times(profile.root)
    timed = [(each, each.operator.started_at, each.operator.ended_at) for each in times]
    known = [(each, start, end) for each, start, end in timed if start is not None and end is not None]
    first = min((start for _, start, _ in known), default=None)
    bars = [
        _Bar(each, _seconds(first, start), _seconds(first, end))
        for each, start, end in known
        if first is not None
    ]
    by_time = sorted(bars, key=lambda bar: bar.time.exclusive_seconds or 0.0, reverse=True)
    return within(
        limit_bytes,
        lambda most: _draw(
            profile, sorted(by_time[:most], key=lambda bar: bar.time.number), bars, len(times) - len(bars)
        ),
        most=min(MOST_ROWS, limit_bytes // _ROW_BYTES),
        fewest=_FEWEST_ROWS,
    )


def _seconds(first: datetime, moment: datetime) -> float:
    return max(0.0, (moment - first).total_seconds())


def busy_depth(share: float) -> str:
    """The class of the colour of a bar whose operator was busy for this part of it.

    >>> busy_depth(0.0), busy_depth(0.3), busy_depth(1.0)
    ('d0', 'd2', 'd4')
    """
    return f"d{sum(share >= least for least in _DEPTHS)}"


def _draw(profile: RunProfile, shown: Sequence[_Bar], bars: Sequence[_Bar], without_moments: int) -> str:
    end = max((bar.end_seconds for bar in bars), default=0.0)
    scale = (_PLOT_END - _PLOT) / (end or 1.0)
    bottom = _TOP + len(shown) * _ROW
    parts = _heading(profile, end, len(bars) - len(shown), without_moments)
    for tick in ticks(end or 1.0, _TICKS):
        place = px(_PLOT + tick * scale)
        parts.append(f'<path class="grid" d="M{place} {px(_TOP - 4)}V{px(bottom + 4)}"/>')
        parts.append(text(_PLOT + tick * scale, bottom + 18, tick_label(tick, end or 1.0), "m c"))
    parts += [_bar(bar, _TOP + place * _ROW, scale) for place, bar in enumerate(shown)]
    label = f"Timeline of {profile.view}: {len(bars):,} operators in {duration(end)}"
    return picture("timeline", _WIDTH, bottom + _BOTTOM, label, _STYLE, parts)


def _heading(profile: RunProfile, end: float, left_out: int, without_moments: int) -> list[str]:
    spilled = f"{_SPILLED} spilled to disk" if any(spilled_bytes(each) for each in walk(profile.root)) else ""
    notes = []
    if left_out:
        notes.append(f"{left_out:,} operators that took least are left out")
    if without_moments:
        notes.append(f"{without_moments:,} record{'s' if without_moments == 1 else ''} no times")
    words = f"{duration(end)} of execution in a run of {duration(profile.wall_seconds)}"
    return [
        text(_LEFT, 27, words, "t"),
        text(_LEFT, 47, _EXPLANATION, "m i"),
        text(_LEFT, 64, f"{'; '.join(notes)}." if notes else "", "m i"),
        text(_FIGURES_END, 47, spilled, "w e"),
        f'<g class="l">{text(_LEGEND - 8, 27, "waiting", "m e")}{depth_legend(_LEGEND, 19)}'
        f"{text(_LEGEND + 68, 27, 'busy', 'm')}</g>",
        text(_TOOK_END, _TOP - 8, "took", "m e"),
        text(_FIGURES_END, _TOP - 8, "busy", "m e"),
    ]


def _bar(bar: _Bar, top: float, scale: float) -> str:
    operator = bar.time.operator
    middle = top + _ROW / 2
    took = bar.end_seconds - bar.start_seconds
    left, width = _PLOT + bar.start_seconds * scale, max(took * scale, 1.0)
    return (
        f"<g><title>{xml(_title(bar))}</title>{_name(operator, middle + 4)}"
        f'<rect class="o {busy_depth(bar.busy)}" x="{px(left)}" y="{px(middle - _BAR / 2)}" '
        f'width="{px(width)}" height="{px(_BAR)}" rx="2"/>'
        f"{text(_TOOK_END, middle + 4, duration(took), 'e')}"
        f"{text(_FIGURES_END, middle + 4, f'{bar.busy:.0%}', 'm e')}</g>"
    )


def _name(operator: OperatorProfile, baseline: float) -> str:
    spilled = f"{_SPILLED} " if spilled_bytes(operator) else ""
    room = (_NAMES_END - _LEFT) / _CHARACTER - len(spilled)
    shown = cut(name(operator), room)
    rest = cut(detail(operator, 60), room - len(shown) * 1.15 - 2)
    more = f' <tspan class="m">{xml(rest)}</tspan>' if rest else ""
    mark = f'<tspan class="w">{spilled}</tspan>' if spilled else ""
    return f'<text x="{px(_LEFT)}" y="{px(baseline)}">{mark}{xml(shown)}{more}</text>'


def _title(bar: _Bar) -> str:
    words = [
        cut(bar.time.operator.display, _TITLE_CHARACTERS),
        f"{duration(bar.start_seconds)} to {duration(bar.end_seconds)}",
        f"busy for {bar.busy:.0%} of it",
    ]
    if spilled_bytes(bar.time.operator):
        words.append("spilled to disk")
    return "; ".join(words)
