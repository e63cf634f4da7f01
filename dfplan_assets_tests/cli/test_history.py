from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.cli.test_show import store_of
from dfplan_assets_tests.regressions.simulated import acceptance
from dfplan_assets_tests.small_projects import write_shop
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A view that ran with one plan over two files, then with another plan, then failed."""
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        for number, path in enumerate(["v1.parquet", "v2.parquet"]):
            bundle = replace(
                samples.bundle(), physical_plan=f"DataSourceExec: {path}"
            )  # of the same identity
            at = MORNING + number * DAY
            key = store.put_bundle(bundle, at=at)
            store.put_run(samples.run(started_at=at, wall_seconds=1.0 + number, bundle_key=key))
        at = MORNING + 2 * DAY
        key = store.put_bundle(samples.bundle(year=1995), at=at)
        store.put_run(samples.run(started_at=at, wall_seconds=4.0, bundle_key=key))
        store.put_run(replace(samples.failed_run(started_at=MORNING + 3 * DAY), bundle_key=key))
    return shop


def test_plans_that_differ_only_in_files_are_one(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    found = dfplan_json("--project", shop, "history", "revenue")
    first, second = found["plans"]
    assert len(first["keys"]) == 2
    assert (first["runs"], first["succeeded"], first["median_wall_seconds"]) == (2, 2, 1.5)
    assert first["first_planned_at"] == MORNING.isoformat()
    assert first["last_planned_at"] == (MORNING + DAY).isoformat()
    assert (second["runs"], second["succeeded"], second["median_wall_seconds"]) == (2, 1, 4.0)


def test_the_parts_that_changed_are_those_against_the_plan_before(
    shop: Path, dfplan_json: Callable[..., Any]
) -> None:
    first, second = dfplan_json("--project", shop, "history", "revenue")["plans"]
    assert first["changed_parts"] is None
    assert second["changed_parts"] == ["meaning", "parameters"]


def test_the_runs_are_all_there_the_oldest_first(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    runs = dfplan_json("--project", shop, "history", "revenue")["runs"]
    assert [run["status"] for run in runs] == ["succeeded", "succeeded", "succeeded", "failed"]
    assert [run["wall_seconds"] for run in runs] == [1.0, 2.0, 4.0, None]
    assert runs[3]["failure"] == "Arrow error: Divide by zero error"
    assert runs[0]["output_rows"] == 25


def test_the_text_names_plans_by_the_beginning_of_their_keys(
    shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    document = dfplan_json("--project", shop, "history", "revenue")
    lines = dfplan("--project", shop, "history", "revenue").stdout.splitlines()
    assert lines[0] == "revenue"
    for line, plan in zip(lines[2:4], document["plans"], strict=True):
        assert line.startswith(plan["key"][:12] + " ")
    assert lines[2].endswith("first plan")
    assert lines[3].endswith("meaning, parameters")
    assert any("failed" in line and "Divide by zero" in line for line in lines)


def test_only_the_last_ten_runs_are_in_the_text(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        store.put_bundle(samples.bundle(), at=MORNING)
        for number in range(12):
            store.put_run(samples.run(started_at=MORNING + number * DAY))
    text = dfplan("--project", shop, "history", "revenue").stdout
    assert text.count("succeeded") == 10
    assert "the last 10 of 12 runs" in text


def test_a_plan_has_its_slow_runs_and_who_accepted_it(
    shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    accepted = samples.bundle(year=1995).identity
    with store_of(shop) as store:
        key = store.put_bundle(samples.bundle(year=1995), at=MORNING + 2 * DAY)
        for number in range(9):
            at = MORNING + (4 + number) * DAY
            store.put_run(samples.run(started_at=at, wall_seconds=1.0 + number, bundle_key=key))
        record = acceptance(accepted.complete, MORNING + 20 * DAY)
        store.put_acceptance(replace(record, fingerprint=accepted.fingerprint))
    first, second = dfplan_json("--project", shop, "history", "revenue")["plans"]
    # of 1 to 9 and 4 seconds: nine of ten take 8 seconds or less
    assert (second["median_wall_seconds"], second["p90_wall_seconds"]) == (4.5, 8.0)
    assert first["accepted"] is None
    assert second["accepted"] == {
        "at": (MORNING + 20 * DAY).isoformat(),
        "by": "ada",
        "note": "more rows, as agreed",
    }
    text = dfplan("--project", shop, "history", "revenue").stdout
    assert "2026-03-21 06:30 UTC by ada: more rows, as agreed" in text


def test_a_plan_that_came_back_is_the_same_plan(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    with store_of(shop) as store:
        again = replace(samples.bundle(), physical_plan="DataSourceExec: v3.parquet")
        key = store.put_bundle(again, at=MORNING + 9 * DAY)
        store.put_run(samples.run(started_at=MORNING + 9 * DAY, wall_seconds=9.0, bundle_key=key))
    first, second = dfplan_json("--project", shop, "history", "revenue")["plans"]
    assert (len(first["keys"]), first["runs"]) == (3, 3)
    assert first["last_planned_at"] == (MORNING + 9 * DAY).isoformat()
    assert second["changed_parts"] == ["meaning", "parameters"]
