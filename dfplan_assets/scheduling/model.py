"""What scheduling knows of views, and what it says of their order: numbers alone, no engine, no Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

EstimateKind = Literal["history", "scaled", "operators", "topology"]


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """A past run of a view, as it was recorded: any figure may be absent or absurd."""

    view: str
    started_at: datetime
    status: str
    attempt: int
    fingerprint: str | None
    wall_seconds: float | None
    cpu_seconds: float | None
    input_bytes: int | None
    partitions: int | None
    cores: int | None
    peak_memory_bytes: int | None
    partition_key: str | None


@dataclass(frozen=True, kw_only=True)
class OperatorCost:
    """What the operators of one name have cost in all runs that were looked at.

    ``operators`` is how many were measured, ``rows`` what they took in together (a scan, which takes in none:
    put out), ``seconds`` their CPU time without that of the operators that feed them.
    """

    name: str
    operators: int
    rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PlanShape:
    """What a plan shows of its work before it ran. ``scan_bytes`` is None where a scan's size is unknown."""

    scan_bytes: int | None
    scans: int
    joins: int
    sorts: int
    aggregates: int
    windows: int
    repartitions: int
    operators: int
    partitions: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """A view that is to run. ``upstream`` may name tasks outside the selection, which do not count.

    ``user_priority`` is what the view's author asks for, None where nothing was asked; it outranks
    every measurement. ``times`` is how many of its partitions it makes, one after the other; ``input_bytes``
    are those of one of them.
    """

    name: str
    upstream: tuple[str, ...]
    fingerprint: str | None
    input_bytes: int | None
    shape: PlanShape | None
    user_priority: int | None = None
    partition_key: str | None = None
    times: int = 1

    def behind(self, upstream: tuple[str, ...]) -> Task:
        """The same task with other tasks upstream."""
        return self._changed(upstream=upstream)

    def of_shape(self, shape: PlanShape | None) -> Task:
        """The same task with another shape."""
        return self._changed(shape=shape)

    def _changed(self, **fields: object) -> Task:
        # A third of what dataclasses.replace costs, which counts for thousands of tasks.
        task = Task.__new__(Task)
        vars(task).update(vars(self), **fields)
        return task


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The wall time that a view is expected to take, and from what that is known.

    ``source`` says it in words (``history n=7``, ``scaled ×1.8``, ``operators``, ``topology``).
    ``low_seconds`` and ``high_seconds`` are its spread; ``figures`` what it was computed from, by name
    and with units. ``parallelism`` is how many cores the view keeps busy, None where that is unknown.
    """

    seconds: float
    kind: EstimateKind
    source: str
    low_seconds: float
    high_seconds: float
    figures: Mapping[str, float | int | str]
    parallelism: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class Slot:
    """When a task runs, in seconds after the start of the run, and on which worker (from 0)."""

    name: str
    worker: int
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Timeline:
    """A run as it is simulated: ``slots`` and ``order`` by start.

    ``lower_bound_seconds`` is max(work / workers, critical path): no order can be faster.
    """

    makespan_seconds: float
    lower_bound_seconds: float
    order: tuple[str, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A task with its place in the order.

    ``priority`` is a small integer, higher first. ``bottom_level_seconds`` is the longest path from its
    start to the end of the run, ``slack_seconds`` how much later it could start without making the run
    longer if there were workers for all. ``chain`` are the tasks that run right behind it on its worker.
    ``reason`` says in a line why it stands where it does.
    """

    task: Task
    estimate: Estimate
    bottom_level_seconds: float
    slack_seconds: float
    critical: bool
    priority: int
    chain: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The order of a run: ``ranked`` by priority, the first to start first."""

    workers: int
    ranked: tuple[Ranked, ...]
    critical_path: tuple[str, ...]
    timeline: Timeline
    reasons: tuple[str, ...] = field(default=())  # why this many workers, this order, these fallbacks
