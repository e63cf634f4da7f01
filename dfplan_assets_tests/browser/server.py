"""``dagster dev`` over a copy of the demo, and what its GraphQL says."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import dfplan_assets
from dfplan_assets.demo import data
from dfplan_assets_tests.ports import free_port

_T = TypeVar("_T")
LEAST_SCALE = "0.001"
PATIENCE_SECONDS = 300
_DEMO = Path(data.__file__).parent
_PACKAGE_PARENT = Path(dfplan_assets.__file__).parent.parent
_INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}  # no window that asks for an address before anything can be clicked
run_coordinator:  # Dagster's own, which looks into its queue every five seconds otherwise
  module: dagster._core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
_MADE = """query ($id: ID!) { runOrError(runId: $id) {
    ... on Run { assetMaterializations { assetKey { path } } } } }"""
_STALE = """query ($path: [String!]!) { assetNodeOrError(assetKey: {path: $path}) {
    ... on AssetNode { staleStatus } } }"""
_LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
    updatedTimestamp locationOrLoadError { __typename } } } } }"""


@dataclass(frozen=True)
class Run:
    """A run; ``status`` is Dagster's name for it, ``views`` those of which it made a result."""

    id: str
    status: str
    views: frozenset[str]


@dataclass(frozen=True)
class Server:
    """A running ``dagster dev``."""

    url: str
    log: Path

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data that answers a query in GraphQL."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            content = json.load(answer)
        assert "errors" not in content, content["errors"]
        found: dict[str, Any] = content["data"]
        return found

    def run_ended(self, number: int) -> Run:
        """The run of this number, counted from 1, once it has ended."""

        def ended() -> Run | None:
            runs = self.ask(_RUNS)["runsOrError"]["results"]  # the newest first
            if len(runs) < number or runs[-number]["status"] not in {"SUCCESS", "FAILURE", "CANCELED"}:
                return None
            run_id, status = runs[-number]["runId"], runs[-number]["status"]
            made = self.ask(_MADE, id=run_id)["runOrError"]["assetMaterializations"]
            return Run(run_id, status, frozenset("/".join(each["assetKey"]["path"]) for each in made))

        return self.until(f"the end of run {number}", ended)

    def stale_status(self, asset: str) -> str:
        """What the UI calls unsynced is ``STALE``."""
        status: str = self.ask(_STALE, path=asset.split("/"))["assetNodeOrError"]["staleStatus"]
        return status

    def loaded_at(self) -> float:
        """When the code location was loaded last, in seconds since the epoch."""
        (entry,) = self.ask(_LOADED)["workspaceOrError"]["locationEntries"]
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", self.tail()
        return float(entry["updatedTimestamp"])

    def until(self, what: str, look: Callable[[], _T | None]) -> _T:
        """What ``look`` finds, once it finds something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"waited for {what}\n{self.tail()}"
            time.sleep(0.2)
        return found

    def tail(self) -> str:
        """The end of what the server wrote."""
        return self.log.read_text(errors="replace")[-4000:]


def copy_demo(folder: Path, scale: str = LEAST_SCALE) -> Path:
    """The demo as ``folder``, with data of this scale; the least there can be, unless told otherwise."""
    shutil.copytree(
        _DEMO, folder, ignore=shutil.ignore_patterns("data", "warehouse", ".dfplan", ".data.*", "__pycache__")
    )
    data.make(folder, scale)
    return folder


@contextlib.contextmanager
def dagster_dev(project: Path, home: Path) -> Iterator[Server]:
    """Webserver, daemon and code location of ``project`` while the block lasts, with Dagster's ``home``."""
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}", home / "dev.log")
    command = [sys.executable, "-m", "dagster", "dev", "-m", "dfplan_assets.definitions"]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DFPLAN_PROJECT": str(project),
        "PYTHONPATH": str(_PACKAGE_PARENT),
    }
    with server.log.open("ab") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            cwd=home,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def answers() -> float | None:
        assert process.poll() is None, server.tail()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return server.loaded_at()
        return None

    try:
        server.until("the webserver", answers)
        yield server
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End ``dagster dev`` and all that it started: they share a process group that is its own."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
