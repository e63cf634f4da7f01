"""The whole command ``dfplan run`` over 1,000 generated views, against a bare loop of the same COPYs.

The views lie in ten layers over the demo's sources at scale 0.01. The command's time runs from the
start of its process to its end, on a project that has never run and then once more on what that left.
The bare loop's time is that of its COPY statements alone, in a process that has planned already.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dfplan_assets.demo
from benchmarks.generated import FIRST_OF_DEMO, layered_views, write_project
from benchmarks.materialising import bare_loop
from dfplan_assets.demo.data import make
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project

ROUNDS = 3
LIMIT = 7.0


def main() -> None:
    """Prints both times of each round, and the medians of the rounds' ratios."""
    count = int(os.environ.get("DFPLAN_BENCH_VIEWS", "1000"))
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        demo.mkdir()
        shutil.copy(Path(dfplan_assets.demo.__file__).parent / "dfplan.yaml", demo)
        make(demo, "0.01")
        sources = {name: demo / "data" / f"{name}.parquet" for name in ("orders", "customer")}
        first, again = [], []
        print(f"the whole command: {count:,} views in ten layers, at most {LIMIT:.0f} times the bare loop")
        for number in range(ROUNDS):
            root = Path(folder) / f"project{number}"
            write_project(root, layered_views(count, FIRST_OF_DEMO), sources)
            bare = bare_loop(plan_project(load_project(root)), Path(folder) / f"bare{number}")
            seconds = [_command_seconds(root) for _ in range(2)]
            first.append(seconds[0] / bare)
            again.append(seconds[1] / bare)
            print(
                f"  round {number + 1}: bare loop {bare:.1f} s, first run {seconds[0]:.1f} s "
                f"({first[-1]:.2f}), second run {seconds[1]:.1f} s ({again[-1]:.2f})"
            )
        print(f"  ratio: median {statistics.median(first):.2f} first, {statistics.median(again):.2f} again")


def _command_seconds(root: Path) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-c", "from dfplan_assets.cli import main; main()"]
    started = time.perf_counter()
    subprocess.run(
        [*command, "run", "--project", str(root), "--format", "json"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
