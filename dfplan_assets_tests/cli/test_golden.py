"""``dfplan golden``: its answers, its exit codes, its formats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import dfplan_assets.demo
from dfplan_assets.store import open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop


@pytest.fixture
def shop(tmp_path: Path, dfplan: Dfplan) -> Path:
    folder = write_shop(tmp_path)
    assert dfplan("golden", "update", "--project", folder).exit_code == 0
    return folder


def edit(shop: Path, view: str, before: str, after: str) -> None:
    file = next(file for file in (shop / "views").rglob("*.sql") if file.stem == view)
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def check(dfplan: Dfplan, shop: Path, *arguments: str) -> tuple[int, Any]:
    result = dfplan("golden", "check", *arguments, "--project", shop, "--format", "json")
    return result.exit_code, json.loads(result.stdout)


def test_update_says_what_it_wrote_and_removed(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "revenue", "sum(o.price)", "max(o.price)")
    (shop / "views" / "staging" / "mart.cheap.sql").unlink()
    result = dfplan("golden", "update", "--project", shop, "--format", "json")
    assert json.loads(result.stdout) == {
        "folder": str(shop / "goldens"),
        "written": ["revenue"],
        "unchanged": ["best"],
        "removed": ["mart.cheap"],
        "problems": [],
    }


def test_no_drift_is_exit_code_0(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("golden", "check", "--project", shop)
    assert (result.exit_code, result.stdout) == (0, "no drift in 3 views (level plan)\n")


def test_an_edit_is_carried_through(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "revenue", "on o.nation_key = n.key", "on o.nation_key = n.key where o.price > 15")
    result = dfplan("golden", "check", "--project", shop)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "revenue  rows or values may differ",
        "  filter `price > 15` was added",
        "  reaches best",
    ]
    assert lines[-1] == "1 of 3 views drifted: 1 rows or values may differ (level plan)"
    accepted = dfplan(
        "golden", "accept", "revenue", "--note", "small orders are no revenue", "--project", shop
    )
    assert accepted.exit_code == 0
    assert dfplan("golden", "check", "--project", shop).exit_code == 0
    with open_store(f"sqlite:///{shop}/.dfplan/plans.db") as store:
        assert [each.note for each in store.acceptances("revenue")] == ["small orders are no revenue"]


def test_json_names_kind_cause_parts_columns_downstream_and_plans(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "revenue", "sum(o.price) as total", "sum(o.price) as total, count(*) as orders")
    code, found = check(dfplan, shop)
    assert code == 1
    assert set(found) == {"verdict", "level", "views", "settings", "problems", "notes"}
    revenue = found["views"]["revenue"]
    assert {key: revenue[key] for key in revenue if not key.endswith("_plan")} == {
        "state": "drift",
        "kind": "columns added",
        "cause": "column orders added",
        "causes": ["column orders added"],
        "changed_parts": ["meaning", "functions", "physical"],
        "changed_columns": ["orders"],
        "downstream": [],
        "problem": None,
    }
    assert any(row["change"] == "changed" for row in revenue["logical_plan"])
    assert found["views"]["best"]["state"] == "same"


def test_the_level_can_be_chosen(shop: Path, dfplan: Dfplan) -> None:
    document = json.loads((shop / "dfplan.yaml").read_text())
    document["engine"] = {"settings": {"datafusion.optimizer.prefer_hash_join": False}}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    code, found = check(dfplan, shop)
    assert (code, found["views"]["revenue"]["kind"]) == (1, "physical only")
    assert found["settings"] == ["setting datafusion.optimizer.prefer_hash_join: true → false"]
    assert check(dfplan, shop, "--level", "meaning")[0] == 0
    document["golden"] = {"level": "meaning"}
    (shop / "dfplan.yaml").write_text(json.dumps(document))
    assert check(dfplan, shop)[0] == 0
    assert check(dfplan, shop, "--level", "plan")[0] == 1


def test_only_the_views_that_are_named_are_checked(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "mart.cheap", "25", "26")
    assert check(dfplan, shop, "revenue", "best")[0] == 0
    code, found = check(dfplan, shop, "mart.cheap")
    assert (code, list(found["views"])) == (1, ["mart.cheap"])


def test_a_golden_file_that_cannot_be_used_is_exit_code_2(shop: Path, dfplan: Dfplan) -> None:
    (shop / "goldens" / "best" / "complete.json").write_text("{")
    code, found = check(dfplan, shop)
    assert code == 2
    (problem,) = found["problems"]
    assert problem == found["views"]["best"]["problem"]
    assert set(problem) == {"where", "cause", "next_step"}
    result = dfplan("golden", "check", "--project", shop)
    assert "complete.json: it is cut short or no JSON" in result.stdout
    assert "dfplan golden update best" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [("check", "revenues"), ("update", "revenues"), ("accept", "revenues", "--note", "why")],
)
def test_a_name_that_is_no_view_is_exit_code_2(
    shop: Path, dfplan: Dfplan, arguments: tuple[str, ...]
) -> None:
    result = dfplan("golden", *arguments, "--project", shop)
    assert result.exit_code == 2
    assert "Did you mean revenue?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("accept", "revenue"),
        ("accept", "--note", "why"),
        ("accept", "revenue", "--note", " "),
        ("check", "--level", "x"),
    ],
)
def test_wrong_options_are_exit_code_2(shop: Path, dfplan: Dfplan, arguments: tuple[str, ...]) -> None:
    assert dfplan("golden", *arguments, "--project", shop).exit_code == 2


def test_a_view_that_cannot_be_planned_is_exit_code_2(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "revenue", "o.price", "o.prise")
    result = dfplan("golden", "check", "--project", shop)
    assert result.exit_code == 2
    assert "prise" in result.stderr


def test_junit_has_a_case_for_each_view(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "mart.cheap", "price < 25", "price < 26 -- <&>")
    (shop / "goldens" / "best" / "complete.json").unlink()
    result = dfplan("golden", "check", "--project", shop, "--format", "junit")
    assert result.exit_code == 2
    suite = ElementTree.fromstring(result.stdout)
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
    }
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite}
    assert outcomes == {"revenue": [], "best": ["error"], "mart.cheap": ["failure"], "(project)": []}
    failure = suite.find("./testcase[@name='mart.cheap']/failure")
    assert failure is not None
    assert failure.get("message") == "filter `price < 25` became `price < 26`"


def test_markdown_is_fit_for_a_comment(shop: Path, dfplan: Dfplan) -> None:
    edit(shop, "mart.cheap", "price < 25", "price < 26 or id::text = 'a|b'")
    result = dfplan("golden", "check", "--project", shop, "--format", "markdown")
    lines = result.stdout.splitlines()
    assert lines[0] == "**Golden plans: 1 of 3 views drifted: 1 rows or values may differ (level plan)**"
    assert lines[2:4] == ["| view | kind | cause | reaches |", "|---|---|---|---|"]
    assert lines[4].startswith("| `mart.cheap` | rows or values may differ | filter ")
    assert lines[4].replace("\\|", "").count("|") == 5
    assert "```diff" in lines


def test_the_demo_is_as_its_golden_plans_have_it_without_its_data(tmp_path: Path, dfplan: Dfplan) -> None:
    demo = Path(dfplan_assets.demo.__file__).parent
    for name in ("views", "goldens"):
        shutil.copytree(demo / name, tmp_path / name)
    shutil.copy(demo / "dfplan.yaml", tmp_path)
    result = dfplan("golden", "check", "--project", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "no drift in 47 views (level plan)\n")
