"""``python -m benchmarks.daemon_day``: a day with the daemon, in which the demo is changed as a user would.

A copy of the demo (scale 0.01) with its drift sensor on, under ``dagster dev``: a changed source, a changed
view, a changed comment, a view that fails and its correction, a backfill of thirty days, a late order, and
a restart. Nothing is asserted: it prints what the sensor said and what each run made.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from dfplan_assets_tests.browser.server import Server, copy_demo, dagster_dev

_SENSOR = "\ndrift_sensor: {every: 5s, status: running}\n"
_LAST = ("1998-07-04", "1998-08-02")
_TICKS = """query ($where: SensorSelector!) { sensorOrError(sensorSelector: $where) { ... on Sensor {
    sensorState { ticks(limit: 100) { tickId timestamp status skipReason runIds error { message } } } } } }"""
_RUNS = """{ runsOrError { ... on Runs { results { runId status startTime endTime
    assetMaterializations { partition assetKey { path } } } } } }"""
_BACKFILL = """mutation ($names: [String!]!) { launchPartitionBackfill(backfillParams: {
    assetSelection: [{path: ["daily_revenue"]}], partitionNames: $names }) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"
_QUIET_TICKS = 2
_NAMED = 10


class Day:
    """What is told so far: every tick and run is told once."""

    def __init__(self, server: Server, told: set[str]) -> None:
        self.server = server
        self._told = told

    @contextmanager
    def hour(self, what: str) -> Iterator[None]:
        """Tell of one change, and of all that follows until the sensor finds nothing to do any more."""
        print(f"\n== {what}", flush=True)
        began = time.time()
        yield
        self.server.until("a quiet sensor", lambda: self._quiet(began) or None)
        self._tell(began)

    def _ticks(self) -> list[dict[str, Any]]:
        where = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "dfplan_assets.definitions",
            "sensorName": "dfplan_drift",
        }
        found: list[dict[str, Any]] = self.server.ask(_TICKS, where=where)["sensorOrError"]["sensorState"][
            "ticks"
        ]
        return found

    def _runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.ask(_RUNS)["runsOrError"]["results"]
        return found

    def _quiet(self, began: float) -> bool:
        """Whether the newest ticks since then asked for nothing, and began after the last run had ended."""
        runs = self._runs()
        if any(run["endTime"] is None for run in runs):
            return False
        since = max([began, *(run["endTime"] for run in runs)])
        ticks = [tick for tick in self._ticks() if tick["timestamp"] > since and tick["status"] != "STARTED"]
        return len(ticks) >= _QUIET_TICKS and not any(tick["runIds"] for tick in ticks[:_QUIET_TICKS])

    def _tell(self, began: float) -> None:
        said = ""
        for tick in reversed(self._ticks()):
            reason = tick["skipReason"] or (tick["error"] or {}).get("message") or "asked for a run"
            if tick["status"] == "STARTED":
                continue
            if tick["tickId"] not in self._told and tick["timestamp"] > began and reason != said:
                print(f"{tick['timestamp'] - began:6.1f} s  tick {tick['status'].lower()}: {reason}")
                said = reason
            self._told.add(tick["tickId"])
        for run in reversed(self._runs()):
            if run["runId"] in self._told:
                continue
            self._told.add(run["runId"])
            took = run["endTime"] - run["startTime"]
            ended = run["endTime"] - began
            print(f"{ended:6.1f} s  run {run['status'].lower()} in {took:.1f} s: {_made(run)}")
        sys.stdout.flush()


def _made(run: dict[str, Any]) -> str:
    """What a run has made: the views by name where they are few, those with partitions always."""
    made = Counter("/".join(each["assetKey"]["path"]) for each in run["assetMaterializations"])
    of_partitions = [f"{name} ({count} partitions)" for name, count in made.items() if count > 1]
    whole = sorted(name for name, count in made.items() if count == 1)
    shown = whole if len(whole) <= _NAMED else [f"{len(whole)} views"]
    return ", ".join([*shown, *of_partitions]) or "nothing"


def main() -> None:
    """Live through the day."""
    with tempfile.TemporaryDirectory() as folder:
        project, home = copy_demo(Path(folder) / "shop", "0.01"), Path(folder) / "home"
        with (project / "dfplan.yaml").open("a", encoding="utf-8") as file:
            file.write(_SENSOR)
        told: set[str] = set()
        with dagster_dev(project, home) as server:
            _live(Day(server, told), project)
        with dagster_dev(project, home) as server, Day(server, told).hour("dagster dev is started again"):
            pass


def _live(day: Day, project: Path) -> None:
    monthly_sales = project / "views/marts/sales/monthly_sales.sql"
    export_markets = project / "views/marts/supply/export_markets.sql"
    wrong = "cast(markets.nation_name as bigint) as nation_name,\n"
    with day.hour("dagster dev is started; nothing has run yet"):
        pass
    with day.hour("a changed source: targets.arrow, all targets doubled"):
        _double_targets(project / "data/targets.arrow")
    with day.hour("a changed view: monthly_sales averages four months instead of three"):
        _edit(monthly_sales, "rows between 2 preceding", "rows between 3 preceding")
    with day.hour("a changed comment: export_markets"):
        _edit(export_markets, "are no export markets.", "are left out.")
    with day.hour("a view that fails: export_markets casts a name to a number"):
        _edit(export_markets, "markets.nation_name,\n", wrong)
    with day.hour("its correction"):
        _edit(export_markets, wrong, "markets.nation_name,\n")
    with day.hour("a backfill of daily_revenue over thirty days, as the UI launches it"):
        _backfill(day.server)
    with day.hour("a late order: one more in orders.parquet, on the last day"):
        _add_order(project / "data")


def _edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise SystemExit(f"{file}: {before!r} does not stand there once")
    file.write_text(text.replace(before, after), encoding="utf-8")


def _double_targets(file: Path) -> None:
    targets = ipc.open_file(file).read_all()
    place = targets.schema.get_field_index("target_revenue")
    doubled = pc.multiply(targets[place], pa.scalar(2)).cast(targets.schema.field(place).type)
    with ipc.new_file(file, targets.schema) as writer:
        writer.write_table(targets.set_column(place, "target_revenue", doubled))


def _backfill(server: Server) -> None:
    first = datetime.date.fromisoformat(_LAST[0])
    days = [str(first + datetime.timedelta(days=day)) for day in range(30)]
    done = server.ask(_BACKFILL, names=days)["launchPartitionBackfill"]
    if "backfillId" not in done:
        raise SystemExit(str(done))

    def ended() -> str | None:
        status: str = server.ask(_BACKFILLS)["partitionBackfillsOrError"]["results"][0]["status"]
        return None if status in {"REQUESTED", "COMPLETING"} else status

    print(f"backfill {done['backfillId']}: {server.until('the backfill', ended)}")


def _add_order(data: Path) -> None:
    orders = pq.read_table(data / "orders.parquet")
    days = orders["o_orderdate"]
    newest = orders.slice(pc.index(days, pc.max(days)).as_py(), 1)
    key = pa.array([pc.max(orders["o_orderkey"]).as_py() + 1], orders.schema.field("o_orderkey").type)
    late = newest.set_column(
        orders.schema.get_field_index("o_orderkey"), orders.schema.field("o_orderkey"), key
    )
    pq.write_table(pa.concat_tables([orders, late]), data / "orders.parquet")


if __name__ == "__main__":
    main()
