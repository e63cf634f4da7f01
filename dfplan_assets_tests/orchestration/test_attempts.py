from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.orchestration.assets import view_assets
from dfplan_assets.orchestration.runner import Attempt, Made, ProjectRunner, Reused
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.store import open_store
from dfplan_assets_tests.small_projects import plan_of, write_shop


def test_a_step_that_dagster_retries_asks_for_the_next_attempt_of_the_same_run(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    runner = ProjectRunner(plan)
    asked: list[Attempt] = []

    def make(attempt: Attempt) -> Made | Reused:
        asked.append(attempt)
        if len(asked) < 3:
            raise dg.RetryRequested(max_retries=5)
        return runner(attempt)

    job = dg.Definitions(
        assets=view_assets(plan, DfplanTranslator(), make)
    ).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("revenue")])
    assert asked == [Attempt("revenue", result.run_id, number) for number in (1, 2, 3)]
    with open_store(plan.project.store) as store:
        assert store.runs("revenue")[["attempt", "dagster_run_id"]].to_numpy().tolist() == [
            [3, result.run_id]
        ]


def test_an_attempt_is_recorded_with_its_number_and_partition_whether_it_fails_or_not(tmp_path: Path) -> None:
    parts = "/* ---\npartitions: {by: id, values: ['1', '2']}\n--- */ "
    sql = "from orders where cast(id as varchar) = $partition_key"
    plan = plan_of(
        write_shop(
            tmp_path,
            whole=f"{parts} select cast(id as varchar) as id, price {sql}",
            broken=f"{parts} select cast(id as varchar) as id, 1 / (id - 2) as x {sql}",
        )
    )
    runner = ProjectRunner(plan)
    runner(Attempt("whole", "run", number=2, partition_key="1"))
    with pytest.raises(ExecutionError):
        runner(Attempt("broken", "run", number=4, partition_key="2"))
    with open_store(plan.project.store) as store:
        latest = store.latest_runs(["whole", "broken"])
    assert {view: (run.status, run.attempt, run.partition_key) for view, run in latest.items()} == {
        "whole": ("succeeded", 2, "1"),
        "broken": ("failed", 4, "2"),
    }
