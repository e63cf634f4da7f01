from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.cli.test_show import store_of
from dfplan_assets_tests.regressions.simulated import HOUR, acceptance, noisy, store_runs
from dfplan_assets_tests.small_projects import write_shop
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

GB = 10**9


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    """A shop whose revenue takes three times as long, and spills, since its year became another."""
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        store_runs(store, samples.bundle(year=1994), noisy(1.0, 20))
        store_runs(store, samples.bundle(year=1995), noisy(3.0, 12), first=20, spilled_bytes=2 * GB)
        store_runs(store, samples.bundle("best"), noisy(1.0, 30))
    return shop


def test_a_regression_is_told_with_both_plans_and_exits_with_1(slower: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", slower, "regressions", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["regressions"] is True
    assert {name: view["verdict"] for name, view in document["views"].items()} == {
        "revenue": "regression",
        "best": "steady",
        "mart.cheap": "too few runs",
    }
    found = document["views"]["revenue"]
    assert found["plan_changed"] is True
    assert (found["before"]["runs"], found["current"]["runs"]) == (20, 12)
    assert found["before"]["wall_seconds"] == pytest.approx(1.0, rel=0.1)
    assert found["current"]["wall_seconds"] == pytest.approx(3.0, rel=0.1)
    assert found["current"]["first_run_at"] == (MORNING + 20 * HOUR).isoformat()
    assert found["wall_seconds"]["worse"] is True
    assert found["wall_seconds"]["ratio"] == pytest.approx(3.0, rel=0.1)
    assert (found["spilled_bytes"]["before"], found["spilled_bytes"]["after"]) == (0, 2 * GB)
    assert found["spilled_bytes"]["ratio"] is None
    assert [each["figure"] for each in found["moved"]] == ["spilled bytes"]
    assert found["change"]["changed_parts"] == ["meaning", "parameters"]
    assert found["change"]["cause"] == "parameter $min_year: 1994 → 1995"


def test_the_text_begins_with_the_regressions_and_says_why(slower: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", slower, "regressions")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[1].startswith("revenue     regression")
    assert lines[2].startswith("best        steady")
    assert lines[3].startswith("mart.cheap  too few runs")
    assert "it takes ×" in lines[1]
    assert "and it spills 2.0 GB instead of 0 bytes" in lines[1]
    assert any(line.startswith("the plan: rows or values may differ: parameter $min_year") for line in lines)
    assert any(line.startswith("dfplan diff revenue ") for line in lines)


def test_a_view_without_regression_exits_with_0(slower: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", slower, "regressions", "best")
    assert (document["regressions"], [*document["views"]]) == (False, ["best"])


def test_a_plan_that_only_changed_is_drift_and_exits_with_0(
    tmp_path: Path, dfplan_json: Callable[..., Any]
) -> None:
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        store_runs(store, samples.bundle(year=1994), noisy(1.0, 20))
        store_runs(store, samples.bundle(year=1995), noisy(1.0, 12, seed=2), first=20)
    found = dfplan_json("--project", shop, "regressions", "revenue")["views"]["revenue"]
    assert found["verdict"] == "drift"
    assert "1995" in found["change"]["cause"]


def test_an_accepted_regression_exits_with_0_and_names_who(slower: Path, dfplan: Dfplan) -> None:
    plan = samples.bundle(year=1995).identity
    with store_of(slower) as store:
        record = acceptance(plan.complete, MORNING + 30 * HOUR)
        store.put_acceptance(replace(record, fingerprint=plan.fingerprint))
    result = dfplan("--project", slower, "regressions", "revenue")
    assert result.exit_code == 0
    assert result.stdout.startswith("revenue  regression, accepted")
    assert "accepted: 2026-03-02 12:30 UTC by ada: more rows, as agreed" in result.stdout


def test_a_view_of_which_nothing_is_stored_is_named(slower: Path, dfplan: Dfplan) -> None:
    unknown = dfplan("--project", slower, "regressions", "revenues")
    assert unknown.exit_code == 2
    assert "revenue" in unknown.stderr
    never_ran = dfplan("--project", slower, "regressions", "mart.cheap")
    assert never_ran.exit_code == 2
    assert "no plan of it has been stored yet" in never_ran.stderr


def test_without_a_store_there_is_nothing_to_tell(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path), "regressions")
    assert result.exit_code == 2
    assert "it has no plan store yet" in result.stderr
