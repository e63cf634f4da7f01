"""One graph with one set of costs, simulated over and over: the search's inner loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from dfplan_assets.scheduling.graph import TaskGraph


class Trial:
    """Makespans of orders of one graph, with the same rules as ``simulate.run`` and nothing but the numbers.

    ``levels`` are bottom levels in seconds; ``effort`` is what one simulation costs, in tasks and edges.
    """

    def __init__(self, graph: TaskGraph, seconds: Sequence[float], workers: int) -> None:
        self.graph, self.seconds, self.workers = graph, seconds, workers
        self.levels = graph.bottom_levels(seconds)
        self.effort = len(seconds) + sum(map(len, graph.upstream))
        self._counts = [len(others) for others in graph.upstream]
        self._roots = [task for task, count in enumerate(self._counts) if not count]

    def lower_bound(self) -> float:
        """Seconds that no order can beat: max(work / workers, critical path)."""
        return max(math.fsum(self.seconds) / self.workers, max(self.levels, default=0.0))

    def by_levels(self) -> list[int]:
        """The order by bottom level, the highest first; upstream before downstream where both are equal."""
        return in_order([-level for level in self.levels], self.graph)

    def starts(self, order: Sequence[int]) -> tuple[float, list[float]]:
        """The makespan of an order, and when each task starts."""
        place = _places(order)
        waiting_for, downstream, seconds = self._counts[:], self.graph.downstream, self.seconds
        ready = [place[task] for task in self._roots]
        heapify(ready)
        running: list[tuple[float, int]] = []
        started = [0.0] * len(order)
        now, free = 0.0, self.workers
        while ready or running:
            while ready and free:
                task = order[heappop(ready)]
                free -= 1
                started[task] = now
                heappush(running, (now + seconds[task], task))
            now, task = heappop(running)
            while True:
                free += 1
                for other in downstream[task]:
                    if waiting_for[other] == 1:
                        heappush(ready, place[other])
                    else:
                        waiting_for[other] -= 1
                if not running or running[0][0] != now:
                    break
                task = heappop(running)[1]
        return now, started

    def makespan(self, order: Sequence[int], limit: float = math.inf) -> float:
        """The makespan of an order in seconds; infinity as soon as it is sure to be above ``limit``."""
        place = _places(order)
        waiting_for, downstream, seconds, levels = (
            self._counts[:],
            self.graph.downstream,
            self.seconds,
            self.levels,
        )
        ready = [place[task] for task in self._roots]
        heapify(ready)
        running: list[tuple[float, int]] = []
        now, free = 0.0, self.workers
        while ready or running:
            while ready and free:
                task = order[heappop(ready)]
                if now + levels[task] > limit:
                    return math.inf
                free -= 1
                heappush(running, (now + seconds[task], task))
            now, task = heappop(running)
            while True:
                free += 1
                for other in downstream[task]:
                    if waiting_for[other] == 1:
                        heappush(ready, place[other])
                    else:
                        waiting_for[other] -= 1
                if not running or running[0][0] != now:
                    break
                task = heappop(running)[1]
        return now


def in_order(keys: Sequence[float], graph: TaskGraph) -> list[int]:
    """The tasks by key, the smallest first, ties in topological order."""
    order = list(graph.topological)
    order.sort(key=keys.__getitem__)
    return order


def _places(order: Sequence[int]) -> list[int]:
    place = [0] * len(order)
    for position, task in enumerate(order):
        place[task] = position
    return place
