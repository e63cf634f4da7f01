"""Tasks and past runs as tests need them, all else at its plainest; graphs for properties."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import strategies as st

from dfplan_assets.scheduling.model import MeasuredRun, PlanShape, Task, Timeline

DAY = datetime(2026, 3, 1, tzinfo=timezone.utc)


def task(
    name: str,
    *upstream: str,
    input_bytes: int | None = None,
    shape: PlanShape | None = None,
    user_priority: int | None = None,
    partition_key: str | None = None,
) -> Task:
    """A task whose fingerprint is its name with an f in front."""
    return Task(
        name=name,
        upstream=upstream,
        fingerprint=f"f-{name}",
        input_bytes=input_bytes,
        shape=shape,
        user_priority=user_priority,
        partition_key=partition_key,
    )


def past_run(
    view: str,
    wall_seconds: float | None,
    *,
    day: int = 0,
    started_at: datetime | None = None,
    status: str = "succeeded",
    attempt: int = 1,
    fingerprint: str | None = "",
    cpu_seconds: float | None = None,
    input_bytes: int | None = None,
    cores: int | None = 2,
    peak_memory_bytes: int | None = None,
    partition_key: str | None = None,
) -> MeasuredRun:
    """A succeeded first attempt of the task of that name, on two cores."""
    return MeasuredRun(
        view=view,
        started_at=started_at or DAY + timedelta(days=day),
        status=status,
        attempt=attempt,
        fingerprint=f"f-{view}" if fingerprint == "" else fingerprint,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds,
        input_bytes=input_bytes,
        partitions=2,
        cores=cores,
        peak_memory_bytes=peak_memory_bytes,
        partition_key=partition_key,
    )


def shape(
    *,
    scan_bytes: int | None = None,
    scans: int = 1,
    joins: int = 0,
    sorts: int = 0,
    aggregates: int = 0,
    windows: int = 0,
    repartitions: int = 0,
    operators: int | None = None,
    partitions: int = 2,
) -> PlanShape:
    """A plan with these operators and no others."""
    return PlanShape(
        scan_bytes=scan_bytes,
        scans=scans,
        joins=joins,
        sorts=sorts,
        aggregates=aggregates,
        windows=windows,
        repartitions=repartitions,
        operators=scans + joins + sorts + aggregates + windows + repartitions
        if operators is None
        else operators,
        partitions=partitions,
    )


@st.composite
def graphs(draw: st.DrawFn, most: int = 9) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Costs and upstream tasks of a graph without cycles; costs of whole seconds, zero included."""
    count = draw(st.integers(1, most))
    names = draw(st.permutations([f"v{number}" for number in range(count)]))
    costs = {name: float(draw(st.integers(0, 9))) for name in names}
    upstream = {
        name: sorted(draw(st.sets(st.sampled_from(names[:place]), max_size=3))) if place else []
        for place, name in enumerate(names)
    }
    return costs, upstream


def layered(count: int, seed: int) -> tuple[dict[str, float], dict[str, list[str]]]:
    """A larger graph with costs of many sizes, the same for a seed."""
    rng = random.Random(seed)
    names = [f"v{number:04d}" for number in range(count)]
    width = max(1, count // 8)
    upstream = {
        name: rng.sample(names[max(0, place - 2 * width) : place - place % width], rng.randint(1, 2))
        if place >= 2 * width
        else []
        for place, name in enumerate(names)
    }
    return {name: rng.lognormvariate(0, 1.5) for name in names}, upstream


def check_valid(
    timeline: Timeline, costs: Mapping[str, float], upstream: Mapping[str, Sequence[str]], workers: int
) -> None:
    """Every task runs once, for its cost, behind what it waits for, alone on one of the workers."""
    slots = {slot.name: slot for slot in timeline.slots}
    assert sorted(slots) == sorted(timeline.order) == sorted(costs)
    assert len(timeline.slots) == len(costs)
    assert timeline.order == tuple(slot.name for slot in timeline.slots)
    place = {name: position for position, name in enumerate(timeline.order)}
    for name, slot in slots.items():
        assert slot.end_seconds == slot.start_seconds + costs[name]
        assert 0 <= slot.worker < workers
        for other in upstream.get(name, ()):
            if other in costs:
                assert slots[other].end_seconds <= slot.start_seconds
                assert place[other] < place[name]
    for worker in range(workers):
        on_it = [slot for slot in timeline.slots if slot.worker == worker]
        for before, after in pairwise(on_it):
            assert before.end_seconds <= after.start_seconds
    assert timeline.makespan_seconds == max((slot.end_seconds for slot in slots.values()), default=0.0)
