"""What one execution cost, operator by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ROW_GROUPS_PRUNED = "row_groups_pruned"
"""The row groups of Parquet files that a scan skipped, by whichever means; a sum over its metrics."""

ROW_GROUPS_MATCHED = "row_groups_matched"
"""The row groups of Parquet files that a scan could not skip."""


@dataclass(frozen=True)
class OperatorProfile:
    """One operator of the plan that ran, with its metrics summed over partitions.

    ``cpu_nanoseconds`` is DataFusion's ``elapsed_compute``: CPU time over all partitions, not wall
    time; for a scan of files, which leaves reading and decoding out of that, its
    ``time_elapsed_processing``. None where the operator records neither. ``metrics`` holds all recorded
    numbers under DataFusion's own names (times in nanoseconds, sizes in bytes).
    """

    name: str
    display: str
    partitions: int
    output_rows: int | None
    cpu_nanoseconds: int | None
    metrics: Mapping[str, int]
    started_at: datetime | None
    ended_at: datetime | None
    children: tuple[OperatorProfile, ...]


@dataclass(frozen=True)
class RunProfile:
    """The execution that made a result: ``root`` is the plan that ran, the writing sink on top.

    ``wall_seconds`` counts planning, executing and publishing; ``cpu_seconds`` is the sum of the
    operators' ``cpu_nanoseconds``.
    """

    view: str
    started_at: datetime
    wall_seconds: float
    cpu_seconds: float
    output_rows: int
    output_bytes: int
    root: OperatorProfile
