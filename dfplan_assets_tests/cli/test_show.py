from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.store import Store, open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING


def store_of(shop: Path) -> Store:
    return open_store(f"sqlite:///{shop}/.dfplan/plans.db")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop whose revenue was planned twice; the second plan ran once."""
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        store.put_bundle(samples.bundle(year=1994, verbose=False), at=MORNING)
        later = MORNING + timedelta(days=1)
        key = store.put_bundle(samples.bundle(year=1995), at=later)
        store.put_run(samples.run(started_at=later, bundle_key=key))
    return shop


def keys_of(shop: Path) -> list[str]:
    with store_of(shop) as store:
        return [bundle.key for bundle in store.bundles("revenue")]


def test_the_document_has_all_of_the_latest_bundle(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    found = dfplan_json("--project", shop, "show", "revenue")
    bundle = samples.bundle(year=1995)
    assert found["key"] == keys_of(shop)[0]
    assert found["identity"] == {
        "fingerprint": bundle.identity.fingerprint,
        "complete": bundle.identity.complete,
        "parts": bundle.identity.parts,
        "volatile_functions": [],
    }
    assert found["sql"] == bundle.sql
    assert found["plans"] == {
        "logical": bundle.logical_plan,
        "optimized": bundle.optimized_plan,
        "physical": bundle.physical_plan,
        "tree": bundle.tree,
        "tree_refusal": None,
    }
    assert bundle.rules is not None
    assert [rule["rule"] for rule in found["rules"]] == [rule.rule for rule in bundle.rules]
    assert [each["name"] for each in found["topology"]["operators"]] == [op.name for op in bundle.topology]
    assert found["topology"]["operators"][2]["scan"]["bytes"] == 123_456
    assert base64.b64decode(found["substrait"]["message"]) == bundle.substrait.message
    assert bundle.substrait.message is not None
    assert found["substrait"]["bytes"] == len(bundle.substrait.message)
    assert found["substrait"]["validation"]["outcome"] == "matches"
    assert found["environment"] == {part.name: part.sha256 for part in bundle.environment}
    assert found["parameters"] == [
        {"name": "min_year", "type": "Int64", "value": "1995", "secret": False},
        {"name": "token", "type": "Utf8", "value": None, "secret": True},
    ]
    assert found["lineage"]["required_columns"]["nation"] == ["key", "name"]


def test_the_document_has_the_profile_of_the_latest_run(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    run = dfplan_json("--project", shop, "show", "revenue")["run"]
    assert (run["status"], run["cores"]) == ("succeeded", 2)
    profile = run["profile"]
    assert (profile["wall_seconds"], profile["cpu_seconds"]) == (0.5, 0.75)
    assert (profile["rows"], profile["bytes"]) == (25, 2_048)
    sink = profile["operators"]
    assert sink["name"] == "DataSinkExec"
    (aggregate,) = sink["children"]
    (join,) = aggregate["children"]
    assert [scan["rows"] for scan in join["children"]] == [25, 1_500]


def test_a_failed_run_after_a_good_one_leaves_the_profile(
    shop: Path, dfplan_json: Callable[..., Any]
) -> None:
    later = MORNING + timedelta(days=2)
    with store_of(shop) as store:
        store.put_run(replace(samples.failed_run(started_at=later), bundle_key=keys_of(shop)[0]))
    assert dfplan_json("--project", shop, "show", "revenue")["run"]["status"] == "succeeded"


def test_a_plan_is_found_by_the_beginning_of_its_key(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    older = keys_of(shop)[1]
    found = dfplan_json("--project", shop, "show", "revenue", older[:8])
    assert (found["key"], found["rules"], found["run"]) == (older, None, None)


def test_the_text_has_a_section_for_each_question(shop: Path, dfplan: Dfplan) -> None:
    text = dfplan("--project", shop, "show", "revenue").stdout
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles == [
        f"revenue  {keys_of(shop)[0]}",
        "SQL",
        "Lineage",
        "Plan (EXPLAIN FORMAT TREE)",
        "Topology",
        "Rules that changed the plan",
        "Substrait",
        "Environment",
        "Latest run",
    ]
    assert "│ AggregateExec │" in text
    assert "123,456" in text
    assert "$token is secret (Utf8)" in text
    assert "push_down_filter (optimizer)" in text


def test_a_plan_that_could_not_be_drawn_is_shown_as_text_with_the_reason(
    shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    bundle = replace(samples.bundle(year=1996), tree="", tree_refusal="It is a forest")
    with store_of(shop) as store:
        key = store.put_bundle(bundle, at=MORNING + timedelta(days=2))
    text = dfplan("--project", shop, "show", "revenue", key).stdout
    assert "It is a forest." in text.split("Plan (as text)")[1].split("Topology")[0]
    plans = dfplan_json("--project", shop, "show", "revenue", key)["plans"]
    assert (plans["tree"], plans["tree_refusal"]) == (None, "It is a forest")


def test_without_recorded_rules_the_text_says_how_to_record_them(shop: Path, dfplan: Dfplan) -> None:
    text = dfplan("--project", shop, "show", "revenue", keys_of(shop)[1]).stdout
    assert "planning: {verbose: true}" in text
    assert "never ran" in text


def test_a_key_that_no_plan_has_is_wrong_input(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "show", "revenue", "zzz")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "none of its 2 stored plans" in result.stderr
    assert "dfplan history revenue" in result.stderr


def test_a_key_that_two_plans_have_is_wrong_input(shop: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop, "show", "revenue", "")
    assert (result.exit_code, result.stdout) == (2, "")
    for key in keys_of(shop):
        assert key[:12] in result.stderr


@pytest.mark.parametrize(
    "command", [("show", "revenue"), ("history", "revenue"), ("store", "info"), ("store", "gc")]
)
def test_before_the_first_run_commands_say_what_to_do_and_make_no_store(
    tmp_path: Path, dfplan: Dfplan, command: tuple[str, str]
) -> None:
    shop = write_shop(tmp_path)
    result = dfplan("--project", shop, *command, "--format", "json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "dfplan run" in result.stderr
    assert not (shop / ".dfplan").exists()


def test_a_view_that_never_ran_is_told_apart_from_one_that_is_none(shop: Path, dfplan: Dfplan) -> None:
    never = dfplan("--project", shop, "show", "best")
    assert never.exit_code == 2
    assert "dfplan run '+best'" in never.stderr
    unknown = dfplan("--project", shop, "show", "revenu")
    assert unknown.exit_code == 2
    assert "Did you mean revenue?" in unknown.stderr


def test_a_view_that_is_no_longer_in_the_project_is_still_shown(shop: Path, dfplan: Dfplan) -> None:
    (shop / "views" / "marts" / "revenue.sql").unlink()
    assert dfplan("--project", shop, "show", "revenue").exit_code == 0
    assert dfplan("--project", shop, "history", "revenue").exit_code == 0
