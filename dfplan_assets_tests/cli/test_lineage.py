from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop

_REVENUE = {
    "tables": ["nation", "orders"],
    "columns": {
        "name": [
            {"table": "nation", "column": "key", "kind": "indirect"},
            {"table": "nation", "column": "name", "kind": "direct"},
            {"table": "nation", "column": "name", "kind": "indirect"},
            {"table": "orders", "column": "nation_key", "kind": "indirect"},
        ],
        "total": [
            {"table": "nation", "column": "key", "kind": "indirect"},
            {"table": "nation", "column": "name", "kind": "indirect"},
            {"table": "orders", "column": "nation_key", "kind": "indirect"},
            {"table": "orders", "column": "price", "kind": "direct"},
        ],
    },
    "required_columns": {"nation": ["key", "name"], "orders": ["price", "nation_key"]},
    "functions": ["sum"],
}


def test_the_lineage_of_a_view_is_a_document(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    assert dfplan_json("--project", write_shop(tmp_path), "lineage", "revenue") == {
        "views": {"revenue": _REVENUE}
    }


def test_without_a_view_all_are_told_upstream_first(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    views = dfplan_json("--project", write_shop(tmp_path), "lineage")["views"]
    assert set(views) == {"revenue", "best", "mart.cheap"}
    assert list(views).index("revenue") < list(views).index("best")
    assert views["revenue"] == _REVENUE


def test_sources_follows_columns_through_all_views(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    shop = write_shop(tmp_path)
    assert dfplan_json("--project", shop, "lineage", "best", "--sources") == {
        "views": {
            "best": {
                "source_columns": {
                    "name": [
                        {"table": "nation", "column": "key", "kind": "indirect"},
                        {"table": "nation", "column": "name", "kind": "direct"},
                        {"table": "nation", "column": "name", "kind": "indirect"},
                        {"table": "orders", "column": "nation_key", "kind": "indirect"},
                        {"table": "orders", "column": "price", "kind": "indirect"},
                    ]
                }
            }
        }
    }


def test_the_text_has_a_line_for_each_column(tmp_path: Path, dfplan: Dfplan) -> None:
    text = dfplan("--project", write_shop(tmp_path), "lineage", "revenue").stdout
    assert text.splitlines() == [
        "revenue",
        "  reads nation, orders",
        "  calls sum",
        "  column  direct        indirect",
        "  name    nation.name   nation.key, nation.name, orders.nation_key",
        "  total   orders.price  nation.key, nation.name, orders.nation_key",
        "",
    ]


def test_a_table_that_is_named_but_never_read_is_reported(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path, unused="with x as (select * from orders) select 1 as one")
    assert "  names, but does not read orders" in dfplan("--project", shop, "lineage", "unused").stdout
