"""Ordering a run of 5,000 views with 10 past runs each, store reads included.

What the executor waits for when a run begins: the history of all views in one read, an estimate for each,
the order, the predicted timeline, and the page of it. The views are generated, planned and defined as
Dagster assets beforehand; their runs are written into a store of its own.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from benchmarks.generated import planned_only
from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.forecast.measurements import stored_measurements
from dfplan_assets.forecast.prediction import usable_cores
from dfplan_assets.forecast.tasks import tasks_of
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.measured_order import orderer_of
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.store import RunRecord, tables
from dfplan_assets.store.database import open_database
from dfplan_assets.store.rows import rows_of_run
from dfplan_assets.store.run_format import encode_run

VIEWS = 5_000
RUNS = 10
ROUNDS = 5
_FIRST_RUN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def main() -> None:
    """Prints the seconds of the whole order, and of its parts."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/plans.db"
        started = time.perf_counter()
        plan = plan_project(
            replace(planned_only(VIEWS), store=url, root=Path(folder), output=f"{folder}/warehouse")
        )
        write_history(plan, url, RUNS)
        job = project_definitions(plan).resolve_implicit_global_asset_job_def()
        print(f"ordering {VIEWS:,} views with {RUNS} runs each")
        print(f"  start-up apart: planning, history, definitions {time.perf_counter() - started:.0f} s")
        parts: dict[str, list[float]] = {"reading the store": [], "tasks": [], "the whole order": []}
        with dg.DagsterInstance.ephemeral() as instance:
            for _ in range(ROUNDS):
                parts["reading the store"].append(
                    _seconds(lambda: stored_measurements(plan.project, plan.all_views))
                )
                parts["tasks"].append(_seconds(lambda: tasks_of(plan, plan.all_views, usable_cores())))
                parts["the whole order"].append(_seconds(lambda: _order(instance, job)))
        for name, seconds in parts.items():
            print(f"  {name:18} median {statistics.median(seconds):.2f} s, least {min(seconds):.2f} s")


def _order(instance: dg.DagsterInstance, job: dg.JobDefinition) -> None:
    orderer = orderer_of(job, "measured")
    assert orderer is not None
    steps = [node.name for node in job.nodes]
    order = orderer.order(instance, dg.DagsterRun(job.name), job, steps, max_concurrent=4)
    assert len(order.priorities) == len(steps)


def _seconds(do: object) -> float:
    assert callable(do)
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def write_history(plan: ProjectPlan, url: str, runs_each: int) -> None:
    """Past runs of every view, log-normal around a cost of its own, in one transaction."""
    chance = random.Random(4)
    rows: dict[str, list[dict[str, object]]] = {"dfplan_view": [], "dfplan_run": []}
    for name, view in plan.views.items():
        typical = chance.lognormvariate(-2.0, 1.0)
        for number in range(runs_each):
            started_at = _FIRST_RUN + timedelta(hours=number)
            wall = typical * chance.lognormvariate(0.0, 0.1)
            root = OperatorProfile("DataSinkExec", "DataSinkExec", 1, 1, int(wall * 1e9), {}, None, None, ())
            profile = RunProfile(name, started_at, wall, wall, 1, 1, root)
            record = RunRecord(
                view=name,
                status="succeeded",
                started_at=started_at,
                profile=profile,
                fingerprint=view.identity.fingerprint,
                cores=2,
            )
            of_run = rows_of_run(encode_run(record))
            rows["dfplan_run"] += of_run[tables.run]
        rows["dfplan_view"] += of_run[tables.view]
    database = open_database(url)
    with database.writing("making history") as connection:
        connection.execute(database.insert(tables.view), rows["dfplan_view"])
        connection.execute(database.insert(tables.run), rows["dfplan_run"])
    database.close()


if __name__ == "__main__":
    main()
