from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop


def test_the_graph_is_a_document(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    views = dfplan_json("--project", write_shop(tmp_path), "plan")["views"]
    assert {name: view["tables"] for name, view in views.items()} == {
        "revenue": ["nation", "orders"],
        "best": ["revenue"],
        "mart.cheap": ["orders"],
    }


def test_the_graph_has_a_line_for_each_view(tmp_path: Path, dfplan: Dfplan) -> None:
    heading, *lines = dfplan("--project", write_shop(tmp_path), "plan").stdout.splitlines()
    assert heading.split() == ["view", "group", "state", "reads", "why", "stale", "because"]
    assert sorted(lines) == [
        "best        marts    new    revenue              never ran; upstream revenue is stale",
        "mart.cheap  staging  new    orders               never ran",
        "revenue     marts    new    nation, orders       never ran",
    ]


def test_one_view_comes_with_its_whole_logical_plan(tmp_path: Path, dfplan: Dfplan) -> None:
    many = ", ".join(f"{n} as n{n}" for n in range(2000))
    shop = write_shop(tmp_path, wide=f"select {many} from orders")
    text = dfplan("--project", shop, "plan", "wide").stdout
    assert "Int64(1999) AS n1999\n  TableScan: orders\n" in text
