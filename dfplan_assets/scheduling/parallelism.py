"""How many views run at once, and with how many partitions each.

The number of partitions stays what it is: it is part of a physical plan's identity, so a number that followed
the measurements would make every plan look changed. What follows them is the number of views at once:

- *cores*: views at once = cores / cores that a view keeps busy, rounded up. Busy cores are CPU seconds / wall
  seconds, averaged over the run's views by their wall seconds. Where nothing is measured they are taken to be
  the square root of the number of partitions, half way (in factors) between a view that runs on one core and
  one that keeps all its partitions busy.
- *memory*: the views with the largest peaks must fit into the limit together; a view whose peak is unknown
  counts as the median of the others.

More views than cores never run at once, and a configured number is only ever lowered.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dfplan_assets.errors import InputError
from dfplan_assets.scheduling.history import quartiles
from dfplan_assets.scheduling.model import Estimate, Task


@dataclass(frozen=True)
class Parallelism:
    """``workers`` views at once, each planned for ``partitions``; ``reasons`` say why, a line each."""

    workers: int
    partitions: int
    reasons: tuple[str, ...]


def decide(
    tasks: Sequence[Task],
    estimates: Sequence[Estimate],
    *,
    configured: int | None,
    cores: int,
    memory_limit_bytes: int | None,
    partitions: int | None,
) -> Parallelism:
    """How a run of these tasks divides the machine.

    ``configured`` views at once are wanted (None: as the measurements say); ``partitions`` are configured
    for the engine (None: as the plans have it, else as many as cores).
    Raises InputError for less than one view or core.
    """
    for what, number in (("max_concurrent", configured), ("cores", cores)):
        if number is not None and number < 1:
            raise InputError(f"scheduling: {what}", f"{number} is less than one", "Give a number from 1.")
    each = partitions or _partitions_of_plans(tasks) or cores
    if configured is not None:
        workers, reason = configured, f"{configured} at once, as configured"
    else:
        workers, reason = _fill(cores, each, estimates)
    reasons = [reason]
    if workers > cores:
        workers = cores
        reasons.append(f"no more than {cores} at once, since there are {cores} cores")
    fitting = _fitting(estimates, memory_limit_bytes)
    if fitting is not None and fitting < workers:
        workers = fitting
        reasons.append(
            f"no more than {fitting} at once, since the largest would not fit into memory together"
        )
    return Parallelism(workers, each, tuple(reasons))


def _partitions_of_plans(tasks: Sequence[Task]) -> int | None:
    """The number of partitions that most plans have, the larger one where two are as frequent."""
    counts = Counter(task.shape.partitions for task in tasks if task.shape is not None)
    return max(counts, key=lambda number: (counts[number], number)) if counts else None


def _fill(cores: int, partitions: int, estimates: Sequence[Estimate]) -> tuple[int, str]:
    wall = busy = 0.0
    for estimate in estimates:
        if estimate.parallelism is not None:
            wall += estimate.seconds
            busy += estimate.seconds * estimate.parallelism
    if wall > 0:
        each, source = busy / wall, "as measured"
    else:
        each, source = math.sqrt(max(1, partitions)), f"not measured, taken from {partitions} partitions"
    # A little less than a whole number is measuring noise, not room for another view.
    workers = max(1, min(cores, math.ceil(cores / max(1.0, each) - 0.05)))
    return workers, f"{workers} at once: a view keeps {each:.1f} of {cores} cores busy ({source})"


def _fitting(estimates: Sequence[Estimate], memory_limit_bytes: int | None) -> int | None:
    """How many of the largest views fit into memory together, at least one; None where nothing limits it."""
    peaks = [estimate.peak_memory_bytes for estimate in estimates if estimate.peak_memory_bytes is not None]
    if memory_limit_bytes is None or not peaks:
        return None
    typical = quartiles(peaks)[1]
    sizes = sorted([*peaks, *[typical] * (len(estimates) - len(peaks))], reverse=True)
    total = 0.0
    for fitting, size in enumerate(sizes):
        total += size
        if total > memory_limit_bytes:
            return max(1, fitting)
    return None
