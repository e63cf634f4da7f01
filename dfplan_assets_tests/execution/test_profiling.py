"""A view is measured as it would run, and nothing of it is published."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.analysis import misestimates, walk
from dfplan_assets.execution.profile import ESTIMATED_ROWS, InputSize, OperatorProfile
from dfplan_assets.execution.profiling import Profiled, profile_view
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import parquet, plan_project, run


@pytest.fixture
def numbers(tmp_path: Path) -> Source:
    """1,000 rows in 10 row groups of 100: n counts from 0, tenth is n % 10."""
    path = tmp_path / "numbers.parquet"
    table = pa.table({"n": range(1000), "tenth": [n % 10 for n in range(1000)]})
    pq.write_table(table, path, row_group_size=100)
    return parquet("numbers", path)


def profiled(plan: ProjectPlan, view: str = "v") -> Profiled:
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        return profile_view(plan, view, warehouse, runtime)


def shape(root: OperatorProfile) -> list[tuple[str, int, int | None]]:
    return [(each.name, each.partitions, each.output_rows) for each in walk(root)]


def sources(numbers: Source) -> Mapping[str, Source]:
    return {"numbers": numbers}


@pytest.mark.parametrize(
    "sql",
    [
        "select tenth, sum(n) as total from numbers where n < 500 group by tenth order by tenth desc",
        "select n from numbers order by n limit 5",
        "select a.n from numbers a join numbers b on a.n = b.tenth",
        "select 'a, statistics=[Rows=Exact(7)' as odd, n from numbers where tenth = 3",
        "select 1 as one",
    ],
)
def test_the_plan_that_is_measured_is_that_of_a_run(tmp_path: Path, numbers: Source, sql: str) -> None:
    plan = plan_project(tmp_path, {"v": sql}, sources(numbers))
    found = profiled(plan)
    made = run(plan)
    assert shape(found.profile.root) == shape(made.profile.root)
    assert found.bundle == replace(made.bundle, planning_seconds=found.bundle.planning_seconds)
    assert found.profile.output_rows == made.publication.rows
    assert found.profile.output_bytes > 0
    assert found.inputs == made.inputs
    assert found.profile.wall_seconds > 0


def test_nothing_is_published_and_nothing_left(tmp_path: Path, numbers: Source) -> None:
    plan = plan_project(tmp_path, {"v": "select n from numbers"}, sources(numbers))
    profiled(plan)
    assert Warehouse.of(plan.project).current("v") is None
    assert [path for path in (tmp_path / "warehouse").rglob("*") if path.suffix == ".parquet"] == []
    before = run(plan).publication
    profiled(plan)
    assert Warehouse.of(plan.project).kept("v") == (before,)


def test_the_rows_that_the_planner_expects_are_those_of_its_statistics(
    tmp_path: Path, numbers: Source
) -> None:
    plan = plan_project(tmp_path, {"v": "select n from numbers where n < 200"}, sources(numbers))
    scan = next(each for each in walk(profiled(plan).profile.root) if each.name == "DataSourceExec")
    # The file has 1,000 rows; the last eight row groups are skipped.
    assert (scan.metrics[ESTIMATED_ROWS], scan.output_rows) == (1000, 200)
    assert (scan.metrics["row_groups_pruned"], scan.metrics["row_groups_matched"]) == (8, 2)


def test_a_filter_whose_rows_are_misjudged_is_found(tmp_path: Path, numbers: Source) -> None:
    # Nothing tells the planner that even numbers have even tenths: it expects a fifth of the rows to stay.
    plan = plan_project(
        tmp_path, {"v": "select n from numbers where n % 2 = 0 and tenth % 2 = 1"}, sources(numbers)
    )
    found = misestimates(profiled(plan).profile.root)
    assert "FilterExec" in {each.operator.name for each in found}
    worst = next(each for each in found if each.operator.name == "FilterExec")
    assert (worst.estimated_rows, worst.actual_rows, worst.factor) == (200, 0, 200.0)


def test_a_run_that_publishes_knows_what_the_planner_expected(tmp_path: Path, numbers: Source) -> None:
    plan = plan_project(
        tmp_path, {"v": "select n from numbers where n % 2 = 0 and tenth % 2 = 1"}, sources(numbers)
    )
    done = run(plan)
    found = {each.operator.name: each for each in misestimates(done.profile.root)}
    assert (found["FilterExec"].estimated_rows, found["FilterExec"].actual_rows) == (200, 0)
    # The plans of the bundle are explained as ever.
    assert "statistics=" not in done.bundle.physical_plan


def test_rows_are_counted_where_the_writing_sink_is_not_the_root(tmp_path: Path, numbers: Source) -> None:
    sql = "select n from numbers where n % 100 = 0 and n >= (select max(tenth) from numbers)"
    plan = plan_project(tmp_path, {"v": sql}, sources(numbers))
    expected = [n for n in range(1000) if n % 100 == 0 and n >= 9]
    assert profiled(plan).profile.output_rows == run(plan).publication.rows == len(expected)


def test_upstream_results_are_read_as_they_were_published(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"a": "select 1 as x", "b": "select x + 1 as y from a"})
    upstream = run(plan, "a").publication
    assert profiled(plan, "b").inputs == (InputSize("a", 1, upstream.bytes),)


def test_a_view_that_cannot_run_is_told_as_in_a_run(tmp_path: Path, numbers: Source) -> None:
    failing = plan_project(tmp_path, {"v": "select 1 / (n - 999) as x from numbers"}, sources(numbers))
    with pytest.raises(ExecutionError, match="Divide by zero"):
        profiled(failing)
    waiting = plan_project(tmp_path, {"a": "select 1 as x", "b": "select x from a"})
    shutil.rmtree(tmp_path / "warehouse", ignore_errors=True)
    with pytest.raises(ExecutionError, match="has no published result"):
        profiled(waiting, "b")


def test_secrets_stand_nowhere_in_what_was_measured(tmp_path: Path, numbers: Source) -> None:
    plan = plan_project(
        tmp_path,
        {"v": "select n from numbers where concat('x', tenth) <> $token"},
        sources(numbers),
        params={"token": "s3cr3t-token"},
        secret_params=frozenset({"token"}),
    )
    found = profiled(plan)
    assert "s3cr3t" not in repr(found)
