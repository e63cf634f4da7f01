"""The error rates of the test for regressions on simulated histories."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dfplan_assets.regressions.history import ViewHistory
from dfplan_assets.regressions.statistics import EARLIER_RUNS, FEWEST_RUNS, LEAST_RUNS, compare
from dfplan_assets.regressions.verdict import FALSE_ALARMS_OF_TIME, LEAST_SECONDS, judge
from dfplan_assets_tests.regressions.simulated import history, summaries

Noise = Callable[[random.Random, int], list[float]]
"""Wall seconds of so many runs one after the other, about one second each."""

TRIALS = 1_000
TRIALS_OF_VERDICTS = 300
SEED = 20_260_301


def log_normal(sigma: float) -> Noise:
    """Times whose logarithm is normal."""
    return lambda rng, runs: [rng.lognormvariate(0.0, sigma) for _ in range(runs)]


def outliers(share: float) -> Noise:
    """Log-normal times of which a share is at least three times as long, with Pareto's tail."""

    def draw(rng: random.Random, runs: int) -> list[float]:
        return [
            rng.lognormvariate(0.0, 0.15) * (1 + 2 * rng.paretovariate(1.0) if rng.random() < share else 1.0)
            for _ in range(runs)
        ]

    return draw


def heavy_tails(rng: random.Random, runs: int) -> list[float]:
    """Times whose logarithm has Student's t distribution with two degrees of freedom."""
    return [
        math.exp(0.15 * min(50.0, rng.gauss(0, 1) / math.sqrt(rng.expovariate(1.0)))) for _ in range(runs)
    ]


def cold_cache(share: float, factor: float) -> Noise:
    """Times of a warm cache, and of a cold one for a share of the runs."""
    return lambda rng, runs: [
        rng.lognormvariate(0.0, 0.1) * (factor if rng.random() < share else 1.0) for _ in range(runs)
    ]


def in_phases(rng: random.Random, runs: int) -> list[float]:
    """Log-normal times in which each run resembles the one before (correlation 0.5)."""
    state, times = rng.gauss(0, 1), []
    for _ in range(runs):
        times.append(math.exp(0.2 * state))
        state = 0.5 * state + math.sqrt(0.75) * rng.gauss(0, 1)
    return times


def growing(rate: float) -> Noise:
    """Times that grow from run to run."""
    return lambda rng, runs: [rng.lognormvariate(0.0, 0.15) * (1 + rate) ** number for number in range(runs)]


NOISES: Mapping[str, Noise] = {
    "log-normal, sigma 0.1": log_normal(0.1),
    "log-normal, sigma 0.2": log_normal(0.2),
    "log-normal, sigma 0.3": log_normal(0.3),
    "10 % outliers": outliers(0.1),
    "Student's t, 2 degrees of freedom": heavy_tails,
    "cold cache: 20 %, 3 times": cold_cache(0.2, 3.0),
}
"""For these the rates are promised."""

HARDER_NOISES: Mapping[str, Noise] = {
    "20 % outliers": outliers(0.2),
    "cold cache: 30 %, 3 times": cold_cache(0.3, 3.0),
    "log-normal, sigma 0.4": log_normal(0.4),
    "log-normal, sigma 0.5": log_normal(0.5),
    "log-normal, sigma 1": log_normal(1.0),
    "cold cache: 50 %, twice": cold_cache(0.5, 2.0),
    "in phases, sigma 0.2": in_phases,
    "growing by 1 % a run": growing(0.01),
    "growing by 2 % a run": growing(0.02),
}
"""Shown to know where the test ends."""


def found(noise: Noise, factor: float, earlier: int, later: int, trials: int = TRIALS) -> float:
    """The share of simulated histories that are called worse when the later runs take ``factor`` as long."""
    rng = random.Random(SEED)
    return sum(_is_worse(noise(rng, earlier + later), factor, earlier) for _ in range(trials)) / trials


def found_in_any_look(noise: Noise, earlier: int, later: int, trials: int = TRIALS) -> float:
    """The share of unchanged histories called worse at least once when they are judged after every run."""
    rng = random.Random(SEED)
    alarms = 0
    for _ in range(trials):
        times = noise(rng, earlier + later)
        looks = range(earlier + FEWEST_RUNS, earlier + later + 1)
        alarms += any(_is_worse(times[:runs], 1.0, earlier) for runs in looks)
    return alarms / trials


def _is_worse(times: list[float], factor: float, earlier: int) -> bool:
    later = [factor * seconds for seconds in times[earlier:]]
    comparison = compare(times[:earlier], later, floor=LEAST_SECONDS, false_alarms=FALSE_ALARMS_OF_TIME)
    return comparison.worse


@dataclass(frozen=True)
class GrowingInputs:
    """A view whose inputs grow by ``rate`` a run, and of whose time ``share`` follows them at first.

    Its times have log-normal noise of sigma 0.15; input sizes are stored with its runs, or they are not.
    """

    rate: float
    share: float
    stored: bool = True

    def history(self, rng: random.Random, factor: float, earlier: int, later: int) -> ViewHistory:
        """Runs of a plan, and of the next one, which takes ``factor`` as long."""
        sizes = [(1 + self.rate) ** number for number in range(earlier + later)]
        seconds = [(1 - self.share + self.share * size) * rng.lognormvariate(0.0, 0.15) for size in sizes]
        runs = [
            *summaries("a", seconds[:earlier]),
            *summaries("b", [factor * each for each in seconds[earlier:]], first=earlier),
        ]
        if self.stored:
            runs = [
                replace(run, input_bytes=round(1e9 * size)) for run, size in zip(runs, sizes, strict=True)
            ]
        return history(runs)

    def found(self, factor: float, earlier: int, later: int, trials: int = TRIALS_OF_VERDICTS) -> float:
        """The share of simulated histories that are called a regression after the last run."""
        rng = random.Random(SEED)
        alarms = sum(
            judge(self.history(rng, factor, earlier, later)).kind == "regression" for _ in range(trials)
        )
        return alarms / trials


GROWING_INPUTS: Mapping[str, GrowingInputs] = {
    "by 2 % a run, time follows": GrowingInputs(0.02, 1.0),
    "by 5 % a run, time follows": GrowingInputs(0.05, 1.0),
    "by 2 % a run, 30 % of the time follow": GrowingInputs(0.02, 0.3),
    "by 5 % a run, 30 % of the time follow": GrowingInputs(0.05, 0.3),
    "by 2 % a run, time stays": GrowingInputs(0.02, 0.0),
    "by 5 % a run, time stays": GrowingInputs(0.05, 0.0),
    "by 2 % a run, time follows, not stored": GrowingInputs(0.02, 1.0, stored=False),
}
"""With sizes stored, none of these raises more than 2 % of false alarms."""


def main() -> None:
    """Prints false alarms and slowdowns found, in percent, per kind of noise."""
    print(f"regressions: {TRIALS:,} simulated histories each, in percent")
    sizes = ((LEAST_RUNS, LEAST_RUNS), (EARLIER_RUNS, LEAST_RUNS))
    head = "".join(f"{f'{before} + {after} runs':^32}" for before, after in sizes)
    print(f"  {'':36}{head.rstrip()}")
    columns = f"{'unchanged':>10}{'any look':>10}{'×2':>6}{'×1.5':>6}"
    print(f"  {'noise':36}{columns}{columns}")
    for name, noise in {**NOISES, **HARDER_NOISES}.items():
        cells = ""
        for before, after in sizes:
            cells += f"{100 * found(noise, 1.0, before, after):>10.1f}"
            cells += f"{100 * found_in_any_look(noise, before, after):>10.1f}"
            cells += f"{100 * found(noise, 2.0, before, after):>6.0f}"
            cells += f"{100 * found(noise, 1.5, before, after):>6.0f}"
        print(f"  {name:36}{cells}")
    print(f"regressions in inputs that grow: {TRIALS_OF_VERDICTS} simulated histories each, in percent")
    columns = f"{'unchanged':>10}{'×2':>6}{'×1.5':>6}"
    head = "".join(f"{f'{before} + {after} runs':^22}" for before, after in sizes)
    print(f"  {'':40}{head.rstrip()}")
    print(f"  {'inputs grow':40}{columns}{columns}")
    for name, growing_inputs in GROWING_INPUTS.items():
        cells = ""
        for before, after in sizes:
            cells += f"{100 * growing_inputs.found(1.0, before, after):>10.1f}"
            cells += f"{100 * growing_inputs.found(2.0, before, after):>6.0f}"
            cells += f"{100 * growing_inputs.found(1.5, before, after):>6.0f}"
        print(f"  {name:40}{cells}")
