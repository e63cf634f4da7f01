"""The graph of what runs, by small integers: levels along its edges, cycles refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import rustworkx

from dfplan_assets.errors import CycleError


@dataclass(frozen=True)
class TaskGraph:
    """Tasks as indexes into ``names``, which are sorted: the same graph whatever order it was given in.

    ``upstream`` and ``downstream`` hold ascending indexes for each task; ``topological`` is an order in
    which each task stands behind its upstream tasks, ties by name.
    """

    names: tuple[str, ...]
    upstream: tuple[tuple[int, ...], ...]
    downstream: tuple[tuple[int, ...], ...]
    topological: tuple[int, ...]

    @classmethod
    def of(cls, upstream: Mapping[str, Iterable[str]]) -> TaskGraph:
        """The graph of the mapping's keys; upstream names that are no keys don't count.

        Raises CycleError, naming the tasks of one circle.
        """
        names = tuple(sorted(upstream))
        index = {name: position for position, name in enumerate(names)}
        above = [sorted({index[other] for other in upstream[name] if other in index}) for name in names]
        below: list[list[int]] = [[] for _ in names]
        for task, others in enumerate(above):
            for other in others:
                below[other].append(task)
        graph: rustworkx.PyDiGraph[int, None] = rustworkx.PyDiGraph()
        graph.add_nodes_from(range(len(names)))
        graph.add_edges_from_no_data([(other, task) for task, others in enumerate(above) for other in others])
        topological = tuple(rustworkx.lexicographical_topological_sort(graph, key="{:09d}".format))
        if len(topological) < len(names):
            # Edges run from upstream to downstream; people read "a task names the next one".
            circle = [names[start] for start, _ in rustworkx.digraph_find_cycle(graph)]
            circle = [circle[0], *reversed(circle)]
            raise CycleError(
                f"task {circle[0]}",
                f"tasks depend on each other in a circle: {' -> '.join(circle)}",
                "Take one of these dependencies out.",
            )
        return cls(names, tuple(map(tuple, above)), tuple(map(tuple, below)), topological)

    def bottom_levels(self, costs: Sequence[float]) -> list[float]:
        """For each task the longest path of costs from its start to the end of the run, itself included."""
        levels = [0.0] * len(self.names)
        for task in reversed(self.topological):
            levels[task] = costs[task] + max((levels[other] for other in self.downstream[task]), default=0.0)
        return levels

    def top_levels(self, costs: Sequence[float]) -> list[float]:
        """For each task the longest path of costs from the start of the run to its start."""
        levels = [0.0] * len(self.names)
        for task in self.topological:
            levels[task] = max((levels[other] + costs[other] for other in self.upstream[task]), default=0.0)
        return levels

    def work_below(self, costs: Sequence[float]) -> list[float]:
        """For each task the sum of the costs of all tasks that wait for it, directly or not."""
        # Sets of tasks as the bits of integers, added up a byte at a time.
        sums = [_byte_sums(costs[start : start + 8]) for start in range(0, len(costs), 8)]
        below = [0] * len(costs)
        work = [0.0] * len(costs)
        for task in reversed(self.topological):
            for other in self.downstream[task]:
                below[task] |= below[other] | 1 << other
            members = below[task].to_bytes(len(sums), "little")
            work[task] = sum(table[byte] for table, byte in zip(sums, members, strict=True) if byte)
        return work

    def reversed(self) -> TaskGraph:
        """The same graph seen from its end."""
        return TaskGraph(self.names, self.downstream, self.upstream, self.topological[::-1])


def _byte_sums(costs: Sequence[float]) -> list[float]:
    """For every set of up to eight tasks, as the bits of a byte, the sum of its costs."""
    sums = [0.0]
    for cost in costs:
        sums += [known + cost for known in sums]
    return sums
