"""A schedule and its outcome in one line each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dfplan_assets.forecast.comparison import Comparison, is_measured
from dfplan_assets.scheduling.model import Ranked, Schedule
from dfplan_assets.scheduling.schedule import Order
from dfplan_assets.visual.durations import duration

_PATH_NAMES = 5


def path(names: Sequence[str]) -> str:
    """A chain of views, its middle left out where it is long.

    >>> path(["a", "b", "c"]), path([f"v{i}" for i in range(9)])
    ('a → b → c', 'v0 → v1 → v2 → 5 more → v8')
    """
    if len(names) <= _PATH_NAMES:
        return " → ".join(names)
    kept = _PATH_NAMES - 2
    return " → ".join([*names[:kept], f"{len(names) - kept - 1} more", names[-1]])


def measured_views(schedule: Schedule) -> int:
    """How many views of a schedule have a cost that was measured in past runs of theirs."""
    return sum(map(_has_history, schedule.ranked))


def _has_history(rank: Ranked) -> bool:
    return rank.estimate.kind in ("history", "scaled")


def steps_in_words(
    steps: Collection[str], others: Collection[str], measured: Collection[str] | None = None
) -> str:
    """The steps of a run counted: those that make views, and apart from them ``others``, which do not.

    With ``measured``, how many of each are among these.

    >>> steps_in_words(["a", "b", "checks of a"], ["checks of a"], ["a"])
    '1 of 2 views and 0 of 1 other step'
    >>> steps_in_words(["a", "b", "c"], [])
    '3 views'
    """
    counted = []
    for what, names in (
        ("view", [name for name in steps if name not in others]),
        ("other step", [name for name in steps if name in others]),
    ):
        if names:
            have = "" if measured is None else f"{sum(name in measured for name in names):,} of "
            counted.append(f"{have}{len(names):,} {what}{'' if len(names) == 1 else 's'}")
    return " and ".join(counted)


def order_sentence(schedule: Schedule, order: Order = "measured", others: Collection[str] = ()) -> str:
    """Why a run is ordered as it is, and what it will take where anything has been measured.

    ``others`` are the steps of the schedule that make no view: of checks, of Python assets.
    """
    steps = [rank.task.name for rank in schedule.ranked]
    measured = {rank.task.name for rank in schedule.ranked if _has_history(rank)}
    workers = f"{schedule.workers} worker{'' if schedule.workers == 1 else 's'}"
    if order == "static" or not is_measured(schedule):
        history = "" if order == "static" else f", none of {steps_in_words(steps, others)} has history"
        longest = (
            f"longest path {path(schedule.critical_path)}" if schedule.critical_path else "nothing to do"
        )
        return f"order: by the graph alone{history}; {longest}; {workers}"
    seconds = max((rank.bottom_level_seconds for rank in schedule.ranked), default=0.0)
    return (
        f"order: measured, {steps_in_words(steps, others, measured)} have history; "
        f"critical path {path(schedule.critical_path)} {duration(seconds)}; "
        f"predicted {duration(schedule.timeline.makespan_seconds)} on {workers}"
    )


def outcome_sentence(comparison: Comparison) -> str:
    """What was predicted and what it took."""
    took = f"took {duration(comparison.actual_seconds)}"
    if comparison.predicted_seconds is not None:
        took = f"predicted {duration(comparison.predicted_seconds)}, {took}"
    sentences = [took]
    bound, error = comparison.actual_lower_bound_seconds, comparison.median_error
    if bound is not None:
        sentences.append(f"no order could have been faster than {duration(bound)}")
    if error is not None:
        sentences.append(f"estimates off by a factor of {error:.2f} (median)")
    return "; ".join(sentences)
