"""Loading a code location of 1,000 views, as a code server does it, against 1,000 hand-written assets.

Each is loaded in a process of its own, from its start until the repository that a code server sends is
serialised. ``cold`` has never planned the views, ``again`` has loaded them before. The hand-written assets
are a Python module with one function for each view, with the same dependencies and descriptions.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.generated import SOURCES, layered_views, write_project
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project

ROUNDS = 3
COLD_LIMIT, AGAIN_LIMIT = 10.0, 4.0

_LOAD = """
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from {module} import defs
snap = RepositorySnap.from_def(defs.get_repository_def(), defer_snapshots=True)
print(len(snap.asset_nodes), len(serialize_value(snap)))
"""


def main() -> None:
    """Prints the seconds of each round, and their medians."""
    count = int(os.environ.get("DFPLAN_BENCH_VIEWS", "1000"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        write_project(root, layered_views(count), _sources(Path(folder)))
        (root / ".dfplan").mkdir()  # as after the first run: what was planned is remembered there
        (Path(folder) / "handwritten.py").write_text(hand_written(plan_project(load_project(root))))
        taken: dict[str, list[tuple[float, float]]] = {"hand-written": [], "cold": [], "again": []}
        print(
            f"a code location of {count:,} views: at most {COLD_LIMIT:.0f} s cold, {AGAIN_LIMIT:.0f} s again "
            "(in brackets: CPU seconds)"
        )
        for number in range(ROUNDS):
            taken["hand-written"].append(_seconds("handwritten", folder, {}))
            shutil.rmtree(root / ".dfplan")
            (root / ".dfplan").mkdir()
            for state in ("cold", "again"):
                environment = {"DFPLAN_PROJECT": str(root)}
                taken[state].append(_seconds("dfplan_assets.definitions", folder, environment))
            print(f"  round {number + 1}: {_shown({state: each[-1] for state, each in taken.items()})}")
        medians = {
            state: (statistics.median(wall for wall, _ in each), statistics.median(cpu for _, cpu in each))
            for state, each in taken.items()
        }
        print(f"  median: {_shown(medians)}")


def _shown(seconds: Mapping[str, tuple[float, float]]) -> str:
    return ", ".join(f"{state} {wall:.2f} s ({cpu:.2f})" for state, (wall, cpu) in seconds.items())


def hand_written(plan: ProjectPlan) -> str:
    """A Python module with a function for each view, as somebody would write it who has no dfplan."""
    lines = ["import dagster as dg", "", "assets = []"]
    for name, view in plan.views.items():
        lines += [
            "",
            "@assets.append",
            f"@dg.asset(deps={list(view.lineage.tables)!r}, description={view.view.sql!r}, "
            "kinds={'sql', 'datafusion'})",
            f"def {name}():",
            "    return dg.MaterializeResult()",
        ]
    lines += [
        "",
        f"sources = [dg.AssetSpec(name) for name in {list(plan.project.sources)!r}]",
        "defs = dg.Definitions(assets=[*assets, *sources])",
    ]
    return "\n".join(lines) + "\n"


def _sources(folder: Path) -> Mapping[str, Path]:
    files = {name: folder / f"{name}.parquet" for name in SOURCES}
    for name, schema in SOURCES.items():
        pq.write_table(pa.table({field.name: [] for field in schema}, schema=schema), files[name])
    return files


def _seconds(module: str, folder: str, environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process that loads a module."""
    own = {
        name: value for name, value in os.environ.items() if name not in ("DAGSTER_HOME", "DFPLAN_PROJECT")
    }
    path = os.pathsep.join([folder, str(Path.cwd())])
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", _LOAD.format(module=module)],
        env={**own, "PYTHONPATH": path, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
