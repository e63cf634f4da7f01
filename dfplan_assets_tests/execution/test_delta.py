"""Views over Delta tables: run, captured, and of one identity whatever files the table has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import SourceError
from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.planning.physical_text import normalised_physical_plan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project.model import Planning, Source
from dfplan_assets_tests.execution.projects import run
from dfplan_assets_tests.execution.test_inlining import project

deltalake = pytest.importorskip("deltalake")

QUERY = "select day, sum(amount) as total from sales where amount > 5 group by day"


def append(folder: Path, day: str, *amounts: int, partitioned: bool = True) -> None:
    deltalake.write_deltalake(
        folder / "sales",
        pa.table({"day": [day] * len(amounts), "amount": list(amounts)}),
        mode="append",
        partition_by=["day"] if partitioned else None,
    )


def materialised(
    folder: Path,
    stored: str = QUERY,
    *,
    version: int | None = None,
    validate: Literal["off", "decode", "execute"] = "decode",
    **virtual: str,
) -> Materialisation:
    declared = replace(
        project(folder, {"out": stored}, virtual),
        sources={"sales": Source("sales", f"{folder}/sales/", "delta", {}, None, version)},
        planning=Planning("required", validate, False),
    )
    return run(plan_project(declared), "out")


def rows(done: Materialisation) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(done.publication.files[0]).to_pylist()
    return sorted(found, key=str)


def physical(bundle: PlanBundle) -> str:
    return bundle.identity.parts["physical"]


@pytest.mark.parametrize("partitioned", [True, False])
def test_a_view_over_a_delta_table_runs_and_has_a_whole_bundle(tmp_path: Path, partitioned: bool) -> None:
    append(tmp_path, "mon", 1, 10, 20, partitioned=partitioned)
    append(tmp_path, "tue", 7, partitioned=partitioned)
    done = materialised(tmp_path)
    assert rows(done) == [{"day": "mon", "total": 30}, {"day": "tue", "total": 7}]
    assert rows(materialised(tmp_path, version=0)) == [{"day": "mon", "total": 30}]
    bundle = done.bundle
    assert bundle.lineage.tables == ("sales",)
    assert bundle.substrait.validation.outcome == "matches"
    scans = [each.scan for each in bundle.topology if each.scan is not None]
    assert sum(len(scan.files) for scan in scans) == 2
    assert all(scan.filters == "amount@0 > 5" or scan.filters == "amount@1 > 5" for scan in scans)


def test_the_substrait_message_tells_of_the_table_and_not_of_its_files(tmp_path: Path) -> None:
    append(tmp_path, "mon", 1, 10)
    before = materialised(tmp_path).bundle
    append(tmp_path, "tue", 7)
    after = materialised(tmp_path).bundle
    assert before.substrait.message == after.substrait.message
    assert b"sales" in (after.substrait.message or b"")
    assert before.identity.fingerprint == after.identity.fingerprint


@pytest.mark.parametrize(
    "query", [QUERY, "select unnest([s.amount]) as a from sales s join sales t using (day)"]
)
def test_the_message_gives_the_same_rows_when_it_is_run(tmp_path: Path, query: str) -> None:
    append(tmp_path, "mon", 1, 10, 20)
    append(tmp_path, "tue", 7)
    validation = materialised(tmp_path, query, validate="decode").bundle.substrait.validation
    assert validation.outcome == "matches", validation


def test_executing_the_message_of_a_plain_query_gives_its_rows(tmp_path: Path) -> None:
    append(tmp_path, "mon", 1, 10, 20)
    append(tmp_path, "tue", 7)
    validation = materialised(tmp_path, validate="execute").bundle.substrait.validation
    assert validation.outcome == "matches", validation


@pytest.mark.parametrize(
    "query", [QUERY, "select * from sales", "select sum(amount) as n from sales where day <> 'x'"]
)
def test_more_partitions_are_the_same_physical_plan(tmp_path: Path, query: str) -> None:
    append(tmp_path, "mon", 1, 10)
    append(tmp_path, "tue", 7)
    before = materialised(tmp_path, query).bundle
    append(tmp_path, "wed, a = b", 8, 9)
    append(tmp_path, "thu", 8, 9)
    after = materialised(tmp_path, query).bundle
    assert physical(before) == physical(after), (
        normalised_physical_plan(before.physical_plan, folded=False),
        normalised_physical_plan(after.physical_plan, folded=False),
    )


def test_a_union_with_another_table_keeps_its_own_branches(tmp_path: Path) -> None:
    query = "select 'x' as day, 1 as amount union all select * from sales union all select 'y', 2"
    append(tmp_path, "mon", 1, 10)
    append(tmp_path, "tue", 7)
    before = materialised(tmp_path, query).bundle
    append(tmp_path, "wed", 8, 9)
    after = materialised(tmp_path, query).bundle
    text = normalised_physical_plan(after.physical_plan, folded=False)
    assert text == normalised_physical_plan(before.physical_plan, folded=False)
    assert (text.count("DataSourceExec"), text.count("PlaceholderRowExec")) == (1, 2)


def test_an_inlined_view_over_a_delta_table_prunes_its_partitions(tmp_path: Path) -> None:
    append(tmp_path, "mon", 1, 10)
    append(tmp_path, "tue", 7)
    done = materialised(
        tmp_path, "select amount from recent where day = 'tue'", recent="select * from sales where amount > 2"
    )
    assert rows(done) == [{"amount": 7}]
    assert done.bundle.substrait.validation.outcome == "matches"
    scans = [each.scan for each in done.bundle.topology if each.scan is not None]
    assert ["day=tue" in file for scan in scans for file in scan.files] == [True]


def test_a_table_whose_columns_changed_after_planning_is_an_error(tmp_path: Path) -> None:
    append(tmp_path, "mon", 1)
    source = Source("sales", f"{tmp_path}/sales/", "delta", {}, None)
    plan = plan_project(replace(project(tmp_path, {"out": QUERY}, {}), sources={"sales": source}))
    more = pa.table({"day": ["tue"], "amount": [2], "more": [1.5]})
    deltalake.write_deltalake(tmp_path / "sales", more, mode="append", schema_mode="merge")
    with pytest.raises(
        SourceError, match=r"the columns of source sales .* changed after the project was read"
    ):
        run(plan, "out")


def test_a_damaged_log_stops_its_own_views_alone(tmp_path: Path) -> None:
    append(tmp_path, "mon", 1)
    (tmp_path / "sales/_delta_log/00000000000000000000.json").write_text("no log")
    source = Source("sales", f"{tmp_path}/sales/", "delta", {}, None)
    views = {"out": QUERY, "other": "select 1 as x"}
    plan = plan_project(replace(project(tmp_path, views, {}), sources={"sales": source}))
    assert set(plan.views) == {"other"}
    assert "the log of the Delta table" in plan.unplanned["out"].error.cause
