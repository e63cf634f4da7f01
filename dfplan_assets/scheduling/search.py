"""The best order that can be found in bounded time."""

from __future__ import annotations

from collections.abc import Sequence

from dfplan_assets.scheduling.graph import TaskGraph


def best_order(graph: TaskGraph, seconds: Sequence[float], workers: int) -> list[int]:
    """The tasks' indexes, the first to start first: by bottom level, ties by name."""
    levels = graph.bottom_levels(seconds)
    place = {task: position for position, task in enumerate(graph.topological)}
    return sorted(range(len(levels)), key=lambda task: (-levels[task], place[task]))
