# No `from __future__ import annotations`: Dagster reads the annotations of assets that are made in functions.
import logging
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from dfplan_assets.errors import ExecutionError, UnknownNameError
from dfplan_assets.orchestration.building import build_view_assets
from dfplan_assets.orchestration.datafusion_resource import DataFusionResource
from dfplan_assets_tests.orchestration.python_beside import SCORES, change_project
from dfplan_assets_tests.partitioned import DAYS, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stored views have run; nothing has published ``scores``."""
    folder = write_shop(
        tmp_path_factory.mktemp("shop"),
        dear="/* ---\nmaterialized: view\n--- */ select * from orders where price > 15",
    )
    change_project(
        folder, sources={"scores": SCORES}, engine={"memory_limit": "1MiB", "target_partitions": 3}
    )
    job = dg.Definitions(assets=build_view_assets(folder)).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    return folder


def test_views_sources_and_views_that_are_not_stored_are_tables(shop: Path) -> None:
    with DataFusionResource(shop).session() as ctx:
        query = "select count(*) as n, sum(r.total) as t from revenue r, mart.cheap c, dear d, orders o"
        assert ctx.sql(query).to_pylist() == [{"n": 2 * 2 * 2 * 3, "t": 60.5 * 2 * 2 * 3}]


def test_the_engine_is_as_the_project_says(shop: Path) -> None:
    numbers = "generate_series(1, 300000)"
    joined = f"select count(*) as n from {numbers} a join {numbers} b on a.value = b.value"
    with DataFusionResource(shop).session([]) as ctx:
        frame = ctx.sql("select value, count(*) from generate_series(1, 9) group by value")
        assert frame.execution_plan().partition_count == 3
        with pytest.raises(Exception, match="Resources exhausted"):
            ctx.sql(joined).collect()


def test_what_cannot_be_read_yet_is_logged_and_is_an_error_where_it_is_named(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), DataFusionResource(shop).session() as ctx:
        assert not ctx.table_exist("scores")
    assert "scores: the asset models/scores has no published result" in caplog.text
    with (
        pytest.raises(ExecutionError, match="scores cannot be read"),
        DataFusionResource(shop).session(["scores"]),
    ):
        raise AssertionError
    with (
        pytest.raises(UnknownNameError, match="Did you mean revenue"),
        DataFusionResource(shop).session(["revenu"]),
    ):
        raise AssertionError


def test_partitions_are_one_table(tmp_path: Path) -> None:
    folder = write_daily(tmp_path, {"whole": WHOLE})
    job = dg.Definitions(assets=build_view_assets(folder)).resolve_implicit_global_asset_job_def()
    for day in DAYS[:2]:
        selection = [dg.AssetKey("daily")]
        assert job.execute_in_process(
            instance=dg.DagsterInstance.ephemeral(), partition_key=day, asset_selection=selection
        ).success
    with DataFusionResource(plan_of(folder)).session() as ctx:
        assert ctx.sql("select sum(amount) as amount from daily").to_pylist() == [{"amount": 13}]


def test_an_asset_has_it_by_its_annotation(shop: Path) -> None:
    found = []

    @dg.asset
    def count(datafusion: DataFusionResource) -> None:
        with datafusion.session(["revenue"]) as ctx:
            found.append(ctx.sql("select * from revenue").to_arrow_table())

    assert dg.materialize([count], resources={"datafusion": DataFusionResource(project=str(shop))}).success
    (table,) = found
    assert isinstance(table, pa.Table)
    assert table.num_rows == 2
