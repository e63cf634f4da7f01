"""An upgrade of the engine: golden plans of the release before are told apart, view by view."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.verdict import Check
from dfplan_assets.project import load_project

PREVIOUS = Path(__file__).with_name("previous_engine")
BEFORE = "54.1.0"


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upgraded") / "shop"
    shutil.copytree(PREVIOUS, folder)
    return folder


@pytest.fixture(scope="module")
def found(upgraded: Path) -> Check:
    return check_project(load_project(upgraded), level="plan")


def test_the_golden_files_can_still_be_read(found: Check) -> None:
    assert found.all_problems == ()
    assert len(found.views) == 7


def test_every_view_is_told_apart_as_the_engine_s(found: Check) -> None:
    assert {view.kind for view in found.views} == {"engine"}
    releases = f"DataFusion {BEFORE.split('.')[0]} → {version('datafusion').split('.')[0]}"
    assert all(releases in view.cause for view in found.views)
    assert found.settings[0] == f"DataFusion {BEFORE} → {version('datafusion')}"
    assert found.exit_code == 1


def test_the_views_whose_plans_it_touched_are_listed_with_the_difference(found: Check) -> None:
    # Scans that a join or a TopK filters say so under DataFusion 55; the others are as they were.
    touched = {
        view.view
        for view in found.drifted
        if view.difference is not None
        and view.difference.physical_tree is not None
        and any(row.change == "changed" for row in view.difference.physical_tree)
    }
    assert touched == {"ranked", "revenue", "best"}
    assert {view.view for view in found.views if view.state == "same"} == {"all_orders", "fresh", "recent"}


def test_an_edit_beside_the_upgrade_is_no_matter_of_the_engine(upgraded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(upgraded, folder)
    view = folder / "views" / "recent.sql"
    view.write_text(view.read_text().replace("price > 10", "price > 20"))
    found = {view.view: view for view in check_project(load_project(folder)).views}
    assert found["recent"].kind == "rows or values may differ"
    assert "filter `price > 10` became `price > 20`" in found["recent"].cause
    assert found["loud"].kind == "engine"


def test_at_level_meaning_physical_plans_are_no_matter(upgraded: Path) -> None:
    found = check_project(load_project(upgraded), level="meaning")
    assert "best" not in {view.view for view in found.drifted}
    assert {str(view.kind) for view in found.drifted} == {"engine"}
