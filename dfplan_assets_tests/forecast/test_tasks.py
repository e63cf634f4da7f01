from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.forecast.tasks import tasks_of, with_shapes
from dfplan_assets.scheduling.model import PlanShape, Task
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop


def _tasks(folder: Path, *views: str) -> dict[str, Task]:
    plan = plan_of(folder)
    return {task.name: task for task in tasks_of(plan, views or plan.all_views)}


def test_a_task_waits_for_the_views_that_its_plan_reads(tmp_path: Path) -> None:
    tasks = _tasks(write_shop(tmp_path))
    assert {name: task.upstream for name, task in tasks.items()} == {
        "revenue": (),
        "best": ("revenue",),
        "mart.cheap": (),
    }


def test_only_the_views_asked_for_are_tasks(tmp_path: Path) -> None:
    assert set(_tasks(write_shop(tmp_path), "best")) == {"best"}


def test_a_view_that_is_not_stored_is_no_task_and_its_readers_wait_for_what_it_reads(tmp_path: Path) -> None:
    virtual = "/* ---\nmaterialized: view\n--- */\nselect price from {}"
    dear, dearer = virtual.format("orders"), virtual.format("dear join revenue on true")
    tasks = _tasks(write_shop(tmp_path, dear=dear, dearer=dearer, last="select max(price) as p from dearer"))
    assert set(tasks) == {"revenue", "best", "mart.cheap", "last"}
    assert set(tasks["last"].upstream) == {"revenue"}
    assert tasks["last"].input_bytes is None  # revenue has no result yet


def test_input_bytes_are_those_of_all_files_read(tmp_path: Path) -> None:
    tasks = _tasks(write_shop(tmp_path))
    files = [tmp_path / "data" / name for name in ("orders.parquet", "nation.csv")]
    assert tasks["revenue"].input_bytes == sum(file.stat().st_size for file in files)
    assert tasks["best"].input_bytes is None  # revenue has no result yet


def test_the_bytes_of_a_view_are_those_of_its_last_result(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    warehouse = Warehouse.of(plan.project)
    with warehouse.stage("revenue") as stage:
        (stage.folder / "part-0.parquet").write_bytes(b"0123456789")
        warehouse.publish(stage, rows=1)
    assert _tasks(tmp_path)["best"].input_bytes == 10


def test_a_damaged_list_of_results_leaves_the_bytes_unknown(tmp_path: Path) -> None:
    write_shop(tmp_path)
    folder = tmp_path / "warehouse" / "revenue"
    folder.mkdir(parents=True)
    (folder / "published.json").write_text('{"results": [{}]', encoding="utf-8")
    assert _tasks(tmp_path)["best"].input_bytes is None


@pytest.mark.parametrize("path", ["data/part-*.csv", "data/"])
def test_the_files_of_a_folder_or_pattern_count_together(tmp_path: Path, path: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        (data / f"part-{number}.csv").write_text("id\n1\n", encoding="utf-8")
    source: object = {"path": path, "format": "csv"}
    folder = write_project(tmp_path, {"v.sql": "select id from s"}, {"s": source})
    assert _tasks(folder)["v"].input_bytes == 3 * len("id\n1\n")


def test_a_source_elsewhere_has_no_known_size(tmp_path: Path) -> None:
    source: object = {"path": "s3://bucket/orders.parquet", "columns": {"id": "int64"}}
    folder = write_project(tmp_path, {"v.sql": "select id from s"}, {"s": source})
    assert _tasks(folder)["v"].input_bytes is None


def test_a_view_over_a_damaged_source_is_a_task_without_a_fingerprint(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "data" / "orders.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    tasks = _tasks(tmp_path)
    assert set(tasks) == {"revenue", "best", "mart.cheap"}
    assert tasks["revenue"].fingerprint is None


def test_the_authors_priority_is_the_tasks(tmp_path: Path) -> None:
    folder = write_project(tmp_path, {"v.sql": "/* ---\npriority: -2\n--- */ select 1 as x"})
    assert _tasks(folder)["v"].user_priority == -2


def test_the_shape_counts_what_the_plan_does(tmp_path: Path) -> None:
    sql = """
        select o.id, row_number() over (order by o.id) as place
        from orders o join nation n on o.nation_key = n.key
        where o.id in (select max(id) from orders group by nation_key)
        order by o.id
    """
    plan = plan_of(write_shop(tmp_path, shaped=sql))
    (task,) = with_shapes(plan, tasks_of(plan, ["shaped"]), cores=4)
    assert task.shape is not None
    assert task.shape == PlanShape(
        scan_bytes=task.input_bytes,
        scans=3,
        joins=2,  # one of them the subquery
        sorts=1,
        aggregates=1,
        windows=1,
        repartitions=2 * 2 + 1 + 1,
        operators=task.shape.operators,
        partitions=4,
    )
