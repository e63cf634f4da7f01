"""What a view will cost: from its history, its plan, or its place in the graph alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from dfplan_assets.scheduling.model import Estimate, MeasuredRun, OperatorCost, Task

UNIT_SECONDS = 0.1


def estimate(
    tasks: Sequence[Task],
    runs: Iterable[MeasuredRun],
    operator_costs: Sequence[OperatorCost],
    *,
    history_runs: int,
    cores: int,
) -> Mapping[str, Estimate]:
    """The expected cost of each task, by name."""
    by_view: dict[str, list[float]] = {}
    for run in runs:
        if run.status == "succeeded" and run.wall_seconds is not None and 0 < run.wall_seconds < math.inf:
            by_view.setdefault(run.view, []).append(run.wall_seconds)
    found = {}
    for task in tasks:
        seconds = by_view.get(task.name, [])[-history_runs:]
        if seconds:
            found[task.name] = Estimate(
                seconds=statistics.median(seconds),
                kind="history",
                source=f"history n={len(seconds)}",
                low_seconds=min(seconds),
                high_seconds=max(seconds),
                figures={"runs": len(seconds)},
            )
        else:
            found[task.name] = unit_estimate()
    return found


def unit_estimate() -> Estimate:
    """The cost of a view of which nothing is known."""
    return Estimate(
        seconds=UNIT_SECONDS,
        kind="topology",
        source="topology",
        low_seconds=UNIT_SECONDS / 10,
        high_seconds=UNIT_SECONDS * 10,
        figures={"unit seconds": UNIT_SECONDS},
    )
