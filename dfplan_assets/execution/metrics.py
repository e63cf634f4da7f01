"""From a plan that ran to its measured operators."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from datafusion.plan import ExecutionPlan

from dfplan_assets.execution.profile import OperatorProfile

_NAME = re.compile(r"\w+")


def profile_operators(plan: ExecutionPlan, hide: Callable[[str], str] = str) -> OperatorProfile:
    """The operators of a plan with what they measured, metrics summed over partitions.

    ``plan`` must be taken after the execution; one taken before holds no metrics. ``hide`` takes out of an
    operator's display what nobody is to see.
    """
    display = hide(plan.display().strip())
    name = _NAME.match(display)
    sums: dict[str, int] = {}
    starts: list[datetime] = []
    ends: list[datetime] = []
    metric_set = plan.metrics()
    for metric in [] if metric_set is None else metric_set.metrics():
        value = metric.value
        # Not representable as one number, and given as None by the binding: ratios (selectivity,
        # scan_efficiency_ratio), pairs (pruned and matched row groups), output_batches and skews.
        if isinstance(value, int):
            sums[metric.name] = sums.get(metric.name, 0) + value
        elif value is not None:
            (starts if metric.name == "start_timestamp" else ends).append(value)
    return OperatorProfile(
        name=name.group() if name else display,
        display=display,
        partitions=plan.partition_count,
        output_rows=sums.get("output_rows"),
        cpu_nanoseconds=_cpu_nanoseconds(sums),
        metrics=sums,
        started_at=min(starts, default=None),
        ended_at=max(ends, default=None),
        children=tuple(profile_operators(child, hide) for child in plan.children()),
    )


def walk(root: OperatorProfile) -> Iterator[OperatorProfile]:
    """All operators of a tree in pre-order."""
    yield root
    for child in root.children:
        yield from walk(child)


def cpu_seconds(root: OperatorProfile) -> float:
    """The CPU time of a whole plan, in seconds: the sum over those operators that record it."""
    return sum(operator.cpu_nanoseconds or 0 for operator in walk(root)) / 1e9


def _cpu_nanoseconds(sums: dict[str, int]) -> int | None:
    # A scan of files leaves reading and decoding out of elapsed_compute: it is 0 for a CSV file of which the
    # decoding takes all of the query's time. time_elapsed_processing has it, and contains what
    # elapsed_compute counts (projections and filters evaluated in the scan).
    counted = [sums[name] for name in ("elapsed_compute", "time_elapsed_processing") if name in sums]
    return max(counted, default=None)
