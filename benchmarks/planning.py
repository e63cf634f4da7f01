"""Planning with lineage: seconds for 100 to 1,000 generated views, in one process."""

from __future__ import annotations

import time

from benchmarks.generated import planned_only
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project.model import Project

COUNTS = (100, 300, 1000)
ROUNDS = 3


def main() -> None:
    """Prints the best of three rounds for each number of views, and what a view costs."""
    plan_project(planned_only(10))  # imports and first use are no cost of a view
    print("planning with lineage: views, seconds, milliseconds a view")
    for count in COUNTS:
        project = planned_only(count)
        seconds = min(_planning_seconds(project) for _ in range(ROUNDS))
        print(f"  {count:>5}  {seconds:6.2f} s  {1000 * seconds / count:5.2f} ms")


def _planning_seconds(project: Project) -> float:
    start = time.perf_counter()
    plan_project(project)
    return time.perf_counter() - start
