"""One query, run in two ways: the physical plan alone differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.diff import PlanDifference, difference, facts_of_bundle
from dfplan_assets_tests.planning.diff.bundles import bundle_of
from dfplan_assets_tests.planning.diff.plans import ORDERS, TABLES, planned

PREFIX = "datafusion."
REVENUE = (
    "select n.name, sum(o.price) as total from orders o join nation n on o.nation_key = n.key "
    "where o.price > 1 group by n.name"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A thousand orders of seven nations, as files."""
    folder = tmp_path_factory.mktemp("files")
    rows = range(1000)
    numbers = pa.array([n % 7 for n in rows], pa.int32())
    orders = pa.table({field.name: numbers.cast(field.type) for field in ORDERS}, schema=ORDERS)
    pq.write_table(orders, folder / "orders.parquet")
    nations = {"key": list(range(7)), "name": [f"nation {n}" for n in range(7)]}
    pq.write_table(pa.table(nations, schema=TABLES["nation"]), folder / "nation.parquet")
    return {name: str(Path(folder) / f"{name}.parquet") for name in ("orders", "nation")}


@pytest.fixture(scope="module")
def plan() -> ProjectPlan:
    return planned({"revenue": REVENUE})


def compared(
    plan: ProjectPlan, files: dict[str, str], before: dict[str, str], after: dict[str, str]
) -> PlanDifference:
    """The query under two sets of engine settings."""
    one, other = (
        facts_of_bundle(
            bundle_of(plan, "revenue", files, engine={PREFIX + key: value for key, value in settings.items()})
        )
        for settings in (before, after)
    )
    return difference(one, other)


def test_another_number_of_partitions(plan: ProjectPlan, files: dict[str, str]) -> None:
    found = compared(plan, files, {"execution.target_partitions": "2"}, {"execution.target_partitions": "4"})
    assert found.kind == "physical only"
    assert found.changed_parts == ("physical",)
    assert found.cause == "partitions: 2 → 4; the query is the same"
    assert found.changed_columns == ()


def test_another_join(plan: ProjectPlan, files: dict[str, str]) -> None:
    one = {"execution.target_partitions": "2"}
    found = compared(plan, files, one, {**one, "optimizer.prefer_hash_join": "false"})
    assert found.kind == "physical only"
    assert found.causes[0] == "join of orders and nation turned from hash join to sort merge join"
    assert found.causes[-1] == "the query is the same"
    assert found.physical_tree is not None


def test_another_mode_of_the_same_join(plan: ProjectPlan, files: dict[str, str]) -> None:
    one = {"execution.target_partitions": "2"}
    eager = {
        "optimizer.hash_join_single_partition_threshold": "0",
        "optimizer.hash_join_single_partition_threshold_rows": "0",
    }
    found = compared(plan, files, one, {**one, **eager})
    assert found.kind == "physical only"
    assert found.causes[0].startswith("join of ")
    assert found.causes[0].endswith("one build side for all → partitioned by key")


def test_the_same_plan_over_moved_files_is_identical(
    plan: ProjectPlan, files: dict[str, str], tmp_path: Path
) -> None:
    moved = {}
    for name, path in files.items():
        moved[name] = str(tmp_path / Path(path).name)
        Path(moved[name]).write_bytes(Path(path).read_bytes())
    settings = {PREFIX + "execution.target_partitions": "1"}
    sides = [facts_of_bundle(bundle_of(plan, "revenue", each, engine=settings)) for each in (files, moved)]
    assert difference(*sides).kind == "identical"


def test_a_plan_over_stand_ins_is_not_compared_physically(plan: ProjectPlan, files: dict[str, str]) -> None:
    stored = facts_of_bundle(bundle_of(plan, "revenue", files))
    now = replace(
        stored,
        physical_plan=None,
        identity=plan.views["revenue"].identity,
    )
    found = difference(stored, now)
    assert found.kind == "identical"
    assert found.physical_tree is None
