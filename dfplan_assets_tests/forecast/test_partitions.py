"""What is expected of a partition: its own reads, by its own key."""

from __future__ import annotations

from pathlib import Path

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.forecast.tasks import tasks_of
from dfplan_assets.project.partitions import Partition
from dfplan_assets.scheduling.cost_model import estimate
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily
from dfplan_assets_tests.scheduling.samples import past_run
from dfplan_assets_tests.small_projects import plan_of


def test_a_task_knows_its_partition_and_what_it_reads(tmp_path: Path) -> None:
    after = DAILY.replace("from orders", "from daily")
    plan = plan_of(write_daily(tmp_path, {"after": after, "whole": WHOLE}))
    partitions = plan.project.views["daily"].partitions
    assert partitions is not None
    warehouse = Warehouse.of(plan.project)
    for day, size in ((DAYS[0], 7), (DAYS[1], 11)):
        with warehouse.stage("daily", Partition(partitions, day)) as stage:
            (stage.folder / "part-0.parquet").write_bytes(b"x" * size)
            warehouse.publish(stage, rows=1)
    tasks = {task.name: task for task in tasks_of(plan, plan.all_views, DAYS[1])}
    assert {name: task.partition_key for name, task in tasks.items()} == {
        "daily": DAYS[1],
        "after": DAYS[1],
        "whole": None,
    }
    assert (tasks["after"].input_bytes, tasks["whole"].input_bytes) == (11, 18)
    assert [task.partition_key for task in tasks_of(plan, plan.all_views)] == [None] * 3
    (missing,) = tasks_of(plan, ["after"], DAYS[2])
    assert missing.input_bytes is None


def test_a_range_costs_as_many_times_what_one_partition_does(tmp_path: Path) -> None:
    plan = plan_of(write_daily(tmp_path, {"whole": WHOLE}))
    daily, whole = tasks_of(plan, plan.all_views, DAYS[1], DAYS[3])
    assert (daily.times, daily.partition_key, whole.times) == (3, None, 1)
    assert [task.times for task in tasks_of(plan, ["daily"], DAYS[1])] == [1]
    costs = estimate(
        [daily],
        [
            past_run("daily", seconds, fingerprint=daily.fingerprint, partition_key=DAYS[0])
            for seconds in (1.0, 2.0, 3.0)
        ],
        [],
        history_runs=10,
        cores=2,
    )
    assert costs["daily"].seconds == 6.0
    assert costs["daily"].source == "3 partitions, each history n=3, of other partitions"
