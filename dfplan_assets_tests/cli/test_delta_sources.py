"""A Delta table as a user has it: declared by its folder, run, read back in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import plan_of, write_project

deltalake = pytest.importorskip("deltalake")

VIEWS = {"total.sql": "select sum(price) as total from orders where day > 'a'"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project over a Delta table with two versions, declared by nothing but its folder."""
    for day, price in (("mon", 10.0), ("tue", 5.0)):
        content = pa.table({"day": [day], "price": [price]})
        deltalake.write_deltalake(tmp_path / "data/orders", content, mode="append", partition_by=["day"])
    return write_project(tmp_path, VIEWS, {"orders": "data/orders"})


def total(shop: Path, dfplan_json: Callable[..., Any]) -> float:
    [file] = dfplan_json("--project", shop, "path", "total")["files"]
    return float(pq.read_table(file).column("total")[0].as_py())


def test_the_latest_version_or_a_named_one_is_run(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    assert dfplan_json("--project", shop, "run")["success"]
    assert total(shop, dfplan_json) == 15.0
    write_project(shop, {}, {"orders": {"path": "data/orders", "version": 0}})
    assert dfplan_json("--project", shop, "run")["success"]
    assert total(shop, dfplan_json) == 10.0
    assert dfplan_json("--project", shop, "plan")["views"]["total"]["state"] == "unchanged"
    found = dfplan_json("--project", shop, "show", "total")
    assert found["substrait"]["validation"]["outcome"] == "matches"
    assert found["topology"]["figures"]["scan_files"] == 1


def test_a_version_that_is_not_there_is_an_input_error(shop: Path, dfplan: Dfplan) -> None:
    write_project(shop, {}, {"orders": {"path": "data/orders", "version": 7}})
    result = dfplan("--project", shop, "plan")
    assert result.exit_code == 2
    assert "source orders: the Delta table at" in result.stderr
    assert "has no version 7, the latest is 1" in result.stderr


def test_dagster_shows_what_kind_of_table_it_is(shop: Path) -> None:
    write_project(shop, {}, {"orders": {"path": "data/orders", "version": 1}})
    node = project_definitions(plan_of(shop)).resolve_asset_graph().get(dg.AssetKey("orders"))
    assert node.kinds == {"delta"}
    assert node.metadata["dfplan/version"] == dg.MetadataValue.text("1")
