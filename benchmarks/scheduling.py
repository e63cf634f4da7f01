"""Orders of runs against their lower bound, on workflow traces or generated graphs, and the time to order.

The environment variable ``DFPLAN_TRACES`` names a file of traces: gzipped, one JSON object a line with
``name``, ``seconds`` for each task in topological order, and ``edges`` as pairs of indexes. Without it the
graphs are generated: fan-outs, diamonds, long tails, layers. Times are CPU seconds of this one thread, which
are wall seconds on a machine that does nothing else.

With noise, where one or two of the small graphs end decides about thousandths of the mean: a mean over all
traces is another one with each seed of the noise. It is therefore taken over many seeds and printed with its
standard error, that of the difference to bottom levels (the same noise for both) as well, and the standard
deviation of the mean of one seed.
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
NOISE_SEEDS = range(20)
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
    print("  workers   ours  bottom level  plan order  random | longest ordering")
    for workers in WORKERS:
        _compare(workflows, workers)
    print(f"costs off by log-normal noise of sigma {NOISE_SIGMA}: mean over {len(NOISE_SEEDS)} seeds")
    print("  workers               ours       bottom level         difference | one seed | longest ordering")
    for workers in WORKERS:
        _compare_with_noise(workflows, workers)
    seconds = [_order_views(*_views_with_history()) for _ in range(3)]
    print(f"ordering {VIEWS} views with {RUNS_A_VIEW} runs each, store not included: {min(seconds):.2f} s")


def _compare(workflows: Sequence[Workflow], workers: int) -> None:
    ratios: dict[str, list[float]] = {}
    longest = 0.0
    for workflow in workflows:
        trial = _trial(workflow, workers)
        count = len(trial.seconds)
        found, seconds = _ordered(workflow, workers)
        longest = max(longest, seconds)
        rng = random.Random(workflow.name)
        for kind, makespan in (
            ("ours", found),
            ("bottom level", trial.makespan(trial.by_levels())),
            ("plan order", trial.makespan(range(count))),
            ("random", statistics.fmean(trial.makespan(rng.sample(range(count), count)) for _ in range(2))),
        ):
            ratios.setdefault(kind, []).append(_over_bound(makespan, trial))
    mean = {kind: statistics.fmean(values) for kind, values in ratios.items()}
    print(
        f"  {workers:>7}  {mean['ours']:.4f}        {mean['bottom level']:.4f}      {mean['plan order']:.4f}"
        f"  {mean['random']:.4f} | {longest:.2f} s"
    )


def _compare_with_noise(workflows: Sequence[Workflow], workers: int) -> None:
    ours: list[list[float]] = [[] for _ in NOISE_SEEDS]
    plain: list[list[float]] = [[] for _ in NOISE_SEEDS]
    longest = 0.0
    for workflow in workflows:
        trial = _trial(workflow, workers)
        for place, seed in enumerate(NOISE_SEEDS):
            rng = random.Random(f"{seed} {workflow.name}")
            guess = {
                name: cost * math.exp(rng.gauss(0, NOISE_SIGMA)) for name, cost in workflow.seconds.items()
            }
            found, seconds = _ordered(workflow, workers, guess)
            longest = max(longest, seconds)
            by_levels = Trial(trial.graph, [guess[name] for name in trial.graph.names], workers).by_levels()
            ours[place].append(_over_bound(found, trial))
            plain[place].append(_over_bound(trial.makespan(by_levels), trial))
    means = [statistics.fmean(values) for values in ours]
    plain_means = [statistics.fmean(values) for values in plain]
    gains = [mean - other for mean, other in zip(means, plain_means, strict=True)]
    print(
        f"  {workers:>7}  {_with_error(means)}  {_with_error(plain_means)}  {_with_error(gains)}"
        f" |  ±{statistics.stdev(means):.4f} | {longest:.2f} s"
    )


def _trial(workflow: Workflow, workers: int) -> Trial:
    graph = TaskGraph.of(workflow.upstream)
    return Trial(graph, [workflow.seconds[name] for name in graph.names], workers)


def _ordered(
    workflow: Workflow, workers: int, estimates: Mapping[str, float] | None = None
) -> tuple[float, float]:
    """The makespan by our order, and the CPU seconds that it took to find it."""
    started = time.process_time()
    found = simulate(workflow.seconds, workflow.upstream, workers, estimates=estimates)
    return found.makespan_seconds, time.process_time() - started


def _over_bound(makespan: float, trial: Trial) -> float:
    bound = trial.lower_bound()
    graham = (2 - 1 / trial.workers) * bound * (1 + 1e-9)
    assert makespan <= graham, "a list schedule above Graham's bound"
    return makespan / bound


def _with_error(values: Sequence[float]) -> str:
    """The mean and its standard error."""
    return f"{statistics.fmean(values):>8.4f} ±{statistics.stdev(values) / math.sqrt(len(values)):.4f}"


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
