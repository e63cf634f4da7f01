"""Checking golden plans: seconds for 1,000 generated views, and for the demo as a whole command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dfplan_assets.demo
from benchmarks.generated import planned_only
from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.update import update
from dfplan_assets.project.model import Golden, Project

VIEWS = 1000
ROUNDS = 3
VIEWS_BAR_SECONDS, DEMO_BAR_SECONDS = 12.0, 3.0


def main() -> None:
    """Prints the best of three rounds of each, beside its bar."""
    with tempfile.TemporaryDirectory() as folder:
        project = replace(
            planned_only(VIEWS), golden=Golden(Path(folder) / "goldens"), store=f"sqlite:///{folder}/plans.db"
        )
        started = time.perf_counter()
        update(project)
        print(f"golden plans of {VIEWS:,} generated views: written in {time.perf_counter() - started:.1f} s")
        seconds = min(_seconds(project) for _ in range(ROUNDS))
        print(f"  checked in {seconds:.2f} s (bar {VIEWS_BAR_SECONDS:.0f} s)")
        # Another setting makes every physical plan anew.
        settings = {"datafusion.execution.batch_size": "4096"}
        seconds = _seconds(replace(project, engine=replace(project.engine, settings=settings)))
        print(f"  checked in {seconds:.2f} s with another setting, every physical plan made anew")
    demo = Path(dfplan_assets.demo.__file__).parent
    command = "from dfplan_assets.cli import main; main()"
    arguments = [sys.executable, "-c", command, "--project", str(demo), "golden", "check"]
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    print(f"golden plans of the demo: the whole command {min(taken):.2f} s (bar {DEMO_BAR_SECONDS:.0f} s)")


def _seconds(project: Project) -> float:
    started = time.perf_counter()
    check_project(project, level="plan")
    return time.perf_counter() - started
