"""Writing the report of 1,000 views that have run: seconds of the whole command, and the page's size.

The views lie in ten layers over the demo's sources at scale 0.01 and have run twice, so that each has a
profile and a history. The command's time runs from the start of its process to its end. Where Chromium is
installed, a second figure is how long a browser takes from opening the page until its script has drawn it.
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
from dfplan_assets.demo.data import make

ROUNDS = 3
LIMIT_SECONDS = 8.0
LIMIT_BYTES = 15_000_000
BROWSER = "chromium"


def main() -> None:
    """Prints the median time and the size, beside their limits."""
    count = int(os.environ.get("DFPLAN_BENCH_VIEWS", "1000"))
    with tempfile.TemporaryDirectory() as folder:
        root, demo = Path(folder) / "project", Path(folder) / "demo"
        demo.mkdir()
        shutil.copy(Path(dfplan_assets.demo.__file__).parent / "dfplan.yaml", demo)
        make(demo, "0.01")
        sources = {name: demo / "data" / f"{name}.parquet" for name in ("orders", "customer")}
        write_project(root, layered_views(count, FIRST_OF_DEMO), sources)
        for _ in range(2):
            _command(root, "run")
        page = root / "report.html"
        before = _cpu_seconds()
        seconds = statistics.median(_command(root, "report", "--output", str(page)) for _ in range(ROUNDS))
        cpu = (_cpu_seconds() - before) / ROUNDS
        size = page.stat().st_size
        print(
            f"report: {count:,} views written in {seconds:.2f} s (median of {ROUNDS}, at most "
            f"{LIMIT_SECONDS:.0f} s; {cpu:.2f} s of CPU time), {size / 1e6:.1f} MB (at most "
            f"{LIMIT_BYTES / 1e6:.0f} MB)"
        )
        browser = shutil.which(BROWSER)
        if browser is None:
            print(f"  opening it in a browser is not measured: there is no {BROWSER}")
            return
        empty = Path(folder) / "empty.html"
        empty.write_text("<!doctype html><title>empty</title>", encoding="utf-8")
        more = [
            _opened(browser, page, Path(folder)) - _opened(browser, empty, Path(folder))
            for _ in range(ROUNDS)
        ]
        print(f"  opened and drawn in {statistics.median(more):.2f} s more than an empty page takes")


def _cpu_seconds() -> float:
    """What all processes that were waited for have taken so far."""
    times = os.times()
    return times.children_user + times.children_system


def _command(root: Path, *arguments: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-c", "from dfplan_assets.cli import main; main()", "--project", str(root)]
    return _seconds([*command, *arguments], environment)


def _opened(browser: str, page: Path, folder: Path) -> float:
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    flags += " --disable-background-networking --disable-component-update"
    with tempfile.TemporaryDirectory(dir=folder) as profile:
        command = [browser, *flags.split(), f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
        return _seconds(command, dict(os.environ))


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
