"""What the past runs of a view say of its next one.

Which runs count, the first rule that leaves any wins:

1. Succeeded first attempts whose wall time is a time: finite, above zero, at most a week, and not shorter
   than the CPU time that was used in it allows. Failed, canceled, cached and retried runs never count.
   Profiled runs (which publish nothing and so take less) count where there is no other.
2. Runs of the same results fingerprint, under whatever name the view had; else runs of the view.
3. Runs of the task's partition; else of partitions whose keys look alike (``2026-01-31`` and
   ``2025-12-01``, but not ``2026-01``); else any.
4. Runs on as many cores as there are now; else those of other machines. Of these the wall time is raised
   to CPU seconds / cores, which is what fewer cores need at least; more cores are not assumed to help.

Of these the last ``history_runs`` are taken. Where a run's input was larger or smaller than now by more
than a factor of 1.25, its wall time is multiplied by bytes now / bytes then (by 0.01 to 100). The estimate is
the median, its spread the quartiles, but never less than a factor of 1 + 0.5/n to either side.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from dfplan_assets.scheduling.model import Estimate, MeasuredRun, Task

LONGEST_SECONDS = 7 * 24 * 3600.0
"""A run that seems to take longer ran while its clock was set."""

MOVED_FACTOR = 1.25
"""Inputs within this factor of their former size leave the wall time as it was."""

_LARGEST_SCALE = 100.0
# Operators' times include waiting for a core, so the sum may pass wall x cores by a little.
_CPU_TOLERANCE = 2.0


class _Use(NamedTuple):
    """A run that counts: its wall time on this machine, and by how much it is scaled.

    A tuple, since tens of thousands of them are made at once.
    """

    run: MeasuredRun
    seconds: float
    scale: float


class History:
    """Past runs, looked up by task."""

    def __init__(self, runs: Iterable[MeasuredRun], *, history_runs: int, cores: int) -> None:
        self._history_runs = max(0, history_runs)
        self._cores = cores
        self._by_fingerprint: dict[str, list[MeasuredRun]] = defaultdict(list)
        self._by_view: dict[str, list[MeasuredRun]] = defaultdict(list)
        for run in runs:
            self._by_view[run.view].append(run)
            if run.fingerprint is not None:
                self._by_fingerprint[run.fingerprint].append(run)

    def estimate(self, task: Task) -> Estimate | None:
        """What the task will take by its history; None where no run of it counts."""
        left_out: Counter[str] = Counter()
        same_query = True
        known = self._by_fingerprint.get(task.fingerprint, []) if task.fingerprint is not None else []
        chosen, profiled = self._that_count(known, left_out)
        if not chosen:
            same_query = False
            left_out.clear()
            chosen, profiled = self._that_count(self._by_view.get(task.name, []), left_out)
        if not chosen or not self._history_runs:
            return None
        chosen, partitions = _of_partition(task.partition_key, chosen)
        here = [run for run in chosen if run.cores == self._cores]
        elsewhere = not here and any(_positive(run.cores) for run in chosen)
        if here and len(here) < len(chosen):
            left_out["made on other cores"] += len(chosen) - len(here)
        chosen = here or chosen
        if len(chosen) > self._history_runs:
            chosen = sorted(chosen, key=_moment)[-self._history_runs :]
        now = _positive(task.input_bytes)
        uses = [self._use(now, run) for run in chosen]
        return _estimate_of(
            task,
            uses,
            left_out,
            remarks=[
                *([] if same_query or task.fingerprint is None else ["of another query"]),
                *(["profiled"] if profiled else []),
                *([partitions] if partitions else []),
                *(["made on other cores"] if elsewhere else []),
            ],
        )

    def typical_input_bytes(self) -> float | None:
        """The mean input of the runs that count; None where no run knows its input."""
        sizes = [
            run.input_bytes
            for runs in self._by_view.values()
            for run in runs
            if run.input_bytes is not None and run.input_bytes > 0 and why_not(run) is None
        ]
        return math.fsum(sizes) / len(sizes) if sizes else None

    def wall_for_cpu(self) -> float | None:
        """Wall seconds for a CPU second over all runs that count; None where no run knows both."""
        wall = cpu = 0.0
        for runs in self._by_view.values():
            for run in runs:
                if why_not(run) is None and run.wall_seconds is not None:
                    used = _positive(run.cpu_seconds)
                    if used is not None:
                        wall += run.wall_seconds
                        cpu += used
        return wall / cpu if cpu > 0 else None

    def _that_count(
        self, runs: Sequence[MeasuredRun], left_out: Counter[str]
    ) -> tuple[list[MeasuredRun], bool]:
        """The runs that count, and whether they only measured."""
        succeeded: list[MeasuredRun] = []
        profiled: list[MeasuredRun] = []
        for run in runs:
            reason = why_not(run)
            if reason is not None:
                left_out[reason] += 1
            else:
                (profiled if run.status == "profiled" else succeeded).append(run)
        if succeeded and profiled:
            left_out["profiled"] += len(profiled)
        return (succeeded, False) if succeeded else (profiled, bool(profiled))

    def _use(self, now: float | None, run: MeasuredRun) -> _Use:
        """A run for a task whose inputs have ``now`` bytes, None where that is not known."""
        assert run.wall_seconds is not None
        seconds = run.wall_seconds
        if run.cores is not None and run.cores > self._cores:
            seconds = max(seconds, (_positive(run.cpu_seconds) or 0.0) / self._cores)
        scale = 1.0
        if now is not None and now != run.input_bytes:
            then = _positive(run.input_bytes)
            ratio = 1.0 if then is None else now / then
            if not 1 / MOVED_FACTOR <= ratio <= MOVED_FACTOR:
                scale = min(_LARGEST_SCALE, max(1 / _LARGEST_SCALE, ratio))
        return _Use(run, seconds, scale)


def why_not(run: MeasuredRun) -> str | None:
    """Why a run says nothing of the next one, in words; None where it counts."""
    if run.status not in ("succeeded", "profiled"):
        return run.status
    if run.attempt > 1:
        return "retried"
    wall = run.wall_seconds
    if wall is None:
        return "not measured"
    if not 0 < wall <= LONGEST_SECONDS:  # NaN is neither
        return "no possible time"
    cpu, cores = run.cpu_seconds, run.cores
    if cpu is None or cores is None or cores <= 0 or cpu <= _CPU_TOLERANCE * (wall * cores + 0.01):
        return None
    return None if _positive(cpu) is None else "more CPU time than its cores could give"


def quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile, between the nearest values."""
    ordered = sorted(values)
    found = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
    return found[0], found[1], found[2]


def cadence(key: str) -> str:
    """What a partition key looks like: ``2026-01-31`` and ``2025-12-01`` are the same, ``2026-01`` is not."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", key))


def _estimate_of(task: Task, uses: Sequence[_Use], left_out: Counter[str], remarks: list[str]) -> Estimate:
    plain_low, plain, plain_high = low, seconds, high = quartiles([use.seconds for use in uses])
    count = len(uses)
    least = 1 + 0.5 / count
    figures: dict[str, float | int | str] = {"runs": count, "median wall seconds": plain}
    scaled = any(use.scale != 1.0 for use in uses)
    if scaled:
        low, seconds, high = quartiles(use.seconds * use.scale for use in uses)
        # Whether cost follows the input is not known: the spread reaches back to what was measured.
        low, high = min(low, plain_low), max(high, plain_high)
        then = quartiles(float(use.run.input_bytes or 0) for use in uses)[1]
        figures |= {"input bytes then": then, "input bytes now": task.input_bytes or 0}
    for reason in sorted(left_out):
        figures[f"runs left out: {reason}"] = left_out[reason]
    busy = [
        cpu / use.run.wall_seconds
        for use in uses
        if (cpu := _positive(use.run.cpu_seconds)) and use.run.wall_seconds
    ]
    peaks = [int(peak) for use in uses if (peak := _positive(use.run.peak_memory_bytes)) is not None]
    source = f"scaled ×{_factor(seconds / plain)}, history n={count}" if scaled else f"history n={count}"
    return Estimate(
        seconds=seconds,
        kind="scaled" if scaled else "history",
        source=", ".join([source, *remarks]),
        low_seconds=min(low, seconds / least),
        high_seconds=max(high, seconds * least),
        figures=figures,
        parallelism=quartiles(busy)[1] if busy else None,
        peak_memory_bytes=max(peaks) if peaks else None,
    )


def _of_partition(key: str | None, runs: list[MeasuredRun]) -> tuple[list[MeasuredRun], str]:
    """The runs of the most similar partitions, and how similar in words ("" where nothing is to say)."""
    same = [run for run in runs if run.partition_key == key]
    if same:
        return same, "" if key is None else "of this partition"
    if key is not None:
        wanted = cadence(key)
        alike = [
            run for run in runs if run.partition_key is not None and cadence(run.partition_key) == wanted
        ]
        if alike:
            return alike, "of similar partitions"
    return runs, "of other partitions"


def _factor(factor: float) -> str:
    return f"{factor:.1f}" if factor >= 0.1 else f"{factor:.2f}"


def _positive(value: float | int | None) -> float | None:
    return None if value is None or not 0 < value < math.inf else float(value)


def _moment(run: MeasuredRun) -> tuple[datetime, float]:
    moment = run.started_at
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    return zoned, run.wall_seconds or 0.0
