"""What one execution cost, operator by operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

ESTIMATED_ROWS = "estimated_rows"
"""How many rows the planner's statistics expected of an operator: among its metrics where it was asked."""

ROW_GROUPS_PRUNED = "row_groups_pruned"
"""The row groups of Parquet files that a scan skipped, by whichever means; a sum over its metrics."""

ROW_GROUPS_MATCHED = "row_groups_matched"
"""The row groups of Parquet files that a scan could not skip."""


@dataclass(frozen=True)
class InputSize:
    """How large a table that a view reads was when the view ran; None where that is not known."""

    table: str
    rows: int | None
    bytes: int | None


def known_total(sizes: Iterable[int | None]) -> int | None:
    """The sum of sizes, None unless there are some and all are known.

    >>> known_total([1, 2]), known_total([1, None]), known_total([])
    (3, None, None)
    """
    listed = list(sizes)
    known = [size for size in listed if size is not None]
    return sum(known) if listed and len(known) == len(listed) else None


@dataclass(frozen=True)
class OperatorProfile:
    """One operator of the plan that ran, with its metrics summed over partitions.

    ``cpu_nanoseconds`` is DataFusion's ``elapsed_compute``: the time spent in the operator's own code,
    without that of the operators that feed it, summed over all partitions; for a scan of files, which
    leaves reading and decoding out of that, its ``time_elapsed_processing``. None where the operator
    records neither. ``metrics`` holds all recorded numbers under DataFusion's own names (times in
    nanoseconds, sizes in bytes). A metric of two numbers stands there as two, with ``_total`` and
    ``_matched`` behind its name. Sizes of memory and counts of batches, which are only to be had as
    text, have the three or four digits of that text.
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
