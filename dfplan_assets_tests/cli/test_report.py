"""The report against what the other commands say of the same project."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from dfplan_assets.cli import main
from dfplan_assets.store import open_store
from dfplan_assets.visual.report.packing import unpacked
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.cli.test_show import store_of
from dfplan_assets_tests.partitioned import DAYS, write_daily
from dfplan_assets_tests.regressions.simulated import noisy, store_runs
from dfplan_assets_tests.run_history import put_history
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop
from dfplan_assets_tests.store import samples

VIEWS = {
    "marts/revenue.sql": """\
/* ---
description: Revenue per nation
owners: [team:finance]
tags: {domain: sales}
checks:
  - not_null: name
  - row_count: {min: 1}
    name: some_nations
    severity: warn
--- */
select n.name, sum(o.price) as total, $year as year
from orders o join nation n on o.nation_key = n.key
where o.id > 0
group by n.name
""",
    "marts/best.sql": "select name, total * 2 as twice from revenue order by total desc limit 1",
    "marts/broken.sql": "select 1 / (id - id) as x from cheap",
    "marts/behind.sql": "select x from broken",
    "cheap.sql": "/* ---\nmaterialized: view\n--- */\nselect id, price from orders where price < 25",
}


def document_of(file: Path) -> Any:
    """What a browser reads: the JSON inside the page."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', file.read_text("utf-8"))
    return json.loads(data)


def written(folder: Path, *options: str) -> Any:
    target = folder / "report.html"
    made = CliRunner().invoke(
        main, ["--project", str(folder), "report", "--output", str(target), *options], catch_exceptions=False
    )
    assert made.exit_code == 0, made.stderr
    return document_of(target)


def answer(folder: Path, *arguments: str) -> Any:
    made = CliRunner().invoke(main, ["--project", str(folder), *arguments, "--format", "json"])
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that ran once: ``broken`` failed. The query of ``best`` changed, ran, and changed again."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "data").mkdir()
    orders = {"id": [1, 2, 3], "price": [10.0, 20.0, 30.5], "nation_key": [1, 1, 2]}
    pq.write_table(pa.table(orders), folder / "data/orders.parquet")
    (folder / "data/nation.csv").write_text("key,name\n1,FR\n2,DE\n", encoding="utf-8")
    sources = {"orders": "data/orders.parquet", "nation": "data/nation.csv"}
    write_project(folder, VIEWS, sources, params={"year": 1994})
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("DAGSTER_HOME", raising=False)
        CliRunner().invoke(main, ["--project", str(folder), "run"])
        best = folder / "views/marts/best.sql"
        best.write_text(best.read_text().replace("* 2", "* 3"), encoding="utf-8")
        CliRunner().invoke(main, ["--project", str(folder), "run", "best"])
        best.write_text(best.read_text().replace("* 3", "* 4"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(shop: Path) -> Any:
    return written(shop)


@pytest.fixture(scope="module")
def views(report: Any) -> dict[str, Any]:
    return {view["name"]: view for view in report["views"]}


def test_the_page_has_the_views_upstream_first(report: Any, shop: Path) -> None:
    names = [view["name"] for view in report["views"]]
    assert sorted(names) == ["behind", "best", "broken", "cheap", "revenue"]
    assert names.index("revenue") < names.index("best")
    assert names.index("broken") < names.index("behind")
    assert [source["name"] for source in report["sources"]] == ["orders", "nation"]
    assert report["project"] == "test"
    assert {node["name"] for node in report["graph"]["nodes"]} == {*names, "orders", "nation"}
    assert {(route["start"], route["end"]) for route in report["graph"]["routes"]} == {
        ("orders", "revenue"),
        ("nation", "revenue"),
        ("orders", "cheap"),
        ("cheap", "broken"),
        ("broken", "behind"),
        ("revenue", "best"),
    }


def test_a_view_has_what_its_author_wrote(views: dict[str, Any]) -> None:
    revenue = views["revenue"]
    assert revenue["description"] == "Revenue per nation"
    assert (revenue["group"], revenue["owners"], revenue["tags"]) == (
        "marts",
        ["team:finance"],
        [["domain", "sales"]],
    )
    assert revenue["file"] == "views/marts/revenue.sql"
    assert revenue["sql"].startswith("select n.name")
    assert revenue["parameters"] == [["year", "1994"]]
    assert [{**check, "last": None} for check in revenue["checks"]] == [
        {
            "name": "not_null_name",
            "rule": "No row has a null in name.",
            "blocking": False,
            "severity": "error",
            "last": None,
        },
        {
            "name": "some_nations",
            "rule": "There must be at least 1 row.",
            "blocking": False,
            "severity": "warn",
            "last": None,
        },
    ]


def test_checks_say_what_they_found_as_check_does(views: dict[str, Any], shop: Path) -> None:
    now = answer(shop, "check", "revenue")["views"]["revenue"]
    last = {check["name"]: check["last"] for check in views["revenue"]["checks"]}
    assert last.keys() == now.keys() == {"not_null_name", "some_nations"}
    for name, each in last.items():
        assert (each["outcome"], each["said"], each["but"]) == ("passed", now[name]["reason"], None)
        assert views["revenue"]["published_at"] <= each["made_at"]


def test_a_check_of_another_result_or_of_another_text_says_so(tmp_path: Path) -> None:
    checks = "/* ---\nchecks:\n  - not_null: id\n  - {expression: price < 20, severity: warn}\n--- */\n"
    folder = write_shop(tmp_path, checked=f"{checks}select id, price from orders")
    view = folder / "views/checked.sql"

    def last() -> list[tuple[str, str, str | None]]:
        (found,) = [each for each in written(folder)["views"] if each["name"] == "checked"]
        told = [check["last"] for check in found["checks"]]
        return [(each["outcome"], each["said"], each["but"]) for each in told if each is not None]

    assert last() == []  # nothing ran, and there is no instance
    assert not (folder / ".dfplan/dagster").exists()
    CliRunner().invoke(main, ["--project", str(folder), "run", "checked"])
    found = [("passed", "3 rows pass"), ("warned", "2 of 3 rows (66.7 %): price < 20 does not hold")]
    assert last() == [(*each, None) for each in found]
    later = view.stat().st_mtime + 3600
    os.utime(view, (later, later))
    assert last() == [(*each, "its file was changed since") for each in found]
    shutil.rmtree(folder / "warehouse")
    assert last() == [(*each, "its result is gone") for each in found]


def test_an_instance_that_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    checks = "/* ---\nchecks: [{not_null: id}]\n--- */\n"
    folder = write_shop(tmp_path, checked=f"{checks}select id from orders")
    home = folder / ".dfplan/dagster/history/runs"
    home.mkdir(parents=True)
    (home / "index.db").write_bytes(b"this is no database, but it is long enough to be taken for one" * 20)
    report = written(folder)
    assert any("What checks found is not known" in note for note in report["notes"])
    (view,) = [each for each in report["views"] if each["name"] == "checked"]
    assert [check["last"] for check in view["checks"]] == [None]


def test_columns_say_where_they_come_from_as_lineage_does(views: dict[str, Any], shop: Path) -> None:
    lineage = answer(shop, "lineage")["views"]
    for name, view in views.items():
        for column in view["columns"]:
            found = {(*pair, "direct") for pair in map(tuple, column["values_from"])}
            indirect = [*column["decided_by"], *view["rows_decided_by"]]
            found |= {(*pair, "indirect") for pair in map(tuple, indirect)}
            expected = lineage[name]["columns"][column["name"]]
            assert found == {(each["table"], each["column"], each["kind"]) for each in expected}
    assert ["orders", "id"] in views["revenue"]["rows_decided_by"]


def test_states_and_reasons_are_those_of_plan(views: dict[str, Any], shop: Path) -> None:
    states = {name: view["state"] for name, view in views.items()}
    assert states == {
        "cheap": "inlined",
        "revenue": "fresh",
        "best": "stale",
        "broken": "failed",
        "behind": "never ran",
    }
    plan = answer(shop, "plan")["views"]
    for name in ("revenue", "best", "broken", "behind"):
        assert views[name]["because"] == plan[name]["stale_because"]
    assert shop.as_posix() not in json.dumps(views)
    assert any("meaning changed" in reason for reason in views["best"]["because"])
    assert "divi" in views["broken"]["latest"]["failure"].lower()


def test_results_are_those_that_path_names(views: dict[str, Any], shop: Path) -> None:
    published = answer(shop, "path", "revenue")
    assert views["revenue"]["rows"] == published["rows"] == 2
    assert views["revenue"]["bytes"] == sum(Path(file).stat().st_size for file in published["files"])
    assert views["behind"]["rows"] is None


def test_the_forecast_is_that_of_schedule(report: Any, views: dict[str, Any], shop: Path) -> None:
    schedule = answer(shop, "schedule")
    assert report["next_run"]["predicted_seconds"] == pytest.approx(schedule["predicted_seconds"])
    assert report["next_run"]["critical_path"] == schedule["critical_path"]
    for name, expected in schedule["views"].items():
        if views[name]["expected"] is not None:
            for figure, value in views[name]["expected"].items():
                assert value == pytest.approx(expected[figure]), figure
    assert report["next_run"]["timeline"].startswith("<svg")


def test_the_history_is_that_of_the_store(views: dict[str, Any], shop: Path) -> None:
    for name in ("revenue", "best"):
        history = answer(shop, "history", name)["runs"]
        runs = unpacked(views[name]["detail"])["runs"]
        assert [run["status"] for run in runs] == [run["status"] for run in history]
        assert [run["wall_seconds"] for run in runs] == [run["wall_seconds"] for run in history]
        assert [run["rows"] for run in runs] == [run["output_rows"] for run in history]
    assert [run["plan"] for run in unpacked(views["best"]["detail"])["runs"]] == [0, 1]
    assert [run["status"] for run in unpacked(views["broken"]["detail"])["runs"]] == ["failed"]


def test_the_profile_is_that_of_show(views: dict[str, Any], shop: Path) -> None:
    shown = answer(shop, "show", "revenue")["run"]["profile"]
    measured, detail = views["revenue"]["measured"], unpacked(views["revenue"]["detail"])
    assert measured["wall_seconds"] == shown["wall_seconds"]
    assert measured["cpu_seconds"] == shown["cpu_seconds"]
    costliest = sorted(detail["operators"], key=lambda each: -(each["seconds"] or 0))[0]
    assert costliest["number"] == shown["top_operators"][0]["number"]
    assert costliest["rows"] == shown["top_operators"][0]["rows"]
    assert detail["picture"].startswith("<svg")
    assert detail["timeline"].startswith("<svg")
    assert "Projection" in detail["logical_plan"]
    assert shop.as_posix().lstrip("/") not in json.dumps(detail["operators"])


def test_the_last_run_is_the_one_that_ran_last(report: Any, shop: Path) -> None:
    last = answer(shop, "schedule", "--run", "latest")
    run = report["last_run"]
    assert (run["dagster_run_id"], run["succeeded"], run["failed"]) == (last["run_id"], 1, 0)
    assert run["actual_seconds"] == pytest.approx(last["actual_seconds"])
    assert run["timeline"].startswith("<svg")


def test_work_is_the_sum_of_the_last_successes(report: Any, shop: Path) -> None:
    with open_store(f"sqlite:///{shop}/.dfplan/plans.db") as store:
        last = store.latest_runs(["revenue", "best", "broken"], status="succeeded")
    expected = sum(run.wall_seconds or 0.0 for run in last.values())
    assert report["work_seconds"] == pytest.approx(expected)


def test_the_command_says_where_the_page_is(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    shop, target = write_shop(tmp_path / "shop"), tmp_path / "page.html"
    said = dfplan_json("--project", shop, "report", "--output", target)
    assert said == {"report": str(target), "bytes": target.stat().st_size, "views": 3}
    text = dfplan("--project", shop, "report", "--output", target)
    assert text.stdout.startswith(f"{target}  ")
    assert text.stdout.rstrip().endswith("kB, 3 views")


def test_a_place_that_cannot_be_written_to_is_a_message(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path), "report", "--output", tmp_path / "no/such/page.html")
    assert result.exit_code == 2
    assert "the page cannot be written" in result.stderr


# Projects of which little is known


def test_a_project_that_never_ran_has_its_graph_and_says_so(tmp_path: Path) -> None:
    report = written(write_shop(tmp_path))
    assert report["notes"] == ["There is no plan store yet."]
    assert {view["state"] for view in report["views"]} == {"never ran"}
    assert report["last_run"] is None
    assert report["next_run"]["measured"] is False
    assert report["next_run"]["critical_path"] == ["revenue", "best"]
    assert unpacked(report["views"][0]["detail"])["runs"] == []
    assert not (tmp_path / ".dfplan").exists()


def test_views_over_a_damaged_source_are_there_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and nothing else")
    views = {
        "over.sql": "select * from torn",
        "behind.sql": "select * from over",
        "fine.sql": "select 1 as a",
    }
    found = {
        view["name"]: view
        for view in written(write_project(tmp_path, views, {"torn": "torn.parquet"}))["views"]
    }
    assert {name: view["state"] for name, view in found.items()} == {
        "over": "not planned",
        "behind": "not planned",
        "fine": "never ran",
    }
    assert "it cannot be planned" in found["over"]["because"][0]
    assert (found["over"]["reads"], found["over"]["columns"]) == (["torn"], [])


def test_a_store_that_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    (shop / ".dfplan").mkdir()
    (shop / ".dfplan/plans.db").write_bytes(b"this is no database" * 100)
    report = written(shop)
    assert any("cannot be read" in note for note in report["notes"])
    assert len(report["views"]) == 3


def test_a_damaged_manifest_is_a_note_and_no_state_is_guessed(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    (shop / "warehouse/revenue").mkdir(parents=True)
    (shop / "warehouse/revenue/published.json").write_text("{")
    report = written(shop)
    assert {view["state"] for view in report["views"]} == {"unknown"}
    assert any("What is stale is not known" in note for note in report["notes"])


def test_views_with_partitions_say_which(tmp_path: Path) -> None:
    folder = write_daily(tmp_path)
    put_history(plan_of(folder), {"daily": [0.5, 0.7]})
    (daily,) = [view for view in written(folder)["views"] if view["name"] == "daily"]
    assert daily["partitions"] == {
        "title": "order_date, every day",
        "over": len(DAYS),
        "published": 0,
        "stale": [],
        "stale_count": 0,
    }
    assert daily["measured"]["wall_seconds"] == 0.7
    assert [run["wall_seconds"] for run in unpacked(daily["detail"])["runs"]] == [0.5, 0.7]


def test_what_got_slower_is_said_as_regressions_says_it(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        store_runs(store, samples.bundle(year=1994), noisy(1.0, 20))
        store_runs(store, samples.bundle(year=1995), noisy(3.0, 12), first=20)
        store_runs(store, samples.bundle("best"), noisy(1.0, 30))
    said = answer(shop, "regressions")["views"]["revenue"]
    found = {view["name"]: view for view in written(shop)["views"]}
    assert said["verdict"] == "regression"
    assert found["revenue"]["slower"] == f"regression: {said['reason']}"
    assert found["best"]["slower"] is None
    assert [run["plan"] for run in unpacked(found["revenue"]["detail"])["runs"]] == [0] * 20 + [1] * 12
