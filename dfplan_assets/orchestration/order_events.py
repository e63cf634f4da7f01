"""What a run's page shows of its order: before the run why it is so, after it how well it was predicted.

Both are engine events; large events make the whole instance slow, so every part has a budget in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from dfplan_assets.forecast.comparison import Comparison, Ran, ViewComparison, is_measured
from dfplan_assets.orchestration.markdown import fit, image, table
from dfplan_assets.scheduling.model import Schedule
from dfplan_assets.visual.gantt import gantt
from dfplan_assets.visual.sentences import path

_ORDER = "dfplan/order"
_ESTIMATES = "dfplan/estimates"
_SECONDS_DIGITS = 3
_TABLE_BYTES = 15_000
_CHART_BYTES = 20_000  # a third more as base64
_REASON_CHARACTERS = 160
_MOST_ROWS = 1_000  # more than fit
_SAID = (
    "Each row is a worker, each bar a view. The critical path is the chain of views that bounds how soon a "
    "run can end: only there is time to be won."
)


def order_metadata(schedule: Schedule, notes: Sequence[str]) -> dict[str, dg.MetadataValue]:
    """The order of a run that begins: each step with its cost and why it stands where it does."""
    rows = [
        (
            str(place),
            rank.task.name,
            _digits(rank.estimate.seconds),
            f"{_digits(rank.estimate.low_seconds)} to {_digits(rank.estimate.high_seconds)}",
            rank.estimate.source,
            _digits(rank.bottom_level_seconds),
            _digits(rank.slack_seconds),
            str(rank.priority),
            rank.reason if len(rank.reason) <= _REASON_CHARACTERS else f"{rank.reason[:_REASON_CHARACTERS]}…",
        )
        for place, rank in enumerate(schedule.ranked[:_MOST_ROWS], start=1)
    ]
    header = ("", "step", "cost s", "spread s", "source", "to end s", "slack s", "priority", "reason")
    numeric = (True, False, True, True, False, True, True, True, False)
    found: dict[str, dg.MetadataValue] = {
        _ORDER: _table(header, rows, numeric, len(schedule.ranked)),
        "dfplan/critical_path": dg.MetadataValue.text(path(schedule.critical_path)),
        "dfplan/predicted_timeline": _chart(schedule, ()),
        "dfplan/workers": dg.MetadataValue.int(schedule.workers),
    }
    if is_measured(schedule):
        found["dfplan/predicted_seconds"] = _seconds(schedule.timeline.makespan_seconds)
    reasons = [*notes, *schedule.reasons]
    if reasons:
        found["dfplan/reasons"] = dg.MetadataValue.md("\n".join(f"- {reason}" for reason in reasons))
    return found


def outcome_metadata(
    schedule: Schedule, comparison: Comparison, ran: Sequence[Ran]
) -> dict[str, dg.MetadataValue]:
    """Predicted and actual side by side for a run that has ended, the worst estimates first."""
    by_error = sorted(comparison.views, key=_seconds_off, reverse=True)
    rows = [
        (
            view.name,
            "" if view.predicted_seconds is None else _digits(view.predicted_seconds),
            "" if view.actual_seconds is None else _digits(view.actual_seconds),
            "" if view.ratio is None else f"×{view.ratio:.2f}",
            view.source,
        )
        for view in by_error[:_MOST_ROWS]
    ]
    header = ("step", "predicted s", "actual s", "actual / predicted", "source")
    found: dict[str, dg.MetadataValue] = {
        _ESTIMATES: _table(header, rows, (False, True, True, True, False), len(by_error)),
        "dfplan/timeline": _chart(schedule, ran),
        "dfplan/actual_seconds": _seconds(comparison.actual_seconds),
    }
    if comparison.predicted_seconds is not None:
        found["dfplan/predicted_seconds"] = _seconds(comparison.predicted_seconds)
    if comparison.actual_lower_bound_seconds is not None:
        found["dfplan/lower_bound_seconds"] = _seconds(comparison.actual_lower_bound_seconds)
    return found


def _seconds_off(view: ViewComparison) -> float:
    if view.actual_seconds is None:
        return -1.0
    return abs(view.actual_seconds - (view.predicted_seconds or 0.0))


def is_of_order(metadata: Mapping[str, dg.MetadataValue]) -> bool:
    """Whether an event with this metadata tells of the order of a run."""
    return _ORDER in metadata or _ESTIMATES in metadata


def _digits(seconds: float) -> str:
    return f"{seconds:,.{_SECONDS_DIGITS}f}"


def _seconds(seconds: float) -> dg.FloatMetadataValue:
    return dg.MetadataValue.float(round(seconds, _SECONDS_DIGITS))


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], total: int
) -> dg.MarkdownMetadataValue:
    lines = table(header, rows, numeric).split("\n")
    shown = fit(lines, _TABLE_BYTES)
    left_out = total - (shown - 2)  # the heading and the rule beneath it are lines too
    note = (
        f"**Shortened: the last {left_out:,} of {total:,} steps are left out.** "
        "`dfplan schedule` prints all of them.\n\n"
        if left_out
        else ""
    )
    return dg.MetadataValue.md(note + "\n".join(lines[:shown]))


def _chart(schedule: Schedule, ran: Sequence[Ran]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(image("timeline", gantt(schedule, ran, limit_bytes=_CHART_BYTES), _SAID))
