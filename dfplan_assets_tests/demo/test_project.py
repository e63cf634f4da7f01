"""What the demo's project is made of, and that its results do not depend on how it is run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets_tests.demo import warehouse
from dfplan_assets_tests.demo.warehouse import Warehouse

EMPTY_WHEN_ALL_IS_WELL = {"reconciliation"}


def test_each_view_says_what_it_is_and_whose() -> None:
    for view in warehouse.read_views().values():
        assert view.options["description"], view.name
        assert view.options["owners"], view.name
        assert view.options["tags"], view.name


def test_there_are_at_least_thirty_views_in_five_layers() -> None:
    views = warehouse.read_views()
    layers = {view.path.relative_to(warehouse.PROJECT / "views").parts[0] for view in views.values()}
    assert len(views) >= 30
    assert layers == {"staging", "intermediate", "core", "marts", "reports"}


def test_the_longest_chain_of_views_has_at_least_five_links(demo: Warehouse) -> None:
    views = demo.results.keys()

    def length(view: str) -> int:
        return 1 + max((length(table) for table in demo.tables[view] if table in views), default=0)

    assert max(length(view) for view in views) >= 5


def test_every_source_is_read(demo: Warehouse) -> None:
    assert set(warehouse.settings()["sources"]) <= set().union(*demo.tables.values())


def test_only_the_reconciliation_is_empty(demo: Warehouse) -> None:
    assert {name for name, table in demo.results.items() if table.num_rows == 0} == EMPTY_WHEN_ALL_IS_WELL


def test_columns_have_names_of_their_own_and_types_that_parquet_holds(demo: Warehouse) -> None:
    for name, table in demo.results.items():
        assert len(set(table.schema.names)) == table.num_columns, name
        assert not any(pa.types.is_interval(field.type) for field in table.schema), name


@pytest.mark.parametrize("target_partitions", [1, 3])
def test_the_number_of_partitions_changes_no_result(
    project: Path, demo: Warehouse, target_partitions: int
) -> None:
    other = warehouse.run(project, target_partitions=target_partitions)
    assert other.results.keys() == demo.results.keys()
    for name in demo.results:
        assert sorted(map(repr, other.rows(name))) == sorted(map(repr, demo.rows(name))), name


def test_a_wrong_figure_turns_up_in_the_reconciliation(project: Path) -> None:
    again = warehouse.run(project, target_partitions=1)
    again.context.deregister_table("monthly_sales")
    warehouse.register(again.context, "monthly_sales", again.results["monthly_sales"].slice(1))
    found = again.context.sql(warehouse.read_views()["reconciliation"].sql).to_pylist()
    assert [row["figure"] for row in found] == ["revenue by month"]
    assert found[0]["difference"] == -again.rows("monthly_sales")[0]["net_amount"]  # type: ignore[operator]
