"""The best order that is found in bounded time, by simulating what orders lead to.

Where costs are certain, the order by bottom level is improved in two ways, as long as the budget lasts:

- forward and backward passes, as in project scheduling (Li and Willis 1992): the run is simulated, then
  simulated backwards from its end with the last to end first, and the starts of that give a new order;
- small changes: a few tasks move to other places, or all bottom levels get a little noise.

Orders that are as good are kept too, since the way to a better one often leads over them.

Where costs are uncertain, an order that fits them perfectly fits the truth no better than another. There
estimates are first drawn towards those of tasks with a like place in the graph, as far as their differences
are no larger than chance makes them (James and Stein 1961); then a few good orders of different kinds are
simulated with costs drawn around the estimates, and those that do best on average decide.

Everything is seeded: the same input gives the same order, as long as the budget's work ends before its time.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dfplan_assets.scheduling.graph import TaskGraph
from dfplan_assets.scheduling.trial import Trial, in_order

_LARGEST_FOR_DESCENDANTS = 2000
_MOST_SCENARIOS = 64
_LEAST_SCENARIOS = 4
_LEAST_SIMULATIONS = 64
# Orders looked at in vain, for each task, before the search ends.
_PATIENCE = 20
_COMPROMISE = 4
_NEARLY_CERTAIN = 0.25
# What remains of the spread once estimates were drawn towards their like.
_LEFT_SPREAD = 0.8


@dataclass(frozen=True)
class Budget:
    """How long to look for a better order.

    ``work`` is the number of tasks and edges that may be simulated, which decides on a machine that is not
    overloaded: about a million a second. ``seconds`` of wall time end the search in any case.
    """

    work: int
    seconds: float

    @classmethod
    def of_seconds(cls, seconds: float) -> Budget:
        """A budget that takes about this long, and never more than twice as long."""
        return cls(int(seconds * 1_000_000), 2 * seconds)


class _Clock:
    """What is left of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._work = budget.work
        self._deadline = time.monotonic() + budget.seconds

    def spend(self, work: int) -> bool:
        """Whether there is budget for this work, which is then taken from it."""
        if self._work < work or time.monotonic() > self._deadline:
            return False
        self._work -= work
        return True

    @property
    def work(self) -> int:
        return self._work


def best_order(
    graph: TaskGraph,
    seconds: Sequence[float],
    workers: int,
    budget: Budget,
    *,
    spread: Sequence[float] | None = None,
    urgency: Sequence[int] | None = None,
) -> list[int]:
    """The tasks' indexes, the first to start first.

    ``spread`` holds for each task the standard deviation of the logarithm of its cost, None where costs
    are certain. Tasks of higher ``urgency`` come first, whatever they cost. By the measure that is used
    (the makespan, or its mean over the costs that were drawn) the order is never worse than the one by
    bottom level.
    """
    search = _Search(graph, seconds, workers, _Clock(budget), urgency)
    if spread is None or not any(spread):
        return search.refine()
    return search.choose(spread)


class _Search:
    def __init__(
        self,
        graph: TaskGraph,
        seconds: Sequence[float],
        workers: int,
        clock: _Clock,
        urgency: Sequence[int] | None,
    ) -> None:
        self._trial = Trial(graph, seconds, workers)
        self._mirror = Trial(graph.reversed(), seconds, workers)
        self._urgency = urgency if urgency is not None and len(set(urgency)) > 1 else None
        self._clock = clock
        self._random = random.Random(20)

    def refine(self, share: float = 1.0) -> list[int]:
        """The order with the smallest makespan that this share of the budget finds."""
        trial, rng, clock = self._trial, self._random, self._clock
        rest = int(clock.work * (1 - share))
        best = self._arranged(trial.by_levels())
        makespan, started = trial.starts(best)
        enough = trial.lower_bound() * (1 + 1e-9)
        for order in self._passes(best, started):
            found = trial.makespan(order)
            if found < makespan:
                makespan, best = found, order
        count = len(best)
        patience = _PATIENCE * (count + 1)
        while makespan > enough and patience and clock.work > rest and clock.spend(trial.effort):
            patience -= 1
            kind = rng.random()
            if kind < 0.35 and clock.spend(3 * trial.effort):
                order = self._shaken_pass(best, makespan)
            elif kind < 0.5:
                order = self._arranged(self._noisy_levels())
            else:
                order = best[:]
                for _ in range(rng.choice((1, 1, 2, 3, 5))):
                    place = rng.randrange(count)
                    other = min(count - 1, max(0, place + int(rng.gauss(0, count / 8))))
                    order.insert(other, order.pop(place))
                order = self._arranged(order)
            found = trial.makespan(order, makespan)
            if found < makespan:
                patience = _PATIENCE * (count + 1)
            if found <= makespan:
                makespan, best = found, order
        return best

    def choose(self, spread: Sequence[float]) -> list[int]:
        """The order that does best on average over costs that are drawn around the estimates.

        Unless costs are nearly certain it is a compromise of the best few, which do well for different
        costs: each task has its mean place in them.
        """
        trial, rng = self._trial, self._random
        by_levels = self._arranged(trial.by_levels())
        if self._clock.work < _LEAST_SIMULATIONS * trial.effort:
            return by_levels
        likely = _towards_their_like(trial.graph, trial.seconds, spread)
        nearly_certain = math.fsum(spread) / len(spread) <= _NEARLY_CERTAIN
        candidates = [by_levels]
        if nearly_certain:
            candidates.append(self.refine(0.5))
        around = _Search(trial.graph, likely, trial.workers, self._clock, self._urgency)
        candidates += around._candidates(spread)
        each = trial.effort * (len(candidates) + 1)
        scenarios = []
        for _ in range(max(_LEAST_SCENARIOS, min(_MOST_SCENARIOS, self._clock.work // each))):
            drawn = [
                cost * math.exp(rng.gauss(0, _LEFT_SPREAD * off))
                for cost, off in zip(likely, spread, strict=True)
            ]
            scenario = Trial(trial.graph, drawn, trial.workers)
            scenarios.append((scenario, scenario.lower_bound() or 1.0))

        def mean(order: list[int]) -> float:
            return math.fsum(scenario.makespan(order) / bound for scenario, bound in scenarios)

        rated = [(mean(by_levels), 0)]
        for number, order in enumerate(candidates[1:], start=1):
            if not self._clock.spend(trial.effort * len(scenarios)):
                break
            rated.append((mean(order), number))
        best = sorted(rated)[:_COMPROMISE]
        if not nearly_certain:
            places = [0] * len(by_levels)
            for _, number in best:
                for place, task in enumerate(candidates[number]):
                    places[task] += place
            compromise = self._arranged(in_order(places, trial.graph))
            if mean(compromise) <= rated[0][0]:
                return compromise
        return candidates[best[0][1]]

    def _candidates(self, spread: Sequence[float]) -> Iterator[list[int]]:
        """Good orders of different kinds."""
        trial, graph = self._trial, self._trial.graph
        seconds, levels, rng = trial.seconds, trial.levels, self._random
        by_levels = self._arranged(trial.by_levels())
        yield by_levels
        _, started = trial.starts(by_levels)
        yield from self._passes(by_levels, started)
        if len(seconds) <= _LARGEST_FOR_DESCENDANTS:
            below = graph.work_below(seconds)
            for weight in (0.3, 1.0, 3.0):
                share = weight / trial.workers
                yield self._by([level + share * work for level, work in zip(levels, below, strict=True)])
            yield self._by([cost + work for cost, work in zip(seconds, below, strict=True)])
        for power in (0.5, 0.8, 1.2):
            yield self._by(graph.bottom_levels([cost**power for cost in seconds]))
        mean = math.fsum(seconds) / len(seconds)
        steps = graph.bottom_levels([mean] * len(seconds))
        yield self._by([level + 0.5 * step for level, step in zip(levels, steps, strict=True)])
        total = [0.0] * len(seconds)
        for _ in range(8):
            drawn = [
                cost * math.exp(rng.gauss(0, 0.6 * off)) for cost, off in zip(seconds, spread, strict=True)
            ]
            total = [known + level for known, level in zip(total, graph.bottom_levels(drawn), strict=True)]
        yield self._by(total)

    def _by(self, keys: Sequence[float]) -> list[int]:
        """The order by key, the largest first."""
        return self._arranged(in_order([-key for key in keys], self._trial.graph))

    def _passes(self, order: list[int], started: list[float]) -> Iterator[list[int]]:
        """Orders from forward and backward passes, until they no longer get better."""
        makespan = math.inf
        for _ in range(10):
            if not self._clock.spend(2 * self._trial.effort):
                return
            order = self._pass(started)
            found, started = self._trial.starts(order)
            if found >= makespan:
                return
            makespan = found
            yield order

    def _pass(self, started: Sequence[float]) -> list[int]:
        """The order in which tasks start when the run is planned from its end, from when they started."""
        seconds = self._trial.seconds
        ends = [-start - cost for start, cost in zip(started, seconds, strict=True)]
        _, backwards = self._mirror.starts(in_order(ends, self._mirror.graph))
        return self._by([start + cost for start, cost in zip(backwards, seconds, strict=True)])

    def _shaken_pass(self, order: Sequence[int], makespan: float) -> list[int]:
        rng, trial = self._random, self._trial
        _, started = trial.starts(order)
        width = makespan * rng.choice((0.02, 0.05, 0.1, 0.2))
        shaken = self._arranged(in_order([start + rng.gauss(0, width) for start in started], trial.graph))
        _, started = trial.starts(shaken)
        return self._pass(started)

    def _noisy_levels(self) -> list[int]:
        rng = self._random
        off = rng.choice((0.05, 0.1, 0.2, 0.4))
        levels = self._trial.levels
        return in_order([-level * math.exp(rng.gauss(0, off)) for level in levels], self._trial.graph)

    def _arranged(self, order: list[int]) -> list[int]:
        """The order with urgent tasks in front."""
        if self._urgency is not None:
            urgency = self._urgency
            order.sort(key=lambda task: -urgency[task])
        return order


def _towards_their_like(graph: TaskGraph, seconds: Sequence[float], spread: Sequence[float]) -> list[float]:
    """The costs that are likely, given estimates and how far these are off: James and Stein's estimator.

    Of n logarithms with variance v that differ by a sum of squares s, only 1 - v (n - 3) / s of the
    difference from their mean is kept, at least nothing and at most all.
    """
    likely = list(seconds)
    alike: dict[int, list[int]] = {}
    for task, role in enumerate(graph.roles()):
        if seconds[task] > 0 and spread[task] > 0:
            alike.setdefault(role, []).append(task)
    for tasks in alike.values():
        count = len(tasks)
        logs = [math.log(seconds[task]) for task in tasks]
        mean = math.fsum(logs) / count
        squares = math.fsum((value - mean) ** 2 for value in logs)
        if count > 3 and squares > 0:
            variance = math.fsum(spread[task] ** 2 for task in tasks) / count
            kept = max(0.0, 1 - variance * (count - 3) / squares)
            for task, value in zip(tasks, logs, strict=True):
                likely[task] = math.exp(mean + kept * (value - mean))
    return likely
