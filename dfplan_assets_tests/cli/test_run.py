from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop

_BROKEN = {"broken": "select 100 / (id - 2) as boom from orders", "child": "select boom from broken"}


def test_a_run_is_a_document(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", write_shop(tmp_path), "run")
    assert set(document) == {"run_id", "success", "views"}
    assert document["success"] is True
    revenue = document["views"]["revenue"]
    assert revenue["bytes"] > 0
    assert revenue["wall_seconds"] > 0
    assert {key: revenue[key] for key in ("state", "rows", "error")} == {
        "state": "materialised",
        "rows": 2,
        "error": None,
    }


def test_a_failure_is_a_document_and_exit_code_1(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path, **_BROKEN), "run", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["success"] is False
    views = document["views"]
    assert {name: view["state"] for name, view in views.items()} == {
        "revenue": "materialised",
        "best": "materialised",
        "mart.cheap": "materialised",
        "broken": "failed",
        "child": "skipped",
    }
    assert "broken.sql (view broken)" in views["broken"]["error"]
    assert views["child"] == {
        "state": "skipped",
        "rows": None,
        "bytes": None,
        "wall_seconds": None,
        "error": "waits for broken",
    }


def test_the_text_ends_with_a_table_and_the_causes_of_failures(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path, **_BROKEN), "run")
    assert result.exit_code == 1
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert rows["view"] == ["rows", "bytes", "wall", "seconds"]
    assert rows["revenue"][0] == "2"
    assert rows["broken"] == ["failed"]
    assert rows["child"] == ["skipped:", "waits", "for", "broken"]
    assert "Error: " + str(tmp_path / "views" / "broken.sql") in result.stderr
    assert "Traceback" not in result.stderr


def test_a_log_gets_one_line_for_each_view(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path), "run", "+best")
    order, first, second, outcome = result.stderr.splitlines()
    assert order.startswith("order: by the graph alone, none of 2 views has history; ")
    assert outcome.startswith("took ")
    assert first.startswith("[1/2] revenue: 2 rows in ")
    assert second.startswith("[2/2] best: 1 rows in ")


def test_only_the_selected_views_run(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", write_shop(tmp_path), "run", "tag:domain=sales")
    assert set(document["views"]) == {"revenue"}


@pytest.mark.parametrize("selection", ["tag:domain=none", "((", "revenu"])
def test_a_selection_that_means_nothing_runs_nothing(tmp_path: Path, dfplan: Dfplan, selection: str) -> None:
    result = dfplan("--project", write_shop(tmp_path), "run", selection)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: selection {selection}: ")
    assert not (tmp_path / "warehouse").exists()
    assert not (tmp_path / ".dfplan").exists()


def test_checks_that_fail_are_named_with_their_views(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path)
    document = json.loads((shop / "dfplan.yaml").read_text())
    (shop / "dfplan.yaml").write_text(json.dumps({**document, "checks": {"plan_drift": "warn"}}))
    result = dfplan("--project", shop, "run", "--format", "json")
    assert result.exit_code == 0
    failed = json.loads(result.stdout)["failed_checks"]
    assert {name: [*checks] for name, checks in failed.items()} == {
        name: ["plan_drift"] for name in ("revenue", "best", "mart.cheap")
    }
    assert "Warning: plan_drift: It cannot be told: " in result.stderr
    assert "dfplan golden update" in result.stderr
    assert result.stderr.count("Warning:") == 1
