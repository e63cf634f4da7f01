"""A schedule and its outcome as the plan store keeps them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dfplan_assets.forecast.comparison import Comparison, Ran, ViewComparison, is_measured
from dfplan_assets.scheduling.model import Schedule, Slot, Timeline
from dfplan_assets.scheduling.schedule import Order
from dfplan_assets.store import PredictionRecord, ScheduleRecord


def schedule_record(
    schedule: Schedule,
    ran: Sequence[Ran],
    *,
    dagster_run_id: str,
    started_at: datetime,
    mode: Order,
    notes: Sequence[str],
) -> ScheduleRecord:
    """What the store keeps of a run that has ended; actual times are those of attempts that succeeded."""
    slots = {slot.name: slot for slot in schedule.timeline.slots}
    succeeded = {attempt.name: attempt for attempt in ran if attempt.succeeded}
    predictions = []
    for position, rank in enumerate(schedule.ranked):
        slot, attempt = slots.get(rank.task.name), succeeded.get(rank.task.name)
        predictions.append(
            PredictionRecord(
                view=rank.task.name,
                partition_key=rank.task.partition_key,
                position=position,
                priority=rank.priority,
                estimated_seconds=rank.estimate.seconds,
                low_seconds=rank.estimate.low_seconds,
                high_seconds=rank.estimate.high_seconds,
                source=rank.estimate.source,
                bottom_level_seconds=rank.bottom_level_seconds,
                slack_seconds=rank.slack_seconds,
                predicted_start_seconds=None if slot is None else slot.start_seconds,
                predicted_end_seconds=None if slot is None else slot.end_seconds,
                actual_start_seconds=None if attempt is None else attempt.start_seconds,
                actual_end_seconds=None if attempt is None else attempt.end_seconds,
                attempt=None if attempt is None else attempt.attempt,
            )
        )
    return ScheduleRecord(
        dagster_run_id=dagster_run_id,
        started_at=started_at,
        mode=mode,
        workers=schedule.workers,
        views=len(schedule.ranked),
        predicted_makespan_seconds=schedule.timeline.makespan_seconds if is_measured(schedule) else None,
        lower_bound_seconds=schedule.timeline.lower_bound_seconds if is_measured(schedule) else None,
        actual_makespan_seconds=max((attempt.end_seconds for attempt in ran), default=0.0),
        note=" ".join(notes) or None,
        predictions=tuple(predictions),
    )


def recorded_comparison(record: ScheduleRecord) -> Comparison:
    """Predicted against actual of a run of the past."""
    nothing_measured = record.predicted_makespan_seconds is None
    return Comparison(
        workers=record.workers,
        predicted_seconds=record.predicted_makespan_seconds,
        actual_seconds=record.actual_makespan_seconds or 0.0,
        actual_lower_bound_seconds=None,
        views=tuple(
            ViewComparison(
                name=each.view,
                predicted_seconds=None if nothing_measured else _step_seconds(each),
                source=each.source,
                actual_seconds=None if (ran := _ran(each)) is None else ran.seconds,
            )
            for each in record.predictions
        ),
    )


def recorded_timeline(record: ScheduleRecord) -> tuple[Schedule, tuple[Ran, ...]]:
    """What a chart shows of a run of the past: its predicted timeline, and the views that ran.

    The schedule is without ranks, which a chart does not need. Its critical path are the views that had
    no slack, by their start.
    """
    slots = _slots(record.predictions)
    critical = frozenset(each.view for each in record.predictions if each.slack_seconds <= 0)
    schedule = Schedule(
        workers=record.workers,
        ranked=(),
        critical_path=tuple(slot.name for slot in slots if slot.name in critical),
        timeline=Timeline(
            makespan_seconds=max((slot.end_seconds for slot in slots), default=0.0),
            lower_bound_seconds=record.lower_bound_seconds or 0.0,
            order=tuple(slot.name for slot in slots),
            slots=slots,
        ),
    )
    return schedule, tuple(ran for each in record.predictions if (ran := _ran(each)) is not None)


def _step_seconds(record: PredictionRecord) -> float:
    start, end = record.predicted_start_seconds, record.predicted_end_seconds
    return record.estimated_seconds if start is None or end is None else end - start


def _ran(record: PredictionRecord) -> Ran | None:
    start, end = record.actual_start_seconds, record.actual_end_seconds
    if start is None or end is None:
        return None
    return Ran(record.view, start, end, succeeded=True, attempt=record.attempt or 1)


def _slots(predictions: Sequence[PredictionRecord]) -> tuple[Slot, ...]:
    """The predicted times on workers: which one is not stored, and any that is free will do."""
    free_at: list[float] = []
    slots = []
    timed = [
        (each.predicted_start_seconds, each.predicted_end_seconds, each.view)
        for each in predictions
        if each.predicted_start_seconds is not None and each.predicted_end_seconds is not None
    ]
    for start, end, view in sorted(timed):
        worker = next((number for number, free in enumerate(free_at) if free <= start), len(free_at))
        if worker == len(free_at):
            free_at.append(end)
        else:
            free_at[worker] = end
        slots.append(Slot(view, worker, start, end))
    return tuple(slots)
