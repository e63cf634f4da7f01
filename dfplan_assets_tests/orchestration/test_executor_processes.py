"""What takes processes of its own: the multiprocess modes, and a run that is terminated as from the UI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.job_execution_result import JobExecutionResult
from dagster._core.test_utils import create_run_for_test, poll_for_finished_run, poll_for_step_start
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from dfplan_assets.orchestration.executor import build_executor, with_measured_priorities
from dfplan_assets.orchestration.run_order import Orderer, OrderKind
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.project.model import Scheduling
from dfplan_assets_tests.orchestration.jobs import WAIT_SECONDS, ListedOrderer, run_job, states
from dfplan_assets_tests.orchestration.test_runs import _Notes
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

pytestmark = pytest.mark.slow


def first_b(job: dg.JobDefinition, kind: OrderKind) -> Orderer:
    return ListedOrderer(first_to_last="ba")


@dg.op
def step() -> None:
    """Does nothing."""


@dg.graph
def two() -> None:
    for name in "ab":
        step.alias(name)()


own = build_executor(Scheduling(mode="multiprocess", max_concurrent=1), first_b)
dagsters = with_measured_priorities(dg.multiprocess_executor, first_b)
two_in_own = two.to_job("two_in_own", executor_def=own)
two_in_dagsters = two.to_job("two_in_dagsters", executor_def=dagsters)


def mode_multiprocess() -> dg.JobDefinition:
    return two_in_own


def dagsters_multiprocess() -> dg.JobDefinition:
    return two_in_dagsters


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def started(result: JobExecutionResult) -> list[str | None]:
    return [
        event.step_key for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_START
    ]


def test_processes_of_mode_multiprocess_start_in_the_order_given(instance: dg.DagsterInstance) -> None:
    result = run_job(mode_multiprocess, instance)
    assert states(result) == dict.fromkeys("ab", "succeeded")
    assert started(result) == ["b", "a"]
    assert len({event.pid for event in result.all_events if event.is_step_success}) == 2


def test_processes_of_dagsters_multiprocess_executor_start_in_the_order_given(
    instance: dg.DagsterInstance,
) -> None:
    result = run_job(dagsters_multiprocess, instance, {"max_concurrent": 1})
    assert started(result) == ["b", "a"]


def test_the_command_line_runs_a_project_in_processes_where_it_says_so(tmp_path: Path) -> None:
    write_shop(tmp_path)
    settings = (tmp_path / "dfplan.yaml").read_text(encoding="utf-8")
    (tmp_path / "dfplan.yaml").write_text(
        settings[:-1] + ', "scheduling": {"mode": "multiprocess"}}', encoding="utf-8"
    )
    report = run_views(plan_of(tmp_path), "revenue", _Notes())
    assert {name: (outcome.state, outcome.rows) for name, outcome in report.views.items()} == {
        "revenue": ("materialised", 2)
    }


def test_a_run_that_is_terminated_in_the_ui_is_canceled_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    pairs = "generate_series(1, 1000000) a(x) join generate_series(1, 1000000) b(y) on a.x + b.y < 5"
    write_project(
        tmp_path, {"endless.sql": f"select count(*) as n from {pairs}", "next.sql": "select n from endless"}
    )
    monkeypatch.setenv("DFPLAN_PROJECT", str(tmp_path))
    target = ModuleTarget("dfplan_assets.definitions", None, str(Path.cwd()), "project")
    with WorkspaceProcessContext(instance, target) as workspace:
        context = workspace.create_request_context()
        (repository,) = context.code_locations[0].get_repositories().values()
        job = repository.get_full_job("__ASSET_JOB")
        run_id = create_run_for_test(
            instance,
            job.name,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
            asset_graph=repository.asset_graph,
        ).run_id
        instance.launch_run(run_id, context)
        poll_for_step_start(instance, run_id, timeout=WAIT_SECONDS)
        assert instance.run_launcher.terminate(run_id)
        run = poll_for_finished_run(instance, run_id, timeout=WAIT_SECONDS)
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert not (tmp_path / "warehouse" / "endless").exists()
