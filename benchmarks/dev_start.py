"""How long ``dagster dev`` takes until it answers with what it loaded: the demo, against an empty project.

Each is started from nothing on a free port, asked over GraphQL until its code location is loaded, and ended.
The two alternate, so that both have the same machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import dfplan_assets.demo
from dfplan_assets.demo.data import make

ROUNDS = 3
LIMIT_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0
_QUERY = """{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError {
    __typename ... on RepositoryLocation { repositories { assetNodes { id } } } } } } } }"""


def main() -> None:
    """Prints the seconds of each round, and the median of what the demo takes longer."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        ignored = shutil.ignore_patterns("data", "warehouse", ".dfplan", "__pycache__")
        shutil.copytree(Path(dfplan_assets.demo.__file__).parent, demo, ignore=ignored)
        make(demo, "0.01")
        (demo / ".dfplan").mkdir()  # as after the first run: what was planned is remembered there
        (Path(folder) / "empty.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
        print(f"dagster dev until it answers: the demo at most {LIMIT_SECONDS:.0f} s after an empty project")
        later = []
        for number in range(ROUNDS):
            empty, _ = _seconds("empty", Path(folder), demo)
            full, assets = _seconds("dfplan_assets.definitions", Path(folder), demo)
            later.append(full - empty)
            print(
                f"  round {number + 1}: empty {empty:.1f} s, demo ({assets} assets) {full:.1f} s, "
                f"{later[-1]:.1f} s later"
            )
        print(f"  median: {statistics.median(later):.1f} s later")


def _seconds(module: str, folder: Path, demo: Path) -> tuple[float, int]:
    """Seconds from the start of ``dagster dev`` to its answer, and how many assets that has."""
    home = Path(tempfile.mkdtemp(dir=folder))
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DFPLAN_PROJECT": str(demo),
        "PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())]),
    }
    port = _free_port()
    command = [sys.executable, "-m", "dagster", "dev", "-m", module, "-h", "127.0.0.1", "-p", str(port)]
    with (home / "log").open("w") as log:
        started = time.perf_counter()
        # A session of its own, so that all that it starts can be ended with it.
        process = subprocess.Popen(
            command, env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True
        )
        try:
            while True:
                assets = _loaded_assets(port)
                seconds = time.perf_counter() - started
                if assets is not None:
                    return seconds, assets
                if process.poll() is not None or seconds > _PATIENCE_SECONDS:
                    sys.exit(f"dagster dev -m {module} does not answer:\n{(home / 'log').read_text()}")
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGINT)  # at which it ends what it started
            try:
                process.wait(60)
            finally:
                with suppress(ProcessLookupError):  # code servers may outlive it for a while
                    os.killpg(process.pid, signal.SIGKILL)


def _loaded_assets(port: int) -> int | None:
    """How many assets the webserver on a port knows; None while it is not up, or still loading."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": _QUERY}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, ConnectionError):
        return None
    if not entries or entries[0]["loadStatus"] != "LOADED":
        return None
    location = entries[0]["locationOrLoadError"]
    if location["__typename"] != "RepositoryLocation":
        sys.exit(f"the code location does not load: {location['__typename']}")
    return sum(len(repository["assetNodes"]) for repository in location["repositories"])


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
