# No `from __future__ import annotations`: Dagster reads the annotations of assets that are made in functions.
from pathlib import Path
from typing import Any

import dagster as dg
import datafusion
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.building import build_view_assets
from dfplan_assets.orchestration.translator import DfplanTranslator, DfplanTranslatorSettings
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets_tests.orchestration.python_beside import (
    SCORES,
    change_project,
    definitions,
    failures,
    materialization,
    run,
    write_scored_shop,
)
from dfplan_assets_tests.partitioned import DAYS, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

REVENUE = [{"name": "DE", "total": 30.5}, {"name": "FR", "total": 30.0}]


def scoring(factor: float = 0.1, given: list[Any] | None = None) -> dg.AssetsDefinition:
    """The asset models/scores: the revenue of each nation times a factor."""

    @dg.asset(key=["models", "scores"], io_manager_key="dfplan_io_manager")
    def scores(revenue: pd.DataFrame) -> pd.DataFrame:
        if given is not None:
            given.append(revenue)
        return pd.DataFrame({"name": revenue["name"], "score": revenue["total"] * factor})

    return scores


def by_name(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: str(row["name"]))


class Whole:
    """One run: view -> Python asset -> published table -> view -> Python assets, of each annotation."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_scored_shop(folder)
        self.given: dict[str, Any] = {}
        self.instance = dg.DagsterInstance.ephemeral()
        self.assets = [scoring(), *self._readers()]
        self.result = run(self.folder, *self.assets, instance=self.instance)

    def _readers(self) -> tuple[dg.AssetsDefinition, ...]:
        @dg.asset
        def as_pandas(revenue: pd.DataFrame) -> None:
            self.given["pandas"] = revenue

        @dg.asset(ins={"scores": dg.AssetIn(["models", "scores"])})
        def as_arrow(revenue: pa.Table, scores: pa.Table) -> None:
            self.given["arrow"] = revenue
            self.given["scores"] = scores

        @dg.asset
        def as_dataset(revenue: ds.Dataset) -> None:
            self.given["dataset"] = revenue

        @dg.asset
        def as_datafusion(revenue: datafusion.DataFrame) -> None:
            self.given["datafusion"] = revenue

        @dg.asset
        def as_nothing(ranked, revenue) -> None:  # type: ignore[no-untyped-def]
            self.given["no annotation"] = ranked

        @dg.asset(ins={"revenue": dg.AssetIn(metadata={"columns": ["name"]})})
        def of_one_column(revenue: pa.Table) -> None:
            self.given["one column"] = revenue

        return as_pandas, as_arrow, as_dataset, as_datafusion, as_nothing, of_one_column


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"))


def test_the_whole_path_runs_in_one_run(whole: Whole) -> None:
    assert whole.result.success, failures(whole.result)
    assert by_name(whole.given["no annotation"].to_pylist()) == [
        {"name": "DE", "score": pytest.approx(3.05)},
        {"name": "FR", "score": pytest.approx(3.0)},
    ]


def test_each_annotation_gets_the_result_as_it_asks(whole: Whole) -> None:
    given = whole.given
    assert isinstance(given["pandas"], pd.DataFrame)
    assert by_name(given["pandas"].to_dict("records")) == REVENUE
    assert isinstance(given["arrow"], pa.Table)
    assert by_name(given["arrow"].to_pylist()) == REVENUE
    assert given["arrow"].schema.field("name").type == pa.string()
    assert isinstance(given["dataset"], ds.Dataset)
    assert by_name(given["dataset"].to_table().to_pylist()) == REVENUE
    assert isinstance(given["datafusion"], datafusion.DataFrame)
    assert (
        by_name(given["datafusion"].filter(datafusion.col("total") > datafusion.lit(30)).to_pylist())
        == REVENUE[:1]
    )
    assert isinstance(given["no annotation"], pa.Table)
    assert given["scores"].num_rows == 2


def test_the_metadata_of_an_input_can_name_columns(whole: Whole) -> None:
    assert whole.given["one column"].schema.names == ["name"]


def test_a_published_table_says_its_rows_size_columns_and_version(whole: Whole) -> None:
    event = materialization(whole.result, "models/scores")
    result = Warehouse(whole.folder / "warehouse", 3).current("scores")
    assert result is not None
    metadata = event.metadata
    assert (metadata["dagster/row_count"].value, metadata["dagster/size_bytes"].value) == (2, result.bytes)
    schema = metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchemaMetadataValue)
    columns = schema.schema.columns
    assert [(column.name, column.type) for column in columns] == [
        ("name", "string_view"),
        ("score", "double"),
    ]
    assert metadata["dagster/uri"].value == str(whole.folder / "warehouse" / "scores")
    assert (event.tags or {})["dagster/data_version"] == result.data_version


def test_what_it_was_made_of_is_in_its_manifest(whole: Whole) -> None:
    warehouse = Warehouse(whole.folder / "warehouse", 3)
    scores, revenue = warehouse.current("scores"), warehouse.current("revenue")
    assert scores is not None
    assert revenue is not None
    assert scores.provenance is not None
    assert scores.provenance.inputs == {"revenue": revenue.data_version}


def test_the_reading_view_depends_on_the_python_asset_itself(whole: Whole) -> None:
    graph = definitions(plan_of(whole.folder), *whole.assets).resolve_asset_graph()
    assert graph.get(dg.AssetKey("ranked")).parent_keys == {dg.AssetKey(["models", "scores"])}
    assert dg.AssetKey("scores") not in graph.get_all_asset_keys()
    lineage = materialization(whole.result, "ranked").metadata["dagster/column_lineage"].value
    origins = {origin.asset_key for origin in lineage.deps_by_column["name"]}  # type: ignore[union-attr]
    assert origins == {dg.AssetKey(["models", "scores"])}
    tags = materialization(whole.result, "ranked").tags or {}
    version = (materialization(whole.result, "models/scores").tags or {})["dagster/data_version"]
    assert tags["dagster/input_data_version/models/scores"] == version


def test_a_result_can_be_loaded_outside_of_a_run(whole: Whole) -> None:
    loaded = definitions(plan_of(whole.folder)).load_asset_value("revenue", python_type=pd.DataFrame)
    assert by_name(loaded.to_dict("records")) == REVENUE  # type: ignore[attr-defined]


def test_views_bring_their_io_manager_along(whole: Whole) -> None:
    given = []

    @dg.asset
    def report(revenue: pa.Table) -> None:
        given.append(revenue.num_rows)

    assets = [*build_view_assets(plan_of(whole.folder)), report]
    job = dg.Definitions(assets=assets).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=dg.DagsterInstance.ephemeral(), asset_selection=[dg.AssetKey("report")]
    )
    assert (result.success, given) == (True, [2])


def test_what_changed_in_python_makes_the_reading_view_stale(tmp_path: Path) -> None:
    folder = write_scored_shop(tmp_path)

    def reasons() -> dict[str, tuple[str, ...]]:
        return {name: each.because for name, each in staleness_now(plan_of(folder)).items() if each.is_stale}

    assert run(folder, scoring()).success
    assert reasons() == {}
    assert run(folder, scoring(), select=["models/scores"]).success  # the same rows once more
    assert reasons() == {}
    assert run(folder, scoring(factor=0.2), select=["models/scores"]).success
    assert reasons() == {"ranked": ("table scores changed",)}
    assert run(folder, scoring(), select=["ranked"]).success
    assert reasons() == {}


def failing(value: Any) -> dg.AssetsDefinition:
    @dg.asset(key=["models", "scores"], io_manager_key="dfplan_io_manager")
    def scores(revenue: pa.Table):  # type: ignore[no-untyped-def]
        if isinstance(value, Exception):
            raise value
        return value

    return scores


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "the asset returned nothing, and its last result stays"),
        ([1, 2], "the asset returned a list, which cannot be stored as a table"),
        (pa.table({"name": ["FR"]}), "score: absent instead of double"),
        (pa.table({"name": ["FR"], "score": ["high"]}), "score: string instead of double"),
    ],
)
def test_a_result_that_cannot_be_published_fails_its_step_and_leaves_the_last_one(
    whole: Whole, value: Any, said: str
) -> None:
    before = Warehouse(whole.folder / "warehouse", 3).current("scores")
    result = run(whole.folder, failing(value), select=["models/scores", "ranked", "best"])
    (text,) = failures(result).values()
    assert said in text
    assert text.startswith("asset models/scores (source scores in dfplan.yaml): ")
    assert Warehouse(whole.folder / "warehouse", 3).current("scores") == before
    made = {event.materialization.asset_key for event in result.get_asset_materialization_events()}
    assert made == {dg.AssetKey("best")}  # what does not depend on it


def test_an_asset_that_raises_leaves_the_last_table_readable(whole: Whole) -> None:
    result = run(whole.folder, failing(ValueError("no model")), select=["models/scores"])
    assert "ValueError" in next(iter(failures(result).values()))
    assert run(whole.folder, scoring(), select=["ranked"]).success


def test_another_annotation_is_an_error_that_names_those_there_are(whole: Whole) -> None:
    @dg.asset
    def report(revenue: int) -> None:
        raise AssertionError

    (text,) = failures(run(whole.folder, report, select=["report"])).values()
    assert "the input revenue: it is annotated with int" in text
    assert "pandas.DataFrame, pyarrow.Table, pyarrow.dataset.Dataset, datafusion.DataFrame" in text


def test_a_column_that_there_is_not_is_named_with_the_nearest(whole: Whole) -> None:
    @dg.asset(ins={"revenue": dg.AssetIn(metadata={"columns": ["nam"]})})
    def report(revenue: pa.Table) -> None:
        raise AssertionError

    (text,) = failures(run(whole.folder, report, select=["report"])).values()
    assert "revenue has no column nam" in text
    assert "Did you mean name?" in text


def test_an_asset_that_no_source_names_is_told_how_to_be_one(whole: Whole) -> None:
    @dg.asset(io_manager_key="dfplan_io_manager")
    def forecast() -> pa.Table:
        return pa.table({"a": [1]})

    (text,) = failures(run(whole.folder, forecast, select=["forecast"])).values()
    assert "no source in" in text
    assert "sources: {forecast: {asset: forecast}}" in text


@pytest.mark.parametrize("stored_views_too", [True, False])
def test_an_asset_that_reads_a_view_that_is_not_stored_is_told_how(
    tmp_path: Path, stored_views_too: bool
) -> None:
    cheap = "/* ---\nmaterialized: view\n--- */\nselect id from orders where price < 25"
    folder = write_shop(tmp_path, cheap=cheap)
    if not stored_views_too:
        for file in (folder / "views").rglob("*.sql"):
            if file.stem != "cheap":
                file.unlink()

    @dg.asset
    def reader(cheap: pd.DataFrame) -> None: ...

    result = run(folder, reader, select=["reader"])
    assert "Read it with DataFusionResource" in failures(result)["reader"]


def test_what_never_ran_is_no_empty_table(tmp_path: Path) -> None:
    folder = write_scored_shop(tmp_path)
    (text,) = failures(run(folder, scoring(), select=["models/scores"])).values()
    assert text.startswith("the input revenue: revenue has no published result")
    (text,) = failures(run(folder, scoring(), select=["ranked"])).values()
    assert "it reads the table scores, which its asset models/scores has not published yet" in text


def test_without_columns_the_first_result_tells_them(tmp_path: Path) -> None:
    folder = write_scored_shop(tmp_path, {"asset": "models/scores"})
    result = run(folder, scoring())
    (text,) = failures(result).values()
    assert "its columns are not known: the asset models/scores has published nothing yet" in text
    assert materialization(result, "models/scores")  # all but the view that waits for its columns ran
    assert run(folder, scoring()).success
    assert plan_of(folder).source_schemas["scores"].names == ["name", "score"]


def test_a_view_planned_with_other_declared_columns_says_so(tmp_path: Path) -> None:
    folder = write_scored_shop(tmp_path)
    assert run(folder, scoring()).success
    columns = {"name": "string", "score": "float64", "rank": "int64"}
    change_project(folder, sources={"scores": {**SCORES, "columns": columns}})
    (text,) = failures(run(folder, scoring(), select=["ranked"])).values()
    assert "rank: absent instead of int64" in text
    assert "materialise models/scores first" in text


def test_a_damaged_list_of_results_stops_its_readers_alone(tmp_path: Path) -> None:
    folder = write_scored_shop(tmp_path, {"asset": "models/scores"})
    (folder / "warehouse" / "scores").mkdir(parents=True)
    (folder / "warehouse" / "scores" / "published.json").write_text("{", encoding="utf-8")
    plan = plan_of(folder)
    assert list(plan.unplanned) == ["ranked"]
    assert "published.json, cannot be used: it is damaged" in str(plan.unplanned["ranked"].error)


def test_translated_keys_hold_for_inputs(tmp_path: Path) -> None:
    folder, given = write_shop(tmp_path), []
    translator = DfplanTranslator(DfplanTranslatorSettings(asset_key_prefix=["shop"]))

    @dg.asset(ins={"cheap": dg.AssetIn(["shop", "mart", "cheap"])})
    def report(cheap: pa.Table) -> None:
        given.append(cheap.num_rows)

    views = build_view_assets(plan_of(folder), translator=translator)
    job = dg.Definitions(assets=[*views, report]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert given == [2]


def test_two_projects_share_a_code_location(tmp_path: Path) -> None:
    given = []
    assets: list[Any] = []
    for name in ("one", "two"):
        folder = write_project(tmp_path / name, {"t.sql": f"select '{name}' as name"})
        prefix = DfplanTranslator(DfplanTranslatorSettings(asset_key_prefix=[name]))
        assets += build_view_assets(plan_of(folder), translator=prefix)

    @dg.asset(ins={"one": dg.AssetIn(["one", "t"]), "two": dg.AssetIn(["two", "t"])})
    def both(one: pa.Table, two: pa.Table) -> None:
        given.append((one["name"][0].as_py(), two["name"][0].as_py()))

    job = dg.Definitions(assets=[*assets, both]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert given == [("one", "two")]


class Daily:
    """A view and a Python asset with a partition a day, and Python assets that read them."""

    def __init__(self, folder: Path) -> None:
        write_daily(folder, {"all_days": "select day, amount from doubled"})
        columns = {"day": "date32", "amount": "int64"}
        change_project(folder, sources={"doubled": {"asset": "doubled", "columns": columns}})
        self.folder = folder
        self.given: dict[str, Any] = {}
        days = dg.DailyPartitionsDefinition("2024-02-27", end_date="2024-03-02")
        single_run = dg.BackfillPolicy.single_run()

        @dg.asset(partitions_def=days, io_manager_key="dfplan_io_manager")
        def doubled(daily: pa.Table) -> pa.Table:
            return pa.table({"day": daily["order_date"], "amount": [2 * n.as_py() for n in daily["amount"]]})

        @dg.asset(partitions_def=days, backfill_policy=single_run)
        def ranged(daily: pa.Table) -> None:
            self.given["range"] = daily["amount"].to_pylist()

        @dg.asset(
            partitions_def=days,
            backfill_policy=single_run,
            io_manager_key="dfplan_io_manager",
            name="doubled",
        )
        def doubled_at_once(context: dg.AssetExecutionContext) -> Any:
            self.given["keys"] = list(context.partition_keys)
            return self.given["made"]

        @dg.asset
        def total(daily: pa.Table, doubled: pa.Table) -> None:
            self.given["total"] = (sorted(daily["amount"].to_pylist()), sorted(doubled["amount"].to_pylist()))

        self.assets = [doubled, ranged, total]
        self.at_once = doubled_at_once

    def run(self, *select: str, **options: Any) -> dg.ExecuteInProcessResult:
        return run(self.folder, *self.assets, select=list(select), **options)

    def run_range(self, asset: str, first: str, last: str) -> dg.ExecuteInProcessResult:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return self.run(asset, tags=tags)


def two_days(folder: Path) -> Daily:
    made = Daily(folder)
    for day in (DAYS[0], DAYS[1]):
        assert made.run("daily", "doubled", partition_key=day).success
    return made


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Daily:
    return two_days(tmp_path_factory.mktemp("daily"))


def test_a_partition_of_a_view_makes_a_partition_of_a_table(daily: Daily) -> None:
    assert daily.run("all_days", "total").success
    loaded = definitions(plan_of(daily.folder), *daily.assets).load_asset_value(
        "all_days", python_type=pa.Table
    )
    assert sorted(loaded["amount"].to_pylist()) == [2, 4, 20]  # type: ignore[index]


def test_an_asset_without_partitions_gets_all_that_are_published(daily: Daily) -> None:
    assert daily.run("total").success
    assert daily.given["total"] == ([1, 2, 10], [2, 4, 20])


def test_a_range_is_one_table_of_its_partitions(daily: Daily) -> None:
    assert daily.run_range("ranged", DAYS[0], DAYS[1]).success
    assert sorted(daily.given["range"]) == [1, 2, 10]


def test_a_partition_that_is_not_published_is_named(daily: Daily) -> None:
    (text,) = failures(daily.run_range("ranged", DAYS[1], DAYS[3])).values()
    assert f"partitions of daily have no published result: {DAYS[2]}, {DAYS[3]}" in text


def test_several_partitions_at_once_are_returned_by_key(tmp_path: Path) -> None:
    daily = two_days(tmp_path)  # of its own, since it makes more of them
    rows = pa.table({"day": pa.array([None], pa.date32()), "amount": [7]})
    daily.assets = [daily.at_once, *daily.assets[1:]]
    daily.given["made"] = rows
    (text,) = failures(daily.run_range("doubled", DAYS[2], DAYS[3])).values()
    assert "it made 2 partitions in one step (2024-02-29, 2024-03-01)" in text
    daily.given["made"] = {DAYS[2]: rows, DAYS[3]: rows.slice(1)}
    assert daily.run_range("doubled", DAYS[2], DAYS[3]).success
    assert daily.run("total").success
    assert daily.given["total"][1] == [2, 4, 7, 20]
