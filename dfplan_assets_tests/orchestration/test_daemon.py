"""A daemon of its own, as a user runs one, through changes, its own death, and a restart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.instance.ref import InstanceRef
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

import dfplan_assets
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.partitioned import DAILY, WHOLE, write_daily, write_orders
from dfplan_assets_tests.small_projects import plan_of, write_shop

PATIENCE_SECONDS = 300
_PACKAGE_PARENT = Path(dfplan_assets.__file__).parent.parent


class Daemon:
    """Dagster's daemon over a shop whose drift sensor is on, with a home of its own."""

    def __init__(self, folder: Path, shop: Path | None = None) -> None:
        self.shop = shop or write_shop(folder / "shop")
        self._home = folder / "home"
        self._home.mkdir()
        (self._home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        self._log = folder / "daemon.log"
        self._process: subprocess.Popen[bytes] | None = None
        file = self.shop / "dfplan.yaml"
        document = {**json.loads(file.read_text()), "drift_sensor": {"every": "1s", "status": "running"}}
        file.write_text(json.dumps(document), encoding="utf-8")
        self.instance = dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(self._home)))

        self.environment = {
            **os.environ,
            "DAGSTER_HOME": str(self._home),
            "DFPLAN_PROJECT": str(self.shop),
            "PYTHONPATH": str(_PACKAGE_PARENT),
        }

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dagster._daemon", "run", "-m", "dfplan_assets.definitions"],
                env=self.environment,
                cwd=self._home,
                stdout=log,
                stderr=log,
            )

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Ends the process that ``start`` began, and no other."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(with_signal)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def runs(self) -> list[dg.DagsterRun]:
        """All runs so far, the oldest first."""
        return list(reversed(self.instance.get_runs()))

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert self._process is None or self._process.poll() is None, self._tail()
            assert time.monotonic() < deadline, f"waited for {what}\n{self._tail()}"
            time.sleep(0.3)

    def until_run(self, number: int) -> dg.DagsterRun:
        """The run of this number, counted from 1, once it has ended."""
        self.until(
            f"run {number}", lambda: len(self.runs()) >= number and self.runs()[number - 1].is_finished
        )
        return self.runs()[number - 1]

    def until_begun(self, number: int) -> None:
        """Until a process makes the run of this number.

        A daemon that dies while it starts that process leaves a run that Dagster starts never.
        """
        waiting = {dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING}
        self.until(
            f"the beginning of run {number}",
            lambda: len(self.runs()) >= number and self.runs()[number - 1].status not in waiting,
        )

    def until_looked(self) -> str:
        """What the sensor says of the second of two ticks that began from now on."""
        before = self._ticks()
        after = before[0].tick_id if before else "0"

        def looked() -> bool:
            new = [each for each in self._ticks() if int(each.tick_id) > int(after)]
            return sum(each.status is not TickStatus.STARTED for each in new) >= 2

        self.until("two ticks", looked)
        last = next(each for each in self._ticks() if each.status is not TickStatus.STARTED)
        return str(last.skip_reason or last.error)

    def made(self, run: dg.DagsterRun) -> set[str]:
        """The views of which a run made a result."""
        records = self.instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        keys = [each.event_log_entry.asset_materialization for each in records]
        return {each.asset_key.to_user_string() for each in keys if each is not None}

    def _ticks(self) -> list[InstigatorTick]:
        """The sensor's ticks, the newest first."""
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        for state in states:
            if state.instigator_name == "dfplan_drift":
                return list(self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=20))
        return []

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        daemon.instance.dispose()


@pytest.mark.slow
def test_a_daemon_runs_what_must_run_and_nothing_twice(daemon: Daemon) -> None:
    nation = daemon.shop / "data/nation.csv"
    best = daemon.shop / "views/marts/best.sql"

    # Nothing ever ran: one run of everything.
    first = daemon.until_run(1)
    assert first.is_success
    assert daemon.made(first) == {"revenue", "best", "mart/cheap"}
    assert "Nothing is stale" in daemon.until_looked()

    # A source changed: one run of what reads it, and of what lies behind.
    nation.write_text("key,name\n1,FR\n2,DE\n3,IT\n", encoding="utf-8")
    second = daemon.until_run(2)
    assert second.is_success
    assert daemon.made(second) == {"revenue", "best"}
    assert second.tags["dfplan/stale"] == "true"

    # Only a comment changed: no run.
    query = best.read_text(encoding="utf-8")
    best.write_text(f"-- the best\n{query}", encoding="utf-8")
    assert "Nothing is stale" in daemon.until_looked()

    # Its meaning changed on the disk: one run of it, with no code location loaded again.
    query = query.replace("limit 1", "limit 2")
    best.write_text(query, encoding="utf-8")
    third = daemon.until_run(3)
    assert third.is_success
    assert daemon.made(third) == {"best"}
    assert "Nothing is stale" in daemon.until_looked()

    # A view fails: its run is shown as failed, tried again, and not hidden by its run key.
    best.write_text(query.replace("order by", "where 1 / (octet_length(name) - 2) > 0 order by"))
    fourth = daemon.until_run(4)
    assert fourth.status is dg.DagsterRunStatus.FAILURE
    assert daemon.made(fourth) == set()

    # Its correction is another change, though the meaning is one that was there before: nothing ran since.
    best.write_text(query, encoding="utf-8")
    looked = daemon.until_looked()
    assert "Nothing is stale" in looked, looked
    ended = len(daemon.runs())

    # The daemon dies while it makes a run of a change, and comes back: that change has one run.
    nation.write_text("key,name\n1,FR\n2,DE\n", encoding="utf-8")
    daemon.until_begun(ended + 1)
    daemon.stop(signal.SIGKILL)
    daemon.start()
    last = daemon.until_run(ended + 1)
    assert last.is_success
    assert daemon.made(last) == {"revenue", "best"}
    assert "Nothing is stale" in daemon.until_looked()

    # An ordinary restart runs nothing.
    daemon.stop()
    daemon.start()
    assert "Nothing is stale" in daemon.until_looked()
    assert len(daemon.runs()) == ended + 1


MONTH = "partitions: {by: order_date, every: day, from: 2024-01-01, to: 2024-01-31}"


def write_month(folder: Path) -> Path:
    """A month of days, of which one run makes as many as are asked for, and what reads them."""
    daily = DAILY.replace(DAILY.splitlines()[1], f"{MONTH}\nbackfill: single_run")
    root = write_daily(folder, {"whole": WHOLE}, daily)
    write_orders(root, [(f"2024-01-{day:02}", day) for day in range(1, 31)])
    return root


@pytest.mark.slow
def test_a_backfill_of_a_month_and_what_the_sensor_makes_of_it(tmp_path: Path) -> None:
    """As a user launches it: the backfill makes the days, then the sensor runs what reads them."""
    daemon = Daemon(tmp_path, write_month(tmp_path / "shop"))
    key = dg.AssetKey("daily")
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="january",
        asset_graph=project_definitions(plan_of(daemon.shop)).resolve_asset_graph(),
        partition_names=[f"2024-01-{day:02}" for day in range(1, 31)],
        asset_selection=[key],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=daemon.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    try:
        daemon.start()
        assert "What waits for a backfill: daily: never ran" in daemon.until_looked()

        daemon.instance.add_backfill(backfill)
        first = daemon.until_run(1)
        assert first.is_success
        assert first.tags["dagster/backfill"] == "january"
        assert len(daemon.instance.get_materialized_partitions(key)) == 30
        second = daemon.until_run(2)
        assert second.is_success
        assert daemon.made(second) == {"whole"}
        assert "Nothing is stale" in daemon.until_looked()

        # All days read the source: one run makes them all, and what reads them.
        write_orders(daemon.shop, [("2024-01-15", 1)])
        third = daemon.until_run(3)
        assert third.is_success
        assert daemon.made(third) == {"daily", "whole"}
        assert "Nothing is stale" in daemon.until_looked()
        assert len(daemon.runs()) == 3
    finally:
        daemon.stop()
        daemon.instance.dispose()


_TICK = """
import logging, signal, sys, time
import dagster as dg
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.sensor import execute_sensor_iteration

dies_at = sys.argv[1]
flags = {"dfplan_drift": {dies_at: signal.SIGKILL}} if dies_at else None
# In this process: a server of the code, which takes longest to start, has no part in what dies here.
target = LoadableTargetOrigin(module_name="dfplan_assets.definitions")
location = InProcessTestWorkspaceLoadTarget(InProcessCodeLocationOrigin(target))
with dg.DagsterInstance.get() as instance:
    with create_test_daemon_workspace_context(location, instance) as workspace:
        for _ in range(2):
            time.sleep(1.1)  # the sensor looks once a second
            log = logging.getLogger("tick")
            list(execute_sensor_iteration(workspace, log, None, None, debug_crash_flags=flags))
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["TICK_CREATED", "RUN_IDS_RESERVED", "RUN_CREATED", "RUN_LAUNCHED"])
def test_a_daemon_that_dies_within_a_tick_leaves_one_run_for_a_change(tmp_path: Path, place: str) -> None:
    """What lies behind is Dagster's own iteration over sensors, killed where it lets tests do so."""
    daemon = Daemon(tmp_path)

    def ticks(dies_at: str) -> int:
        # Into a file: whoever reads a pipe waits for the code server too, which outlives a killed parent.
        with (tmp_path / "ticks.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-c", _TICK, dies_at],
                env=daemon.environment,
                cwd=tmp_path,
                stdout=log,
                stderr=log,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        return done.returncode

    try:
        assert ticks(place) == -signal.SIGKILL
        assert ticks("") == 0
        assert [run.status for run in daemon.runs()] == [dg.DagsterRunStatus.QUEUED]
    finally:
        daemon.instance.dispose()
