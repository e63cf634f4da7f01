"""What a view will cost: from its history, from its plan, or from its place in the graph alone.

The first that is possible decides; all estimates are wall seconds.

**history** and **scaled**: see ``history.py``.

**operators**: CPU seconds = sum over the plan's operators of the mean CPU seconds that an operator of that
kind (scan, join, sort, aggregate, window, repartition, other) has taken in this store, times the view's
scan bytes / the mean input bytes of measured runs (from 0.1 to 10; 1 where either is unknown). A kind that
was never measured counts as the mean of all operators. CPU seconds become wall seconds by the median, over
the tasks that have both a history and a plan, of measured wall / CPU by this formula, where there are three
such tasks or more; else by wall / CPU seconds of all runs that count; else they are taken as they are. The
spread is the quartiles of that ratio, but at least a factor of 2 to either side, 3 where it is not known.

**topology**: units = 1 + joins + sorts + aggregates + windows, times the view's bytes / the mean of the run's
views (from 0.1 to 10); a view without a plan gets the mean of the others, 1 where there are none. A unit is
the median of measured seconds / units over the tasks with a history, ``UNIT_SECONDS`` where there is none.
The spread is a factor of 4 to either side, 10 where nothing was measured.

A task that makes several partitions costs as many times what one of them does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dfplan_assets.scheduling.history import History, quartiles
from dfplan_assets.scheduling.model import Estimate, MeasuredRun, OperatorCost, PlanShape, Task

UNIT_SECONDS = 0.1
"""What a view is taken to cost while nothing was measured: seconds for a relative unit of cost."""

_KINDS = {
    "DataSourceExec": "scan",
    "HashJoinExec": "join",
    "SortMergeJoinExec": "join",
    "NestedLoopJoinExec": "join",
    "CrossJoinExec": "join",
    "PiecewiseMergeJoinExec": "join",
    "SymmetricHashJoinExec": "join",
    "SortExec": "sort",
    "PartialSortExec": "sort",
    "AggregateExec": "aggregate",
    "WindowAggExec": "window",
    "BoundedWindowAggExec": "window",
    "RepartitionExec": "repartition",
}
_FEWEST_RATIOS = 3


def estimate(
    tasks: Sequence[Task],
    runs: Iterable[MeasuredRun],
    operator_costs: Sequence[OperatorCost],
    *,
    history_runs: int,
    cores: int,
) -> dict[str, Estimate]:
    """The expected cost of each task, by name; ``cores`` are those of this machine."""
    known = _once(tasks, runs, operator_costs, history_runs=history_runs, cores=cores)
    for task in tasks:
        if task.times != 1:
            known[task.name] = _times(known[task.name], task.times)
    return known


def _times(one: Estimate, times: int) -> Estimate:
    """The cost of several partitions, one after the other."""
    return replace(
        one,
        seconds=one.seconds * times,
        low_seconds=one.low_seconds * times,
        high_seconds=one.high_seconds * times,
        source=f"{times:,} partitions, each {one.source}",
        figures={**one.figures, "partitions to make": times, "seconds for each": one.seconds},
    )


def _once(
    tasks: Sequence[Task],
    runs: Iterable[MeasuredRun],
    operator_costs: Sequence[OperatorCost],
    *,
    history_runs: int,
    cores: int,
) -> dict[str, Estimate]:
    """The expected cost of each task, of one partition where it makes several."""
    history = History(runs, history_runs=history_runs, cores=cores)
    known: dict[str, Estimate] = {}
    unknown: list[Task] = []
    for task in tasks:
        found = history.estimate(task)
        if found is None:
            unknown.append(task)
        else:
            known[task.name] = found
    if not unknown:
        return known
    operators = _Operators.of(tasks, known, history, operator_costs)
    topology = _Topology(tasks, known)
    for task in unknown:
        if operators is not None and task.shape is not None:
            known[task.name] = operators.estimate(task, task.shape)
        else:
            known[task.name] = topology.estimate(task)
    return known


def unit_estimate() -> Estimate:
    """The same cost for every view, for an order by the graph alone."""
    return Estimate(
        seconds=UNIT_SECONDS,
        kind="topology",
        source="topology",
        low_seconds=UNIT_SECONDS / 10,
        high_seconds=UNIT_SECONDS * 10,
        figures={"units": 1.0, "seconds a unit": UNIT_SECONDS},
    )


class _Operators:
    """Estimates from what operators have cost in this store."""

    def __init__(self, mean_seconds: Mapping[str, float], typical_bytes: float | None) -> None:
        self._mean_seconds = mean_seconds
        self._typical_bytes = typical_bytes
        self._wall_for_cpu = 1.0
        self._low, self._high = 1 / 3, 3.0
        self._measured = 0

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task],
        known: Mapping[str, Estimate],
        history: History,
        operator_costs: Sequence[OperatorCost],
    ) -> _Operators | None:
        """None where no operator was measured."""
        seconds: dict[str, float] = {}
        counts: dict[str, int] = {}
        for cost in operator_costs:
            if cost.operators > 0 and 0 <= cost.seconds < math.inf:
                for kind in (_KINDS.get(cost.name, "other"), "any"):
                    seconds[kind] = seconds.get(kind, 0.0) + cost.seconds
                    counts[kind] = counts.get(kind, 0) + cost.operators
        if not seconds.get("any"):
            return None
        means = {kind: total / counts[kind] for kind, total in seconds.items()}
        model = cls(means, history.typical_input_bytes())
        model._measured = counts["any"]
        model._calibrate(tasks, known, history)
        return model

    def _calibrate(self, tasks: Sequence[Task], known: Mapping[str, Estimate], history: History) -> None:
        ratios = []
        for task in tasks:
            if task.shape is not None and task.name in known:
                cpu = self._cpu_seconds(task, task.shape)
                if cpu > 0:
                    ratios.append(known[task.name].seconds / cpu)
        if len(ratios) >= _FEWEST_RATIOS:
            low, self._wall_for_cpu, high = quartiles(ratios)
            self._low = min(0.5, low / self._wall_for_cpu)
            self._high = max(2.0, high / self._wall_for_cpu)
        else:
            self._wall_for_cpu = history.wall_for_cpu() or 1.0

    def estimate(self, task: Task, shape: PlanShape) -> Estimate:
        cpu = self._cpu_seconds(task, shape)
        seconds = cpu * self._wall_for_cpu
        return Estimate(
            seconds=seconds,
            kind="operators",
            source="operators",
            low_seconds=seconds * self._low,
            high_seconds=seconds * self._high,
            figures={
                "operators": shape.operators,
                "operators measured in this store": self._measured,
                "CPU seconds": cpu,
                "wall seconds for a CPU second": self._wall_for_cpu,
                "size factor": _size_factor(task, self._typical_bytes),
            },
        )

    def _cpu_seconds(self, task: Task, shape: PlanShape) -> float:
        counts = {
            "scan": shape.scans,
            "join": shape.joins,
            "sort": shape.sorts,
            "aggregate": shape.aggregates,
            "window": shape.windows,
            "repartition": shape.repartitions,
        }
        counts["other"] = max(0, shape.operators - sum(counts.values()))
        mean = self._mean_seconds
        cpu = math.fsum(count * mean.get(kind, mean["any"]) for kind, count in counts.items())
        return cpu * _size_factor(task, self._typical_bytes)


class _Topology:
    """Estimates from the shape of plans alone, in relative units."""

    def __init__(self, tasks: Sequence[Task], known: Mapping[str, Estimate]) -> None:
        sizes = [size for task in tasks if (size := _bytes_of(task)) is not None]
        self._typical_bytes = math.fsum(sizes) / len(sizes) if sizes else None
        planned = [self._units_of_plan(task, task.shape) for task in tasks if task.shape is not None]
        self._mean_units = math.fsum(planned) / len(planned) if planned else 1.0
        measured = [known[task.name].seconds / self._units(task) for task in tasks if task.name in known]
        self._unit_seconds = quartiles(measured)[1] if measured else UNIT_SECONDS
        self._spread = 4.0 if measured else 10.0

    def estimate(self, task: Task) -> Estimate:
        units = self._units(task)
        seconds = units * self._unit_seconds
        return Estimate(
            seconds=seconds,
            kind="topology",
            source="topology",
            low_seconds=seconds / self._spread,
            high_seconds=seconds * self._spread,
            figures={"units": units, "seconds a unit": self._unit_seconds},
        )

    def _units(self, task: Task) -> float:
        return self._mean_units if task.shape is None else self._units_of_plan(task, task.shape)

    def _units_of_plan(self, task: Task, shape: PlanShape) -> float:
        return _size_factor(task, self._typical_bytes) * (
            1 + shape.joins + shape.sorts + shape.aggregates + shape.windows
        )


def _bytes_of(task: Task) -> int | None:
    """What a view reads: the bytes of its plan's scans, else of its inputs; None where neither is known."""
    for size in (task.shape.scan_bytes if task.shape is not None else None, task.input_bytes):
        if size is not None and size > 0:
            return size
    return None


def _size_factor(task: Task, typical_bytes: float | None) -> float:
    size = _bytes_of(task)
    return 1.0 if size is None or typical_bytes is None else min(10.0, max(0.1, size / typical_bytes))
