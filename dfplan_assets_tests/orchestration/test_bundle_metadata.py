from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.bundle_metadata import bundle_metadata, store_failure
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.markdown import stored_bytes
from dfplan_assets.orchestration.runner import Made
from dfplan_assets.planning.bundle import PlanBundle, SubstraitPlan, Validation
from dfplan_assets.planning.diff import difference, facts_of_bundle
from dfplan_assets.store import BundleRecord, Drained, Recorded, find_store
from dfplan_assets_tests.small_projects import plan_of, write_shop
from dfplan_assets_tests.store import samples

STORED = Recorded("c0ffee", None, None, None)
UNREACHABLE = StoreError("plan store postgresql://db/plans", "it cannot be reached", "Start the server.")


def texts(
    bundle: PlanBundle, recorded: Recorded = STORED, before: PlanBundle | None = None
) -> dict[str, str]:
    """The metadata of a run of this plan after one of the plan ``before``."""
    profile = samples.profile()
    publication = Publication("revenue", "v1", (), 1, 1, samples.MORNING)
    previous = found = None
    if before is not None:
        previous = BundleRecord(
            "deadbeef" * 8, "revenue", samples.MORNING, samples.MORNING, 0.1, before.identity
        )
        found = difference(facts_of_bundle(before), facts_of_bundle(bundle))
    made = Made(Materialisation(publication, profile, bundle), recorded, previous, found)
    return {key: str(value.value) for key, value in bundle_metadata(made).items()}


def run(shop: Path, view: str = "revenue") -> tuple[dict[str, str], list[str]]:
    """The metadata of a real materialisation in a process of its own, and the warnings in its log."""
    job = project_definitions(plan_of(shop)).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(view)])
        (materialisation,) = result.asset_materializations_for_node(view)
        warnings = [
            entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == logging.WARNING
        ]
    return {key: str(value.value) for key, value in materialisation.metadata.items()}, warnings


def test_the_key_finds_the_whole_bundle_in_the_store(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    found, warnings = run(shop)
    store = find_store(f"sqlite:///{shop}/.dfplan/plans.db")
    assert store is not None
    with store:
        bundle = store.bundle(found["dfplan/bundle_key"])
    assert bundle.view == "revenue"
    assert bundle.identity.fingerprint == found["dfplan/fingerprint"]
    assert bundle.tree.rstrip() in found["dfplan/explain_tree"]
    assert bundle.substrait.message is not None
    assert f"{len(bundle.substrait.message):,} bytes; matches: " in found["dfplan/substrait"]
    assert "dfplan/store_failure" not in found
    assert warnings == []


def test_what_changed_since_the_last_run_is_said_part_by_part(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    first, _ = run(shop)
    assert first["dfplan/plan_changes"] == "This is the first plan that the store knows of."
    assert "dfplan/plan_changed" not in first
    again, _ = run(shop)
    assert again["dfplan/plan_changes"] == "The plan is that of the last run."
    assert again["dfplan/plan_changed"] == "0"
    file = shop / "views" / "marts" / "revenue.sql"
    file.write_text(file.read_text().replace("sum(o.price)", "avg(o.price)"))
    changed, _ = run(shop)
    assert changed["dfplan/plan_changed"] == "1"
    head, kind, command = changed["dfplan/plan_changes"].split("\n\n")
    assert head.startswith("Changed since the last run: ")
    assert {"meaning", "functions"} <= set(head.removesuffix(".").split(": ")[1].split(", "))
    assert kind.startswith("**rows or values may differ**: ")
    assert "avg" in kind
    keys = f"{first['dfplan/bundle_key'][:12]} {changed['dfplan/bundle_key'][:12]}"
    assert command == f"`dfplan diff revenue {keys}` shows it side by side."


def test_a_plan_that_only_runs_in_another_way_is_said_to() -> None:
    bundle = samples.bundle()
    physical = bundle.physical_plan.replace("HashJoinExec", "NestedLoopJoinExec")
    parts = {**bundle.identity.parts, "physical": samples.sha256("another")}
    before = replace(
        bundle, physical_plan=physical, identity=replace(bundle.identity, parts=parts, complete="another")
    )
    found = texts(bundle, before=before)["dfplan/plan_changes"]
    assert found.startswith("Changed since the last run: physical.\n\n**physical only**: ")


def test_where_the_plan_before_cannot_be_read_the_parts_are_still_named() -> None:
    bundle = samples.bundle()
    made = Made(
        Materialisation(Publication("revenue", "v1", (), 1, 1, samples.MORNING), samples.profile(), bundle),
        STORED,
        BundleRecord(
            "deadbeef" * 8, "revenue", samples.MORNING, samples.MORNING, 0.1, samples.bundle(year=1).identity
        ),
        None,
    )
    found = str(bundle_metadata(made)["dfplan/plan_changes"].value)
    assert found.startswith("Changed since the last run: meaning, parameters.")
    assert "may differ" not in found


def test_the_figures_of_the_topology_are_those_of_its_operators() -> None:
    lines = texts(samples.bundle())["dfplan/topology"].splitlines()
    figures = {cells[1].strip(): cells[2].strip() for line in lines[2:] if (cells := line.split("|"))}
    assert figures == {
        "operators": "3",
        "pipeline breakers": "1",
        "hash repartitions": "1",
        "round-robin repartitions": "0",
        "sort-preserving merges": "0",
        "scans": "1",
        "files scanned": "1",
        "partitions that come out": "2",
    }


def test_a_plan_without_substrait_says_why() -> None:
    refused = SubstraitPlan(
        None, "Unnest: neither encoding carries it", (), Validation("not validated", "no")
    )
    found = texts(replace(samples.bundle(), substrait=refused))
    assert found["dfplan/substrait"] == "none: Unnest: neither encoding carries it"


def test_volatile_functions_are_named_where_there_are_any() -> None:
    bundle = samples.bundle()
    assert "dfplan/volatile_functions" not in texts(bundle)
    volatile = replace(bundle, identity=replace(bundle.identity, volatile_functions=("now", "random")))
    assert texts(volatile)["dfplan/volatile_functions"] == "now, random"


def test_a_long_tree_is_cut_and_names_the_command_that_shows_all_of_it() -> None:
    lines = [f"│ {number:>20} │" for number in range(5_000)]
    tree = texts(replace(samples.bundle(), tree="\n".join(lines)))["dfplan/explain_tree"]
    kept = tree.count("│") // 2
    assert 100 < kept < 5_000
    assert f"the last {5_000 - kept:,} of 5,000 lines are left out" in tree
    assert "`dfplan show revenue`" in tree
    assert lines[kept - 1] in tree


def test_a_tree_that_is_too_wide_is_left_out_and_says_so() -> None:
    tree = texts(replace(samples.bundle(), tree="│" * 20_000))["dfplan/explain_tree"]
    assert tree == "**Left out: it is too wide.** `dfplan show revenue` prints the whole plan."


def test_a_tree_that_could_not_be_drawn_says_why() -> None:
    tree = texts(replace(samples.bundle(), tree="", tree_refusal="It is a forest"))["dfplan/explain_tree"]
    assert tree == "**Left out:** It is a forest. `dfplan show revenue` prints the plan as text."


def test_the_short_form_of_any_bundle_is_short() -> None:
    bundle = samples.bundle()
    monster = replace(
        bundle,
        tree="│ \N{SNOWMAN} │\n" * 100_000,
        topology=bundle.topology * 3_000,
        substrait=SubstraitPlan(
            b"x" * 10**6, None, ("Unnest",) * 10_000, Validation("differs", "because " * 10_000)
        ),
        identity=replace(bundle.identity, volatile_functions=("now",) * 10_000),
    )
    loud = StoreError("plan store", "no " * 10_000, "Stop " * 10_000)
    found = texts(monster, Recorded("c0ffee", loud, loud, None), bundle)
    assert sum(map(stored_bytes, found.values())) < 15_000


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (Recorded("k", UNREACHABLE, None, None), "records wait beside the project"),
        (Recorded("k", UNREACHABLE, StoreError("queue", "is full", "Make room."), None), "records are lost"),
        (Recorded("k", None, None, Drained(3, (UNREACHABLE,), None)), "1 records of earlier runs"),
        (Recorded("k", None, None, Drained(3, (), UNREACHABLE)), "Records of earlier runs still wait"),
    ],
)
def test_whatever_the_store_does_not_have_is_said_with_the_reason(recorded: Recorded, said: str) -> None:
    failure = store_failure(recorded)
    assert failure is not None
    assert said in failure
    assert "it cannot be reached. Start the server." in failure
    assert texts(samples.bundle(), recorded)["dfplan/store_failure"] == failure


@pytest.mark.parametrize("recorded", [STORED, Recorded("k", None, None, Drained(3, (), None))])
def test_where_all_is_stored_nothing_is_said(recorded: Recorded) -> None:
    assert store_failure(recorded) is None


def test_a_store_that_fails_is_seen_on_the_asset_and_in_the_log(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    (shop / ".dfplan").mkdir()
    (shop / ".dfplan" / "plans.db").write_bytes(b"not a database at all" * 100)
    found, warnings = run(shop)
    assert "the file is no SQLite database" in found["dfplan/store_failure"]
    assert warnings == [found["dfplan/store_failure"]]
    assert found["dagster/row_count"] == "2"
    assert found["dfplan/bundle_key"]
    assert len(list((shop / ".dfplan" / "queue").iterdir())) == 2
