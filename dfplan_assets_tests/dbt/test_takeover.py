"""The bakery: a project that dbt itself compiled, and ran in DuckDB."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.dbt.manifest import read_manifest
from dfplan_assets.dbt.takeover import Takeover, take_over
from dfplan_assets.errors import ProjectError
from dfplan_assets.project import load_project
from dfplan_assets.project.data_checks import AcceptedValues, NotNull, Relationship, Unique
from dfplan_assets.project.new_folder import write_new_folder

BAKERY = Path(__file__).parent / "bakery"
ARTICLES = ("Roll", "CAKE", "bun")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Takeover:
    return take_over(read_manifest(BAKERY), tmp_path_factory.mktemp("new") / "bakery")


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    """The dbt project in a folder of the test's own, with the rows that dbt ran over."""
    folder = tmp_path / "dbt"
    shutil.copytree(BAKERY, folder)
    (folder / "data").mkdir()
    prices = {"article": ["roll", "cake", "bun"], "price_cents": pa.array([50, 320, 90], pa.int32())}
    pq.write_table(pa.table(prices), folder / "data" / "prices.parquet")
    return folder


def write_receipts(project: Path) -> None:
    numbers = range(200)
    receipts = {
        "receipt_id": pa.array(numbers, pa.int64()),
        "article": [ARTICLES[number % 3] for number in numbers],
        "sold_at": [datetime(2026, 1, 1) + timedelta(hours=3 * number) for number in numbers],
        "pieces": pa.array([number % 4 for number in numbers], pa.int32()),
    }
    file = project / "data" / "till_raw" / "receipt_lines.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(receipts), file)


def test_views_that_were_taken_over_give_what_dbt_gave(
    bakery: Path, tmp_path: Path, dfplan: Callable[..., Any], dfplan_json: Callable[..., Any]
) -> None:
    project = tmp_path / "new"
    answer = dfplan_json("import-dbt", bakery, "--output", project)
    assert answer["views"] == ["after_python", "best_article", "sales_by_day", "stg_prices", "stg_receipts"]
    assert list(answer["unplanned"]) == ["after_python"]  # the Python model's columns are not known yet
    (project / "views" / "marts" / "after_python.sql").unlink()
    write_receipts(project)
    run = json.loads(dfplan("--project", project, "run", "--format", "json").stdout)
    # `dbt build` warned of the first; of the second it could not make a query ('baker's dozen').
    assert {check for checks in run["failed_checks"].values() for check in checks} == {
        "accepted_values_daily_sales_pieces__False__1__2__3",
        "accepted_values_best_article_kind__bread__baker_s_dozen",
    }
    [file] = dfplan_json("--project", project, "path", "best_article")["files"]
    rows = sorted(pq.read_table(file).to_pylist(), key=lambda row: str(row["article"]))
    # What `dbt run` left in DuckDB.
    assert [(row["article"], row["kind"], row["cents"]) for row in rows] == [
        ("bun", None, 8910),
        ("cake", "sweet", 32000),
        ("roll", "bread", 5050),
    ]
    assert run["views"]["sales_by_day"]["rows"] == 75


def test_options_of_models_come_along(taken: Takeover, tmp_path: Path) -> None:
    write_new_folder(tmp_path / "new", taken.files)
    project = load_project(tmp_path / "new")
    sales = project.views["sales_by_day"]
    assert sales.description is not None
    assert sales.description.startswith("Pieces and money per day.\nSecond line with */ in it.")
    assert "`day`: The day of the sale, in local time." in sales.description
    assert (sales.group, sales.owners) == ("marts", ("sales@bakery.example",))
    assert sales.tags == {"mart": "", "daily_report": ""}
    assert project.views["stg_receipts"].is_virtual
    assert not project.views["stg_prices"].is_virtual
    assert {(check.rule, check.blocking) for check in project.views["best_article"].checks} == {
        (Unique(("article",)), True),
        (NotNull(("article",)), True),
        (AcceptedValues("kind", ("bread", "baker's dozen")), True),
        (Relationship("kind", "article_kinds", "kind"), True),
    }
    columns = project.sources["till_raw.receipt_lines"].columns
    assert columns is not None
    assert set(columns.names) == {"receipt_id", "article", "sold_at", "pieces"}


def test_everything_that_is_missing_is_named(taken: Takeover) -> None:
    assert {(left.kind, left.name) for left in taken.not_taken} == {
        ("model", "py_model"),
        ("snapshot", "price_history"),
        ("incremental model", "daily_sales"),
        ("view model", "stg_prices"),
        ("test", "no_debt"),
        ("test", "positive_best_article_kind"),
        ("test", "unique_best_article_article_kind"),
        ("test", "source_not_null_till_receipts_receipt_id"),
        ("source", "till_raw.receipt_lines"),
        ("exposure", "board"),
        ("disabled model", "off"),
    }
    assert taken.checks == 10
    assert all(left.why and left.next_step for left in taken.not_taken)


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    shutil.copytree(BAKERY, tmp_path / "changed")
    file = tmp_path / "changed" / "target" / "manifest.json"
    document = json.loads(file.read_text("utf-8"))
    change(document)
    file.write_text(json.dumps(document), "utf-8")
    return tmp_path / "changed"


def test_an_incremental_model_that_reads_itself_is_left_out(tmp_path: Path) -> None:
    def compile_incrementally(document: dict[str, Any]) -> None:
        node = document["nodes"]["model.bakery.daily_sales"]
        node["compiled_code"] += ' having max(day) > (select max(day) from "bakery"."main"."sales_by_day")'

    taken = take_over(read_manifest(changed(tmp_path, compile_incrementally)), tmp_path / "new")
    assert "sales_by_day" not in taken.views
    assert ("model", "daily_sales") in {(left.kind, left.name) for left in taken.not_taken}


def test_tables_of_one_name_are_told_apart_by_their_schemas(tmp_path: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        node = document["nodes"]["model.bakery.stg_prices"]
        node["alias"], node["schema"] = "stg_receipts", "other"
        node["relation_name"] = '"bakery"."other"."stg_receipts"'

    taken = take_over(read_manifest(changed(tmp_path, rename)), tmp_path / "new")
    assert {"main.stg_receipts", "other.stg_receipts"} <= set(taken.views)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda d: d["metadata"].update(
                dbt_schema_version="https://schemas.getdbt.com/dbt/manifest/v20.json"
            ),
            "version 20; versions 7 to 12",
        ),
        (lambda d: d.pop("metadata"), "does not say that it is a manifest"),
        (lambda d: d["nodes"]["model.bakery.best_article"].pop("compiled_code"), "1 models are not compiled"),
        (lambda d: d.pop("nodes"), "is not what version 12 of manifests says"),
        (lambda d: d["nodes"]["model.bakery.best_article"].pop("fqn"), "is not what version 12"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], cause: str
) -> None:
    with pytest.raises(ProjectError, match=cause):
        read_manifest(changed(tmp_path, change))


def test_a_folder_that_was_not_compiled_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="dbt compile"):
        read_manifest(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text("{", "utf-8")
    with pytest.raises(ProjectError, match="cannot be read"):
        read_manifest(tmp_path)


def test_nothing_that_is_there_is_replaced(bakery: Path, tmp_path: Path, dfplan: Callable[..., Any]) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine", "utf-8")
    result = dfplan("import-dbt", bakery, "--output", tmp_path / "new")
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["mine.txt"]
