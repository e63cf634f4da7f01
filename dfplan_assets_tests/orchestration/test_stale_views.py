"""Runs of what is stale build what runs, and no more of the project."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from dfplan_assets.orchestration import definitions
from dfplan_assets.orchestration.assets import view_assets
from dfplan_assets.orchestration.local_run import definitions_in
from dfplan_assets.orchestration.runner import Make
from dfplan_assets.orchestration.stale_views import run_stale_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets_tests.orchestration.test_runs import _Notes
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


def test_a_process_of_its_own_builds_what_its_run_makes(tmp_path: Path, built: list[set[str]]) -> None:
    root = write_shop(tmp_path)
    made = definitions_in(str(root), ["revenue"])
    assert [key.to_user_string() for key in made.resolve_asset_graph().executable_asset_keys] == ["revenue"]
    definitions_in(str(root), None)
    assert built == [{"revenue"}, {"revenue", "best", "mart/cheap"}]
