"""The best order that is found in bounded time, by simulating what orders lead to.

Where costs are certain, the order by bottom level is improved in two ways, as long as the budget lasts:

- forward and backward passes, as in project scheduling (Li and Willis 1992): the run is simulated, then
  simulated backwards from its end with the last to end first, and the starts of that give a new order;
- small changes: a few tasks move to other places, or all bottom levels get a little noise.

Orders that are as good are kept too, since the way to a better one often leads over them.

Where costs are uncertain, an order that fits them perfectly fits the truth no better than another. There a
few good orders of different kinds are simulated with costs drawn around the estimates, and the one with the
smallest mean makespan is taken.

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
_MOST_SCENARIOS = 24
_LEAST_SCENARIOS = 4


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
    search = _Search(graph, seconds, workers, budget, urgency)
    if spread is None or not any(spread):
        return search.refine()
    return search.choose(spread)


class _Search:
    def __init__(
        self,
        graph: TaskGraph,
        seconds: Sequence[float],
        workers: int,
        budget: Budget,
        urgency: Sequence[int] | None,
    ) -> None:
        self._trial = Trial(graph, seconds, workers)
        self._mirror = Trial(graph.reversed(), seconds, workers)
        self._urgency = urgency if urgency is not None and len(set(urgency)) > 1 else None
        self._clock = _Clock(budget)
        self._random = random.Random(20)

    def refine(self) -> list[int]:
        """The order with the smallest makespan that the budget finds."""
        trial, rng, clock = self._trial, self._random, self._clock
        best = self._arranged(trial.by_levels())
        makespan, started = trial.starts(best)
        enough = trial.lower_bound() * (1 + 1e-9)
        for order in self._passes(best, started):
            found = trial.makespan(order)
            if found < makespan:
                makespan, best = found, order
        count = len(best)
        # A pass simulates twice, and once more to look at what came out.
        while makespan > enough and clock.spend(trial.effort):
            kind = rng.random()
            if kind < 0.35 and clock.spend(2 * trial.effort):
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
            if found <= makespan:
                makespan, best = found, order
        return best

    def choose(self, spread: Sequence[float]) -> list[int]:
        """The order with the smallest mean makespan over costs that are drawn around the estimates."""
        trial, rng = self._trial, self._random
        candidates = list(self._candidates(spread))
        by_levels = candidates[0]
        makespan = trial.makespan(by_levels)
        left = self._clock.work // (trial.effort * len(candidates) or 1)
        scenarios = []
        for _ in range(max(_LEAST_SCENARIOS, min(_MOST_SCENARIOS, left))):
            drawn = [cost * math.exp(rng.gauss(0, off)) for cost, off in zip(trial.seconds, spread)]
            scenario = Trial(trial.graph, drawn, trial.workers)
            scenarios.append((scenario, scenario.lower_bound() or 1.0))
        best, smallest = by_levels, math.inf
        for order in candidates:
            if order is not by_levels and not self._clock.spend(trial.effort * len(scenarios)):
                break
            total = 0.0
            for scenario, bound in scenarios:
                total += scenario.makespan(order) / bound
                if total >= smallest:
                    break
            else:
                best, smallest = order, total
        return best

    def _candidates(self, spread: Sequence[float]) -> Iterator[list[int]]:
        trial, graph = self._trial, self._trial.graph
        seconds, levels, rng = trial.seconds, trial.levels, self._random
        by_levels = self._arranged(trial.by_levels())
        yield by_levels
        _, started = trial.starts(by_levels)
        yield from self._passes(by_levels, started)
        if len(seconds) <= _LARGEST_FOR_DESCENDANTS:
            below = graph.work_below(seconds)
            for weight in (0.3, 1.0, 3.0):
                keys = [-level - weight * work / trial.workers for level, work in zip(levels, below)]
                yield self._arranged(in_order(keys, graph))
            yield self._arranged(in_order([-cost - work for cost, work in zip(seconds, below)], graph))
        for power in (0.5, 0.8, 1.2):
            bent = graph.bottom_levels([cost**power for cost in seconds])
            yield self._arranged(in_order([-level for level in bent], graph))
        mean = math.fsum(seconds) / len(seconds)
        even = graph.bottom_levels([mean] * len(seconds))
        keys = [-level - 0.5 * steps for level, steps in zip(levels, even)]
        yield self._arranged(in_order(keys, graph))
        total, places = [0.0] * len(seconds), [0.0] * len(seconds)
        for _ in range(8):
            drawn = [cost * math.exp(rng.gauss(0, 0.6 * off)) for cost, off in zip(seconds, spread)]
            for task, level in enumerate(graph.bottom_levels(drawn)):
                total[task] -= level
        yield self._arranged(in_order(total, graph))

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
        ends = [-start - cost for start, cost in zip(started, seconds)]
        _, backwards = self._mirror.starts(in_order(ends, self._mirror.graph))
        return self._arranged(
            in_order([-start - cost for start, cost in zip(backwards, seconds)], self._trial.graph)
        )

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
