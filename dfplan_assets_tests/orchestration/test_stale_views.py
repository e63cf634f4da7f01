"""Runs build what runs, and no more of the project."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import pytest

from dfplan_assets.orchestration import definitions
from dfplan_assets.orchestration.assets import view_assets
from dfplan_assets.orchestration.local_run import definitions_in
from dfplan_assets.orchestration.partition_runs import PartitionRange
from dfplan_assets.orchestration.runner import Make
from dfplan_assets.orchestration.runs import run_partitions
from dfplan_assets.orchestration.stale_views import run_stale_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets_tests.orchestration.test_runs import _Notes
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The views of which assets are built, each time that some are."""
    found: list[set[str]] = []

    def build(
        plan: ProjectPlan, translator: DfplanTranslator, make: Make, views: Collection[str] | None = None
    ) -> object:
        made = view_assets(plan, translator, make, views)
        found.append({key.to_user_string() for each in made for key in getattr(each, "keys", ())})
        return made

    monkeypatch.setattr(definitions, "view_assets", build)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return found


@pytest.mark.parametrize(
    ("selection", "views"),
    [("+best", {"revenue", "best"}), (None, {"revenue", "best", "mart/cheap"})],
)
def test_of_a_selection_what_is_stale_is_built_and_nothing_else(
    tmp_path: Path, built: list[set[str]], selection: str | None, views: set[str]
) -> None:
    plan = plan_of(write_shop(tmp_path))
    (report,) = run_stale_views(plan, selection, _Notes(), staleness_now(plan))
    assert report.success
    assert built == [views]
    assert run_stale_views(plan, "+best", _Notes(), staleness_now(plan)) == ()
    assert built == [views]


def test_of_a_selection_that_is_asked_for_what_it_means_is_built(
    tmp_path: Path, built: list[set[str]]
) -> None:
    plan = plan_of(write_shop(tmp_path))
    (report,) = run_partitions(plan, "+best", None, _Notes())
    assert (report.success, set(report.views)) == (True, {"revenue", "best"})
    assert built == [{"revenue", "best"}]


def test_a_process_of_its_own_builds_what_its_run_makes(tmp_path: Path, built: list[set[str]]) -> None:
    root = write_shop(tmp_path)
    made = definitions_in(str(root), ["revenue"])
    assert [key.to_user_string() for key in made.resolve_asset_graph().executable_asset_keys] == ["revenue"]
    definitions_in(str(root), None)
    assert built == [{"revenue"}, {"revenue", "best", "mart/cheap"}]


def test_what_turns_out_to_be_fresh_between_runs_is_told_and_takes_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    daily = DAILY.replace("to: 2024-03-02", "to: 2024-02-29")
    by_content = daily.replace("partitions:", "data_version: content\npartitions:")
    root = write_daily(tmp_path, {"whole": WHOLE}, by_content)
    run_partitions(plan_of(root), None, PartitionRange(DAYS[0], DAYS[1]), _Notes())
    file = root / "orders.parquet"
    later_ns = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(later_ns, later_ns))
    plan, notes = plan_of(root), _Notes()
    *made, last = run_stale_views(plan, None, notes, staleness_now(plan))
    assert [report.views["daily"].state for report in made] == ["materialised", "materialised"]
    assert (last.run_id, last.success, last.views["whole"].rows) == ("", True, 1)
    assert notes.heard[-1] == ("whole", "cached")


CHECK = """\
import dagster as dg

@dg.asset_check(asset="revenue")
def positive() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)
"""


@pytest.mark.parametrize(("view", "checks"), [("revenue", {"positive"}), ("best", set())])
def test_checks_written_in_python_are_made_with_their_view(
    tmp_path: Path, view: str, checks: set[str]
) -> None:
    root = write_shop(tmp_path)
    (root / "own_checks.py").write_text(CHECK, encoding="utf-8")
    file = root / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "extends": ["own_checks"]}), encoding="utf-8")
    graph = definitions_in(str(root), [view]).resolve_asset_graph()
    assert {key.name for key in graph.asset_check_keys} == checks
