"""What a step costs beyond its COPY: 1,000 trivial views, in two threads of one process and in-process.

A step is the time from creating the run to its end over the number of views, less the bare loop of the
same COPY statements; so it counts the events that Dagster stores of what the run intends to make. Each
run has an instance of its own: that of ``dfplan run``, or one that Dagster opens by itself on an empty
folder, as for a run launched from the UI. The breakdown comes from one more run, with clocks around its
parts. It counts CPU time, since what several threads wait for lies beside each other.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import dagster as dg

from benchmarks.clocks import clocks
from benchmarks.generated import write_project
from benchmarks.materialising import bare_loop
from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.run_creation import create_run, run_events, run_job
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Scheduling

ROUNDS = 3
LIMIT_MS = 30.0
_MATERIALISE = "dfplan_assets.execution.materialise"
_PARTS = {
    "creating the run": "benchmarks.steps:create_run",
    "storing events": "dfplan_assets.orchestration.sqlite_events:PooledEventLogStorage.store_event",
    "telemetry": "dagster._core.execution.api:log_dagster_event",
    "versions of inputs": (
        "dagster._core.execution.context.data_version_cache:"
        "DataVersionCache.fetch_external_input_asset_version_info"
    ),
    "capturing the plan": f"{_MATERIALISE}:capture",
    "validating Substrait": f"{_MATERIALISE}:validate",
    "plan store": "dfplan_assets.store.recorder:Recorder.record",
    "publishing": "dfplan_assets.execution.warehouse:Warehouse.publish",
    "metadata": "dfplan_assets.orchestration.step_results:run_metadata",
}
_OpenInstance = Callable[[Path], AbstractContextManager[dg.DagsterInstance]]


def main() -> None:
    """Prints the overhead of a step for each way of running, and where it goes."""
    count = int(os.environ.get("DFPLAN_BENCH_VIEWS", "1000"))
    os.environ.pop("DAGSTER_HOME", None)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "trivial"
        write_project(root, {f"view_{number}": f"select {number} as n" for number in range(count)}, {})
        plan = plan_project(load_project(root))
        plan = replace(plan, project=replace(plan.project, scheduling=Scheduling(max_concurrent=2)))
        print(f"overhead of a step: {count:,} trivial views, at most {LIMIT_MS:.0f} ms beyond the bare COPY")
        _step_ms(plan, "first", open_instance)  # imports and first use are no cost of a step
        ways: dict[str, tuple[dg.ExecutorDefinition | None, _OpenInstance]] = {
            "two threads": (None, open_instance),
            "two threads, as launched from the UI": (None, _dagsters_own),
            "in-process": (dg.in_process_executor, open_instance),
        }
        overhead: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(ROUNDS):
            bare = 1000 * bare_loop(plan, Path(folder) / f"bare{number}") / count
            print(f"  round {number + 1}: bare COPY {bare:.1f} ms")
            for way, (executor, instance) in ways.items():
                step = _step_ms(plan, f"{number} {way}", instance, executor)
                overhead[way].append(step - bare)
                print(f"    {way}: step {step:.1f} ms, overhead {step - bare:.1f} ms")
        for way, each in overhead.items():
            print(f"  overhead, {way}: median {statistics.median(each):.1f} ms")
        before = os.times()
        with clocks(_PARTS) as found:
            _step_ms(plan, "clocks", open_instance)
        after = os.times()
        cpu = after.user + after.system - before.user - before.system
        print(f"  CPU time of a step in all threads: {1000 * cpu / count:.1f} ms, of which")
        for part, clock in found.items():
            print(
                f"    {part:<21} {1000 * clock.cpu_seconds / count:6.2f} ms, {clock.calls / count:.1f} calls"
            )


def _step_ms(
    plan: ProjectPlan, name: str, instance_in: _OpenInstance, executor: dg.ExecutorDefinition | None = None
) -> float:
    """A whole run in an instance of its own: milliseconds a view."""
    definitions = run_definitions(plan, DfplanTranslator())
    if executor is not None:
        definitions = dg.Definitions(assets=definitions.assets, executor=executor)
    job = run_job(definitions, {dg.AssetKey(view) for view in plan.views})
    with instance_in(plan.project.root / name) as instance:
        started = time.perf_counter()
        run = create_run(instance, job)
        for _ in run_events(instance, job, run):
            pass
        seconds = time.perf_counter() - started
        finished = instance.get_run_by_id(run.run_id)
        assert finished is not None
        assert finished.is_success
    return 1000 * seconds / len(plan.views)


def _dagsters_own(home: Path) -> AbstractContextManager[dg.DagsterInstance]:
    home.mkdir()
    return dg.DagsterInstance.from_config(str(home))
