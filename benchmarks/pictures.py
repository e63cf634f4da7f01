"""The pictures of the demo's plans, and of one of 152 operators: milliseconds and bytes each."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import dfplan_assets.demo
from dfplan_assets.demo.data import make
from dfplan_assets.execution.analysis import walk
from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.orchestration.runner import Attempt, Made, ProjectRunner
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.visual.operator_timeline import operator_timeline
from dfplan_assets.visual.plan_picture import plan_picture
from dfplan_assets_tests.visual.operators import star

SCALE = "0.01"
ROUNDS = 15
LARGE_JOINS = 30
ALLOWED_MILLISECONDS, ALLOWED_BYTES = 5.0, 20_000
PICTURES: Mapping[str, Callable[[RunProfile], str]] = {
    "plan picture": plan_picture,
    "operator timeline": operator_timeline,
}


def profiles(folder: Path) -> Sequence[RunProfile]:
    """The profiles of a run of the demo's views without partitions."""
    root = folder / "demo"
    ignored = shutil.ignore_patterns("data", "warehouse", ".dfplan", "__pycache__")
    shutil.copytree(Path(dfplan_assets.demo.__file__).parent, root, ignore=ignored)
    make(root, SCALE)
    plan = plan_project(load_project(root))
    run = ProjectRunner(plan)
    whole = [name for name, each in plan.views.items() if not (each.view.partitions or plan.is_virtual(name))]
    made = [run(Attempt(view, "benchmark")) for view in whole]
    return [each.done.profile for each in made if isinstance(each, Made)]


def milliseconds(draw: Callable[[RunProfile], str], profile: RunProfile) -> float:
    """The least of several times that drawing took: what else the machine does only makes it longer."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        draw(profile)
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def main() -> None:
    """Prints the median and the largest of each picture's cost, and whether they are allowed."""
    with tempfile.TemporaryDirectory() as folder:
        demo = profiles(Path(folder))
    large = star(LARGE_JOINS)
    operators = [len(list(walk(profile.root))) for profile in demo]
    print(
        f"pictures of {len(demo)} plans of the demo of {min(operators)} to {max(operators)} operators; "
        f"at most {ALLOWED_MILLISECONDS:.0f} ms and {ALLOWED_BYTES:,} bytes are allowed"
    )
    for name, draw in PICTURES.items():
        times = [milliseconds(draw, profile) for profile in demo]
        sizes = [len(draw(profile).encode()) for profile in demo]
        print(
            f"  {name:18} median {statistics.median(times):5.2f} ms, max {max(times):5.2f} ms; "
            f"median {statistics.median(sizes):7,.0f} bytes, max {max(sizes):7,}"
        )
        took, size = milliseconds(draw, large), len(draw(large).encode())
        print(f"  {'':18} of {len(list(walk(large.root)))} operators {took:.2f} ms, {size:,} bytes")


if __name__ == "__main__":
    main()
