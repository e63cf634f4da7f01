"""Orders of runs against their lower bound, on workflow traces or generated graphs, and the time to order.

The environment variable ``DFPLAN_TRACES`` names a file of traces: gzipped, one JSON object a line with
``name``, ``seconds`` for each task in topological order, and ``edges`` as pairs of indexes. Without it the
graphs are generated: fan-outs, diamonds, long tails, layers. Times are CPU seconds of this one thread, which
are wall seconds on a machine that does nothing else.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dfplan_assets.scheduling import simulate
from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.model import MeasuredRun, Task
from dfplan_assets.scheduling.schedule import schedule
from dfplan_assets.scheduling.trial import Trial

WORKERS = (2, 4, 8)
NOISE_SIGMA = 0.5
NOISE_SEEDS = (0, 1)
VIEWS = 5000
RUNS_A_VIEW = 10


@dataclass(frozen=True)
class Workflow:
    """A graph whose tasks' names sort in topological order, with what each takes."""

    name: str
    seconds: Mapping[str, float]
    upstream: Mapping[str, Sequence[str]]


def main() -> None:
    """Prints the mean of makespan over lower bound for each kind of order, and how long ordering takes."""
    traces = os.environ.get("DFPLAN_TRACES")
    workflows = list(_traces(Path(traces)) if traces else _generated())
    print(
        f"makespan over lower bound: mean over {len(workflows)} {'traces' if traces else 'generated graphs'}"
    )
    print("  workers   ours  bottom level  plan order  random | noise: ours  bottom level | longest ordering")
    for workers in WORKERS:
        _compare(workflows, workers)
    seconds = [_order_views(*_views_with_history()) for _ in range(3)]
    print(f"ordering {VIEWS} views with {RUNS_A_VIEW} runs each, store not included: {min(seconds):.2f} s")


def _compare(workflows: Sequence[Workflow], workers: int) -> None:
    ratios: dict[str, list[float]] = {}
    longest = 0.0
    for workflow in workflows:
        graph = TaskGraph.of(workflow.upstream)
        trial = Trial(graph, [workflow.seconds[name] for name in graph.names], workers)
        bound = trial.lower_bound()
        graham = (2 - 1 / workers) * bound * (1 + 1e-9)

        def note(kind: str, makespan: float, bound: float = bound, graham: float = graham) -> None:
            assert makespan <= graham, "a list schedule above Graham's bound"
            ratios.setdefault(kind, []).append(makespan / bound)

        started = time.process_time()
        found = simulate(workflow.seconds, workflow.upstream, workers)
        longest = max(longest, time.process_time() - started)
        note("ours", found.makespan_seconds)
        note("bottom level", trial.makespan(trial.by_levels()))
        note("plan order", trial.makespan(range(len(graph.names))))
        for seed in NOISE_SEEDS:
            rng = random.Random(f"{seed} {workflow.name}")
            note("random", trial.makespan(rng.sample(range(len(graph.names)), len(graph.names))))
            guess = {
                name: cost * math.exp(rng.gauss(0, NOISE_SIGMA)) for name, cost in workflow.seconds.items()
            }
            started = time.process_time()
            found = simulate(workflow.seconds, workflow.upstream, workers, estimates=guess)
            longest = max(longest, time.process_time() - started)
            note("noise: ours", found.makespan_seconds)
            plain = Trial(graph, [guess[name] for name in graph.names], workers).by_levels()
            note("noise: bottom level", trial.makespan(plain))
    mean = {kind: statistics.fmean(values) for kind, values in ratios.items()}
    print(
        f"  {workers:>7}  {mean['ours']:.4f}        {mean['bottom level']:.4f}      {mean['plan order']:.4f}"
        f"  {mean['random']:.4f} |      {mean['noise: ours']:.4f}        {mean['noise: bottom level']:.4f}"
        f" | {longest:.2f} s"
    )


def _traces(path: Path) -> Iterator[Workflow]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            trace = json.loads(line)
            yield _workflow(trace["name"], trace["seconds"], trace["edges"])


def _workflow(name: str, seconds: Sequence[float], edges: Sequence[Sequence[int]]) -> Workflow:
    names = [f"t{index:05d}" for index in range(len(seconds))]
    upstream: dict[str, list[str]] = {task: [] for task in names}
    for before, after in edges:
        upstream[names[after]].append(names[before])
    return Workflow(name, dict(zip(names, map(float, seconds), strict=True)), upstream)


def _generated() -> Iterator[Workflow]:
    shapes: dict[str, Callable[[int, random.Random], list[tuple[int, int]]]] = {
        "fan-out": lambda count, _: [(0, task) for task in range(1, count)],
        "diamond": _diamonds,
        "long tail": lambda count, _: [(task, task + 1) for task in range(count // 2, count - 1)],
        "layered": _layers,
    }
    for shape, edges_of in shapes.items():
        for count in (20, 60, 200, 600):
            for seed in range(2):
                rng = random.Random(f"{shape} {count} {seed}")
                seconds = [rng.lognormvariate(0, 1.2) for _ in range(count)]
                yield _workflow(f"{shape} {count} {seed}", seconds, edges_of(count, rng))


def _diamonds(count: int, rng: random.Random) -> list[tuple[int, int]]:
    """Forks of three to eight tasks that join again, one diamond behind the other, two rows of them."""
    edges = []
    tops = [0, 1]
    task = 2
    row = 0
    while task < count:
        middle = range(task, min(count, task + rng.randint(3, 8)))
        join = middle.stop
        edges += [(tops[row], member) for member in middle]
        if join < count:
            edges += [(member, join) for member in middle]
            tops[row] = join
        task, row = join + 1, 1 - row
    return edges


def _layers(count: int, rng: random.Random) -> list[tuple[int, int]]:
    width = max(2, count // 10)
    edges = []
    for task in range(width, count):
        first = (task // width - 1) * width
        edges += [(before, task) for before in sorted(rng.sample(range(first, first + width), min(width, 2)))]
    return edges


def _views_with_history() -> tuple[list[Task], list[MeasuredRun]]:
    rng = random.Random(5)
    names = [f"view_{number:04d}" for number in range(VIEWS)]
    first = datetime(2026, 1, 1, tzinfo=timezone.utc)
    tasks, runs = [], []
    for place, name in enumerate(names):
        above = names[max(0, place - 500) : place]
        tasks.append(
            Task(
                name=name,
                upstream=tuple(rng.sample(above, 2)) if place >= 500 else (),
                fingerprint=name,
                input_bytes=10_000,
                shape=None,
            )
        )
        cost = rng.lognormvariate(-2, 1)
        for day in range(RUNS_A_VIEW):
            wall = cost * rng.lognormvariate(0, 0.2)
            runs.append(
                MeasuredRun(
                    view=name,
                    started_at=first + timedelta(days=day),
                    status="succeeded",
                    attempt=1,
                    fingerprint=name,
                    wall_seconds=wall,
                    cpu_seconds=wall,
                    input_bytes=10_000,
                    partitions=2,
                    cores=2,
                    peak_memory_bytes=None,
                    partition_key=None,
                )
            )
    return tasks, runs


def _order_views(tasks: Sequence[Task], runs: Sequence[MeasuredRun]) -> float:
    started = time.process_time()
    schedule(tasks, runs, cores=2)
    return time.process_time() - started
