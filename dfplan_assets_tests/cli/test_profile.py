from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.store import Store, open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_project, write_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path)


def store_of(shop: Path) -> Store:
    return open_store(f"sqlite:///{shop}/.dfplan/plans.db")


def names_in(operator: dict[str, Any]) -> list[str]:
    return [operator["name"], *(name for child in operator["children"] for name in names_in(child))]


def test_the_document_has_the_figures_of_the_view(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    found = dfplan_json("--project", shop, "profile", "revenue")
    orders = shop / "data" / "orders.parquet"
    assert (found["view"], found["status"], found["failure"]) == ("revenue", "profiled", None)
    assert (found["publication_version"], found["dagster_run_id"]) == (None, None)
    assert found["inputs"] == [
        {"table": "nation", "rows": None, "bytes": len("key,name\n1,FR\n2,DE\n")},
        {"table": "orders", "rows": 3, "bytes": orders.stat().st_size},
    ]
    profile = found["profile"]
    assert (profile["rows"], profile["spilled_bytes"]) == (2, 0)
    assert (profile["row_groups_pruned"], profile["row_groups_matched"]) == (0, 1)
    assert profile["wall_seconds"] > 0
    assert profile["bytes"] > 0
    assert profile["misestimates"] == []
    names = names_in(profile["operators"])
    assert names[0] == "DataSinkExec"
    assert "HashJoinExec" in names
    for top in profile["top_operators"]:
        assert names[top["number"]] == top["name"]
    seconds = [top["exclusive_seconds"] for top in profile["top_operators"]]
    assert seconds == sorted(seconds, reverse=True)
    (scan,) = [top for top in profile["top_operators"] if "orders.parquet" in top["display"]]
    assert (scan["rows"], scan["estimated_rows"]) == (3, 3)


def test_nothing_is_published_and_plan_still_calls_the_view_new(shop: Path, dfplan: Dfplan) -> None:
    assert dfplan("--project", shop, "profile", "revenue").exit_code == 0
    assert dfplan("--project", shop, "path", "revenue").exit_code == 1
    assert '"state": "new"' in dfplan("--project", shop, "plan", "revenue", "--format", "json").stdout


def test_what_was_measured_is_kept_as_profiled(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    found = dfplan_json("--project", shop, "profile", "revenue")
    with store_of(shop) as store:
        run = store.latest_runs(["revenue"])["revenue"]
        kept = store.run(run.key)
    assert (run.status, run.bundle_key, run.output_rows) == ("profiled", found["bundle_key"], 2)
    assert run.peak_memory_bytes == found["peak_memory_bytes"]
    assert kept.profile is not None
    assert kept.profile.wall_seconds == found["profile"]["wall_seconds"]


def test_a_profile_of_the_plan_that_was_published_stands_beside_its_runs(
    shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    assert dfplan("--project", shop, "run", "revenue").exit_code == 0
    key = dfplan_json("--project", shop, "profile", "revenue")["bundle_key"]
    shown = dfplan_json("--project", shop, "show", "revenue")
    assert (shown["key"], shown["run"]["status"]) == (key, "profiled")
    assert dfplan("--project", shop, "path", "revenue").exit_code == 0


def test_the_text_says_where_the_time_went(shop: Path, dfplan: Dfplan) -> None:
    text = dfplan("--project", shop, "profile", "revenue").stdout
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles == [
        "revenue, measured without publishing",
        "Where the time went",
        "Rows that the planner misjudged",
        "Operators",
    ]
    assert "orders: 3 rows" in text
    assert "file_groups={1 group: [[data/orders.parquet]]}" in text
    assert "HashJoinExec" in text


def test_misjudged_rows_are_shown_with_how_far_they_are_off(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    pq.write_table(pa.table({"n": range(1000)}), tmp_path / "numbers.parquet")
    write_project(
        tmp_path, {"none.sql": "select n from numbers where n % 2 > 5"}, {"numbers": "numbers.parquet"}
    )
    found = dfplan_json("--project", tmp_path, "profile", "none")["profile"]["misestimates"]
    # The planner expects a fifth of the rows of whatever it cannot judge.
    assert {(each["name"], each["estimated_rows"], each["rows"], each["factor"]) for each in found} == {
        ("FilterExec", 200, 0, 200.0)
    }
    text = dfplan("--project", tmp_path, "profile", "none").stdout
    assert "200.0 ×" in text


def test_a_view_whose_input_was_not_made_yet_is_an_answer_of_no(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "profile", "best")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "it reads the view revenue, which has no published result" in result.stderr
    assert "Materialise revenue first." in result.stderr


def test_a_view_that_there_is_not_is_wrong_input(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "profile", "revenu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no view revenu" in result.stderr


def test_a_view_that_fails_says_why_and_keeps_nothing(tmp_path: Path, dfplan: Dfplan) -> None:
    write_shop(tmp_path, broken="select 1 / (id - 1) as x from orders")
    result = dfplan("--project", tmp_path, "profile", "broken")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Divide by zero" in result.stderr
    assert not (tmp_path / ".dfplan" / "plans.db").exists()


def test_a_view_that_is_inlined_is_profiled_in_those_that_read_it(tmp_path: Path, dfplan: Dfplan) -> None:
    virtual = "/* ---\nmaterialized: view\n--- */\nselect id from orders"
    write_shop(tmp_path, ids=virtual)
    result = dfplan("--project", tmp_path, "profile", "ids")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Profile a view that reads it." in result.stderr


def test_a_store_that_cannot_be_used_is_a_warning(shop: Path, dfplan: Dfplan) -> None:
    (shop / ".dfplan").mkdir()
    (shop / ".dfplan" / "plans.db").write_text("no database " * 100, encoding="utf-8")
    result = dfplan("--project", shop, "profile", "revenue")
    assert result.exit_code == 0
    assert "Warning: what was measured waits in the queue" in result.stderr
    assert "Where the time went" in result.stdout
