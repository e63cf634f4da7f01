"""The error rates of the test for regressions on simulated histories."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

from dfplan_assets.regressions.statistics import EARLIER_RUNS, FEWEST_RUNS, LEAST_RUNS, compare
from dfplan_assets.regressions.verdict import FALSE_ALARMS_OF_TIME, LEAST_SECONDS

Noise = Callable[[random.Random, int], list[float]]
"""Wall seconds of so many runs one after the other, about one second each."""

TRIALS = 1_000
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
