from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture
def specs(tmp_path: Path) -> dict[str, dg.AssetSpec]:
    definitions = project_definitions(plan_of(write_shop(tmp_path)))
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_each_view_and_each_source_is_an_asset(specs: dict[str, dg.AssetSpec]) -> None:
    assert set(specs) == {"revenue", "best", "mart/cheap", "orders", "nation"}


def test_dependencies_are_the_tables_that_the_plan_reads(specs: dict[str, dg.AssetSpec]) -> None:
    def upstream(key: str) -> set[str]:
        return {dep.asset_key.to_user_string() for dep in specs[key].deps}

    assert upstream("revenue") == {"orders", "nation"}
    assert upstream("best") == {"revenue"}
    assert upstream("mart/cheap") == {"orders"}
    assert upstream("orders") == set()


def test_each_view_has_an_op_of_its_own(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_shop(tmp_path)))
    job = definitions.resolve_implicit_global_asset_job_def()
    assert {node.name for node in job.nodes} == {"revenue", "best", "mart__cheap", "observe_sources"}


def test_sources_are_external_and_observable_and_say_where_they_are(
    tmp_path: Path, specs: dict[str, dg.AssetSpec]
) -> None:
    definitions = project_definitions(plan_of(tmp_path))
    node = definitions.resolve_asset_graph().get(dg.AssetKey("orders"))
    assert (node.is_external, node.is_observable, node.is_materializable) == (True, True, False)
    orders = specs["orders"]
    assert orders.group_name == "sources"
    assert orders.kinds == {"parquet"}
    assert orders.metadata["dagster/uri"].value == str(tmp_path / "data" / "orders.parquet")
    columns = orders.metadata["dagster/column_schema"].schema.columns
    assert [(column.name, column.type) for column in columns] == [
        ("id", "int64"),
        ("price", "double"),
        ("nation_key", "int64"),
    ]


def test_what_the_front_matter_says_is_on_the_asset(specs: dict[str, dg.AssetSpec]) -> None:
    revenue = specs["revenue"]
    assert revenue.group_name == "marts"
    assert list(revenue.owners) == ["team:finance"]
    assert revenue.tags["domain"] == "sales"
    assert revenue.kinds == {"sql", "datafusion"}


def test_the_description_shows_the_query_without_its_front_matter(
    specs: dict[str, dg.AssetSpec],
) -> None:
    assert specs["revenue"].description == (
        "Revenue per nation\n\n"
        "```sql\n"
        "select n.name, sum(o.price) as total\n"
        "from orders o join nation n on o.nation_key = n.key\n"
        "group by n.name\n"
        "```"
    )
    assert specs["mart/cheap"].description == "```sql\nselect id, price from orders where price < 25\n```"


def test_the_code_reference_points_at_the_first_line_of_the_query(
    tmp_path: Path, specs: dict[str, dg.AssetSpec]
) -> None:
    (reference,) = specs["revenue"].metadata["dagster/code_references"].code_references
    assert reference.file_path == str(tmp_path / "views" / "marts" / "revenue.sql")
    lines = Path(reference.file_path).read_text(encoding="utf-8").splitlines()
    assert lines[reference.line_number - 1] == "select n.name, sum(o.price) as total"


def test_columns_have_types_and_say_where_they_come_from(specs: dict[str, dg.AssetSpec]) -> None:
    name, total = specs["revenue"].metadata["dagster/column_schema"].schema.columns
    assert (name.name, total.name, total.type) == ("name", "total", "double")
    assert total.description == "from orders.price (direct)"


def test_what_decides_about_the_rows_is_said_once_for_all_columns(tmp_path: Path) -> None:
    sql = "select id, case when price > 25 then 1 else 0 end as dear from orders where nation_key = 1"
    specs = project_definitions(plan_of(write_shop(tmp_path, some=sql))).resolve_all_asset_specs()
    metadata = next(spec.metadata for spec in specs if spec.key == dg.AssetKey("some"))
    assert metadata["dfplan/rows_decided_by"].value == "orders.nation_key"
    assert [column.description for column in metadata["dagster/column_schema"].schema.columns] == [
        "from orders.id (direct)",
        "decided by orders.price (indirect)",
    ]


def test_an_asset_says_its_table_name_its_place_and_its_plan(
    tmp_path: Path, specs: dict[str, dg.AssetSpec]
) -> None:
    metadata = specs["mart/cheap"].metadata
    assert metadata["dagster/table_name"].value == "mart.cheap"
    assert metadata["dagster/uri"].value == str(tmp_path / "warehouse" / "mart.cheap")
    plan = metadata["dfplan/logical_plan"].value
    assert plan.startswith("```\nProjection: ")
    assert "TableScan: orders" in plan


def _logical_plan_text(folder: Path, sql: str) -> tuple[str, int]:
    """The logical plan of a view of this text as metadata, and the number of its lines in whole."""
    plan = plan_of(write_shop(folder, wide=sql))
    specs = project_definitions(plan).resolve_all_asset_specs()
    (spec,) = (spec for spec in specs if spec.key == dg.AssetKey("wide"))
    return spec.metadata["dfplan/logical_plan"].value, len(plan.views["wide"].logical_plan.splitlines())


def test_a_long_logical_plan_is_cut_and_says_how_to_see_the_rest(tmp_path: Path) -> None:
    text, total = _logical_plan_text(
        tmp_path, " union all ".join(f"select '{'long' * 40}' as a" for _ in range(100))
    )
    kept = len(text.split("```")[1].strip().splitlines())
    assert 10 < kept < total
    assert f"the last {total - kept:,} of {total:,} lines are left out" in text
    assert "`dfplan plan wide` prints the whole plan" in text
    assert len(text) < 20_000


def test_a_wide_logical_plan_is_cut_within_its_lines(tmp_path: Path) -> None:
    text, _ = _logical_plan_text(tmp_path, "select " + ", ".join(f"{n} as n{n}" for n in range(2000)))
    assert "1 long lines are cut" in text
    assert "Projection: " in text
    assert len(text) < 20_000


@pytest.mark.parametrize(
    "views",
    [
        ["a.b", "a__b", "a_b"],
        ["input", "output", "context", "class", "int"],
        ["Quoted Name", "Quoted-Name", "Quoted_Name", "größe"],
        ["1st", "x"],
    ],
)
def test_op_names_are_unique_and_dagster_takes_them(views: list[str]) -> None:
    names = op_names(views)
    assert set(names) == set(views)
    assert len(set(names.values())) == len(views)
    for name in names.values():
        dg.OpDefinition(lambda: None, name)


def test_a_simple_view_keeps_its_name_as_op() -> None:
    assert op_names(["revenue", "mart.orders"]) == {"revenue": "revenue", "mart.orders": "mart__orders"}
