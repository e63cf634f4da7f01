"""What the runs of one plan came to, and which figures moved between two sets of runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dfplan_assets.regressions.elasticity import elasticity
from dfplan_assets.regressions.history import PlannedRun
from dfplan_assets.store import RunSummary

LEAST_BYTES = 1 << 20
"""Differences of fewer bytes than this are of no interest."""

_MOVED = 1.2
_MOVED_SHARE = 0.1


@dataclass(frozen=True)
class PlanFigures:
    """Runs of one plan that were compared with others: how many, when, and their medians.

    ``bundle_key`` is that of the latest of them. A figure is None where not all runs have it.
    """

    plan: str
    bundle_key: str
    runs: int
    first_run_at: datetime
    last_run_at: datetime
    wall_seconds: float
    wall_seconds_90: float
    cpu_seconds: float | None
    input_bytes: float | None
    bytes_scanned: float | None
    spilled_bytes: float | None
    output_rows: float | None
    partitions: float | None


@dataclass(frozen=True)
class Movement:
    """A figure whose median is another than before, with the sentence that says so."""

    figure: str
    before: float
    after: float
    sentence: str


def figures_of(runs: Sequence[PlannedRun]) -> PlanFigures:
    """The figures of at least one run of one plan, given the oldest first."""
    seconds = [each.wall_seconds for each in runs]
    return PlanFigures(
        plan=runs[-1].plan,
        bundle_key=runs[-1].bundle_key,
        runs=len(runs),
        first_run_at=runs[0].run.started_at,
        last_run_at=runs[-1].run.started_at,
        wall_seconds=statistics.median(seconds),
        wall_seconds_90=percentile_90(seconds),
        cpu_seconds=median(runs, lambda run: run.cpu_seconds),
        input_bytes=median(runs, _input_bytes),
        bytes_scanned=median(runs, lambda run: run.bytes_scanned),
        spilled_bytes=median(runs, spilled_bytes),
        output_rows=median(runs, lambda run: run.output_rows),
        partitions=median(runs, lambda run: run.partitions),
    )


def percentile_90(values: Sequence[float]) -> float:
    """The least value that at least 90 % of the values (at least one) do not exceed."""
    return sorted(values)[math.ceil(0.9 * len(values)) - 1]


def median(runs: Sequence[PlannedRun], figure: Callable[[RunSummary], float | None]) -> float | None:
    """The median of a figure over runs, None unless all of them have it."""
    values = known(runs, figure)
    return None if values is None else statistics.median(values)


def known(runs: Sequence[PlannedRun], figure: Callable[[RunSummary], float | None]) -> list[float] | None:
    """A figure of each run, None unless all of them (at least one) have it."""
    values = [value for value in (figure(each.run) for each in runs) if value is not None]
    return [float(value) for value in values] if runs and len(values) == len(runs) else None


@dataclass(frozen=True)
class InputGrowth:
    """How many times as large later inputs are: in the middle, and against each of the earlier runs.

    ``elasticity`` is the share of the view's time that follows its inputs at most, the rest being fixed.
    """

    median: float
    by_run: tuple[float, ...]
    elasticity: float = 1.0

    @property
    def explains(self) -> float:
        """By which factor the view may take longer for that, in the middle."""
        return 1 + self.elasticity * (self.median - 1)

    @property
    def of_time_by_run(self) -> tuple[float, ...]:
        """The same against each of the earlier runs."""
        return tuple(1 + self.elasticity * (ratio - 1) for ratio in self.by_run)


def input_growth(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> InputGrowth:
    """The growth by bytes or else by rows; none where that is not known of all runs."""
    for figure in (_input_bytes, _input_rows):
        was, later = known(before, figure), known(after, figure)
        if was is not None and later is not None and min(*was, *later) > 0:
            now = statistics.median(later)
            growth = now / statistics.median(was)
            sides = (
                [(size, each.wall_seconds) for size, each in zip(sizes, runs, strict=True)]
                for sizes, runs in ((was, before), (later, after))
            )
            by_run = tuple(now / each for each in was)
            return InputGrowth(growth, by_run, elasticity(*sides, growth=growth))
    return InputGrowth(1.0, (1.0,) * len(before))


def spilled_bytes(run: RunSummary) -> float | None:
    """How many bytes a run spilled."""
    return run.spilled_bytes


def _input_bytes(run: RunSummary) -> float | None:
    return run.input_bytes


def _input_rows(run: RunSummary) -> float | None:
    return run.input_rows


def movements(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> tuple[Movement, ...]:
    """Which figures moved by so much that they can make a view slower, the likeliest cause first."""
    found = [
        _bytes("input bytes", "its inputs grew", before, after, _input_bytes),
        _spills(before, after),
        _pruning(before, after),
        _bytes("bytes scanned", "its scans read more", before, after, lambda run: run.bytes_scanned),
        _partitions(before, after),
        _rows(before, after),
        _waiting(before, after),
    ]
    return tuple(each for each in found if each is not None)


def _bytes(
    figure: str,
    what: str,
    before: Sequence[PlannedRun],
    after: Sequence[PlannedRun],
    of: Callable[[RunSummary], float | None],
) -> Movement | None:
    was, now = median(before, of), median(after, of)
    if was is None or now is None or now < _MOVED * was or now == was:
        return None
    return Movement(figure, was, now, f"{what}: {in_bytes(was)} → {in_bytes(now)}")


def _spills(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> Movement | None:
    was, now = (median(runs, spilled_bytes) for runs in (before, after))
    if was is None or now is None or now < _MOVED * was or now - was < LEAST_BYTES:
        return None
    return Movement("spilled bytes", was, now, f"it spills more: {in_bytes(was)} → {in_bytes(now)}")


def _pruning(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> Movement | None:
    was, now = median(before, _share_pruned), median(after, _share_pruned)
    if was is None or now is None or was - now < _MOVED_SHARE:
        return None
    sentence = f"its scans skip fewer row groups: {100 * was:.0f} % → {100 * now:.0f} %"
    return Movement("pruning", was, now, sentence)


def _share_pruned(run: RunSummary) -> float | None:
    pruned, matched = run.row_groups_pruned, run.row_groups_matched
    if pruned is None or matched is None or pruned + matched == 0:
        return None
    return pruned / (pruned + matched)


def _partitions(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> Movement | None:
    was, now = (median(runs, lambda run: run.partitions) for runs in (before, after))
    if was is None or now is None or was == now:
        return None
    return Movement("partitions", was, now, f"it runs in other partitions: {was:,.0f} → {now:,.0f}")


def _rows(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> Movement | None:
    was, now = (median(runs, lambda run: run.output_rows) for runs in (before, after))
    if was is None or now is None or now < _MOVED * max(was, 1.0):
        return None
    return Movement("output rows", was, now, f"its result has more rows: {was:,.0f} → {now:,.0f}")


def _waiting(before: Sequence[PlannedRun], after: Sequence[PlannedRun]) -> Movement | None:
    """Wall time without work: CPU seconds grew by far less than wall seconds did."""
    was, now = median(before, _cores_busy), median(after, _cores_busy)
    if not was or now is None or was < _MOVED * now:
        return None
    sentence = f"it waits more: {was:.2f} → {now:.2f} CPU seconds in a second (other work, disk, locks)"
    return Movement("waiting", was, now, sentence)


def _cores_busy(run: RunSummary) -> float | None:
    return None if run.cpu_seconds is None or not run.wall_seconds else run.cpu_seconds / run.wall_seconds


def in_bytes(count: float) -> str:
    """A number of bytes for reading, in decimal units.

    >>> in_bytes(1_234_567)
    '1.2 MB'
    """
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(size) < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"


def in_seconds(seconds: float) -> str:
    """A time for reading.

    >>> in_seconds(0.51234)
    '0.512 s'
    """
    return f"{seconds:,.3f} s" if seconds < 10 else f"{seconds:,.1f} s"
