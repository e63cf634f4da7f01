"""Deciding what is stale among 1,000 views and 100 sources, and the whole command where that is nothing.

The views lie in ten layers; those of the first read two of the sources each. Deciding is timed in a process
that has planned already, reading every manifest, and the stats and footers of every source's files anew. The
command's time runs from the start of its process to its end: cold right after all views ran, with Python's
own caches of this package's code removed; warm once more; and then with one view at the end changed.
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

import pyarrow as pa
import pyarrow.parquet as pq

import dfplan_assets
from benchmarks.generated import FIRST, LAYERS, layered_views, write_project
from dfplan_assets.execution import source_versions
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.staleness.look import staleness_now

SOURCES = 100
ROUNDS = 5
DECIDING_LIMIT_SECONDS = 2.0
COLD_LIMIT_SECONDS = 5.0
WARM_LIMIT_SECONDS = 3.5
LEAF_LIMIT_SECONDS = 1.0


def main() -> None:
    """Prints the time of deciding, and of the command with nothing and with one leaf to do."""
    count = int(os.environ.get("DFPLAN_BENCH_VIEWS", "1000"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        write_project(root, views(count), sources(Path(folder) / "data"))
        command(root, "run")
        print(f"staleness: {count:,} views, {SOURCES} sources")
        deciding = decided(root)
        print(
            f"  deciding: median {deciding:.2f} s of {ROUNDS} (at most {DECIDING_LIMIT_SECONDS} s), of it "
            f"the versions of all sources {versions_told(root):.3f} s"
        )
        remove_caches()
        print(
            f"  nothing to do, cold: {command(root, 'run', '--stale'):.2f} s (at most {COLD_LIMIT_SECONDS} s)"
        )
        nothing = statistics.median(command(root, "run", "--stale") for _ in range(ROUNDS))
        print(f"  nothing to do, warm: median {nothing:.2f} s of {ROUNDS} (at most {WARM_LIMIT_SECONDS} s)")
        leaves = [one_leaf(root, count, number) for number in range(ROUNDS)]
        leaf = statistics.median(leaves)
        print(
            f"  one changed leaf:    median {leaf:.2f} s of {ROUNDS}, {leaf - nothing:.2f} s more "
            f"(at most {LEAF_LIMIT_SECONDS} s)"
        )


def views(count: int) -> dict[str, str]:
    """Generated views; those of the first layer read sources in turn."""
    found = layered_views(count)
    width = max(1, count // LAYERS)
    for number in range(width):
        names = (f"orders_{number % (SOURCES // 2)}", f"customers_{number % (SOURCES // 2)}")
        query = FIRST.format(number=number)
        found[f"view_{number}"] = query.replace("orders", names[0]).replace(
            "from customers", f"from {names[1]}"
        )
    return found


def sources(folder: Path) -> dict[str, Path]:
    """Small Parquet files, half of them orders, half customers."""
    folder.mkdir()
    orders = pa.table(
        {
            "id": list(range(100)),
            "customer": [number % 10 for number in range(100)],
            "amount": [float(number * 10) for number in range(100)],
            "status": ["o"] * 100,
            "day": pa.array([0] * 100, pa.date32()),
        }
    )
    customers = pa.table({"id": list(range(10)), "limit_amount": [1.0] * 10, "segment": ["a"] * 10})
    found = {}
    for number in range(SOURCES // 2):
        for name, table in (("orders", orders), ("customers", customers)):
            found[f"{name}_{number}"] = folder / f"{name}_{number}.parquet"
            pq.write_table(table, found[f"{name}_{number}"])
    return found


def decided(root: Path) -> float:
    """The median time of deciding for all views, in seconds; all of them must be fresh."""
    plan = plan_project(load_project(root))
    seconds = []
    for _ in range(ROUNDS):
        source_versions._footer_sha256.cache_clear()
        started = time.perf_counter()
        found = staleness_now(plan)
        seconds.append(time.perf_counter() - started)
        assert not any(each.is_stale for each in found.values())
    return statistics.median(seconds)


def versions_told(root: Path) -> float:
    """The time that the versions of all sources take, in seconds."""
    project = load_project(root)
    source_versions._footer_sha256.cache_clear()
    started = time.perf_counter()
    source_versions.source_versions(project)
    return time.perf_counter() - started


def one_leaf(root: Path, count: int, number: int) -> float:
    """The time of the command after the last view got another meaning, in seconds."""
    file = root / "views" / f"view_{count - 1}.sql"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"select id + {number} as id from ({text}) as before", encoding="utf-8")
    return command(root, "run", "--stale")


def remove_caches() -> None:
    """Removes what Python compiled of the package, as a fresh installation has it."""
    for folder in Path(dfplan_assets.__file__).parent.rglob("__pycache__"):
        shutil.rmtree(folder)


def command(root: Path, *arguments: str) -> float:
    """The time of ``dfplan`` from the start of its process to its end, in seconds."""
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    program = [sys.executable, "-c", "from dfplan_assets.cli import main; main()"]
    started = time.perf_counter()
    subprocess.run(
        [*program, *arguments, "--project", str(root), "--format", "json"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
