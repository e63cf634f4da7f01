"""A project that is planned again and again as its files change."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved, listed
from dfplan_assets.planning import guard
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The views that are planned from now on."""
    names: list[str] = []
    plan_query = guard.plan_query

    def counting(ctx: object, view: object, *rest: object) -> object:
        names.append(view.name)  # type: ignore[attr-defined]
        return plan_query(ctx, view, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("dfplan_assets.planning.project_plan.plan_query", counting)
    return names


def test_only_what_changed_is_planned_again(tmp_path: Path, planned: list[str]) -> None:
    on_disk = ProjectOnDisk(write_shop(tmp_path))
    assert set(on_disk.plan().views) == {"best", "mart.cheap", "revenue"}
    assert sorted(planned) == ["best", "mart.cheap", "revenue"]
    planned.clear()
    on_disk.plan()
    assert planned == []
    best = tmp_path / "views/marts/best.sql"
    best.write_text(best.read_text(encoding="utf-8").replace("limit 1", "limit 2"), encoding="utf-8")
    on_disk.plan()
    assert planned == ["best"]


def test_looking_writes_nothing_beside_a_project_that_never_ran(tmp_path: Path) -> None:
    on_disk = ProjectOnDisk(write_shop(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    on_disk.plan()
    assert sorted(tmp_path.rglob("*")) == before


def test_another_meaning_is_the_same_graph(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    loaded = plan_of(shop)
    best = tmp_path / "views/marts/best.sql"
    best.write_text("select count(*) as n from revenue", encoding="utf-8")
    assert graph_moved(loaded, plan_of(shop)) is None
    best.write_text("select count(*) as n from orders", encoding="utf-8")
    assert graph_moved(loaded, plan_of(shop)) == (
        "The views on the disk are not those that Dagster loaded: best reads other tables. "
        "Reload the code location."
    )


def test_long_lists_are_cut() -> None:
    assert listed("abcde") == "a, b, c, d, e"
    assert listed("abcdefg") == "a, b, c, d, e, and 2 more"
