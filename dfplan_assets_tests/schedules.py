"""Schedules for tests, made by hand: no scheduler decides what is expected of a picture or a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dfplan_assets.scheduling.model import Estimate, Ranked, Schedule, Slot, Task, Timeline


def schedule_of(
    slots: Sequence[Slot],
    *,
    workers: int = 2,
    critical: Sequence[str] = (),
    upstream: Mapping[str, tuple[str, ...]] | None = None,
    source: str = "history n=3",
    reason: str = "longest path",
) -> Schedule:
    """A schedule with this timeline, each task costing what its slot takes."""
    makespan = max((slot.end_seconds for slot in slots), default=0.0)
    return Schedule(
        workers=workers,
        ranked=tuple(
            Ranked(
                task=Task(
                    name=slot.name,
                    upstream=(upstream or {}).get(slot.name, ()),
                    fingerprint=None,
                    input_bytes=None,
                    shape=None,
                ),
                estimate=Estimate(
                    seconds=slot.end_seconds - slot.start_seconds,
                    kind="history",
                    source=source,
                    low_seconds=0.0,
                    high_seconds=makespan,
                    figures={},
                ),
                bottom_level_seconds=makespan - slot.start_seconds,
                slack_seconds=0.0 if slot.name in critical else 1.0,
                critical=slot.name in critical,
                priority=len(slots) - place,
                chain=(),
                reason=reason,
            )
            for place, slot in enumerate(slots)
        ),
        critical_path=tuple(critical),
        timeline=Timeline(makespan, makespan, tuple(slot.name for slot in slots), tuple(slots)),
    )
