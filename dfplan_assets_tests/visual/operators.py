"""Plans that ran, made up: operators with rows, times and marks as a test wants them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from dfplan_assets.execution.analysis import cpu_seconds
from dfplan_assets.execution.profile import ESTIMATED_ROWS, OperatorProfile, RunProfile

MORNING = datetime(2026, 3, 1, 6, 30, tzinfo=timezone.utc)


def operator(
    name: str,
    *children: OperatorProfile,
    rows: int | None = 100,
    milliseconds: float | None = 1.0,
    display: str | None = None,
    spilled: int = 0,
    expected: int | None = None,
    partitions: int = 2,
    span: tuple[float, float] | None = (0.0, 1.0),
) -> OperatorProfile:
    """An operator; ``span`` is when it began and ended, in seconds since the morning."""
    metrics = {"spilled_bytes": spilled} if spilled else {}
    if expected is not None:
        metrics[ESTIMATED_ROWS] = expected
    return OperatorProfile(
        name=name,
        display=display or name,
        partitions=partitions,
        output_rows=rows,
        cpu_nanoseconds=None if milliseconds is None else int(milliseconds * 1e6),
        metrics=metrics,
        started_at=None if span is None else MORNING + timedelta(seconds=span[0]),
        ended_at=None if span is None else MORNING + timedelta(seconds=span[1]),
        children=children,
    )


def run_of(root: OperatorProfile, view: str = "revenue") -> RunProfile:
    """A run of this plan."""
    return RunProfile(view, MORNING, 2.0, cpu_seconds(root), root.output_rows or 0, 4096, root)


def scan(table: str, rows: int, milliseconds: float) -> OperatorProfile:
    """A scan of a Parquet file."""
    display = f"DataSourceExec: file_groups={{1 group: [[data/{table}.parquet]]}}, file_type=parquet"
    return operator("DataSourceExec", rows=rows, milliseconds=milliseconds, display=display)


def star(joins: int) -> RunProfile:
    """A fact table joined with many others, one after the other: five operators for each and two more."""
    fact = scan("fact", 1_000_000, 90)
    for number in range(joins):
        small = operator("FilterExec", scan(f"dim_{number}", 1000, 0.2), rows=10, milliseconds=0.1)
        small = operator("CoalescePartitionsExec", small, rows=10, milliseconds=0.01)
        join = f"HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(key_{number}@0, key_{number}@1)]"
        fact = operator("HashJoinExec", small, fact, rows=900_000, milliseconds=20 + number, display=join)
        fact = operator("ProjectionExec", fact, rows=900_000, milliseconds=0.05)
    return run_of(operator("DataSinkExec", fact, rows=None, milliseconds=2))
