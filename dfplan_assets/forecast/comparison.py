"""Predicted against actual: how wrong each estimate was, and how good the order."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import Schedule


@dataclass(frozen=True)
class Ran:
    """One attempt of a view, in seconds after the start of the run; ``attempt`` counts from 1."""

    name: str
    start_seconds: float
    end_seconds: float
    succeeded: bool
    attempt: int = 1

    @property
    def seconds(self) -> float:
        """How long it took, never negative: clocks jump."""
        return max(0.0, self.end_seconds - self.start_seconds)


@dataclass(frozen=True, kw_only=True)
class ViewComparison:
    """A view as predicted and as it ran.

    ``predicted_seconds`` is how long its step was to keep a worker busy, ``actual_seconds`` how long the
    attempt that succeeded did. None where nothing was predicted, or no attempt succeeded.
    ``ratio`` is actual over predicted: 1 is exact, None where there is no actual time or where nothing
    was predicted.
    """

    name: str
    predicted_seconds: float | None
    source: str
    actual_seconds: float | None

    @property
    def ratio(self) -> float | None:
        """Actual over predicted."""
        if self.actual_seconds is None or not self.predicted_seconds:
            return None
        return self.actual_seconds / self.predicted_seconds


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run as predicted and as it went, in seconds.

    ``predicted_seconds`` is None where nothing had been measured that a prediction could be made from.
    ``actual_lower_bound_seconds`` is max(work / workers, critical path) of the times that were measured:
    no order could have been faster; None for a run of the past whose graph is not known.
    ``views`` are in the order of the schedule.
    """

    workers: int
    predicted_seconds: float | None
    actual_seconds: float
    actual_lower_bound_seconds: float | None
    views: tuple[ViewComparison, ...]

    @property
    def median_error(self) -> float | None:
        """The median over the views of how far off the estimate was, as a factor from 1.

        None where there was no estimate, or no view ran.
        """
        factors = [max(view.ratio, 1 / view.ratio) for view in self.views if view.ratio]
        return statistics.median(factors) if factors else None


def is_measured(schedule: Schedule) -> bool:
    """Whether a schedule is made from anything that was measured; if not, its seconds are but a scale."""
    return any(rank.estimate.kind != "topology" for rank in schedule.ranked)


def compare(schedule: Schedule, ran: Sequence[Ran]) -> Comparison:
    """A schedule against what was measured."""
    predicted: dict[str, float] = {}
    if is_measured(schedule):
        predicted = {slot.name: slot.end_seconds - slot.start_seconds for slot in schedule.timeline.slots}
    succeeded = {attempt.name: attempt.seconds for attempt in ran if attempt.succeeded}
    return Comparison(
        workers=schedule.workers,
        predicted_seconds=schedule.timeline.makespan_seconds if is_measured(schedule) else None,
        actual_seconds=max((attempt.end_seconds for attempt in ran), default=0.0),
        actual_lower_bound_seconds=_lower_bound(schedule, ran),
        views=tuple(
            ViewComparison(
                name=rank.task.name,
                predicted_seconds=predicted.get(rank.task.name),
                source=rank.estimate.source,
                actual_seconds=succeeded.get(rank.task.name),
            )
            for rank in schedule.ranked
        ),
    )


def _lower_bound(schedule: Schedule, ran: Iterable[Ran]) -> float:
    """max(work / workers, longest path); all attempts of a view count, since all kept a worker busy."""
    seconds: dict[str, float] = {}
    for attempt in ran:
        seconds[attempt.name] = seconds.get(attempt.name, 0.0) + attempt.seconds
    graph = TaskGraph.of({rank.task.name: rank.task.upstream for rank in schedule.ranked})
    levels = graph.bottom_levels([seconds.get(name, 0.0) for name in graph.names])
    return max(sum(seconds.values()) / schedule.workers, max(levels, default=0.0))
