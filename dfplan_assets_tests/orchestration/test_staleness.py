"""Dagster calls a view stale exactly when its meaning changed: asked through Dagster's own resolver."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import (
    CachingStaleStatusResolver,
    StaleCauseCategory,
    StaleStatus,
)
from dagster._core.loader import LoadingContextForTest

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.small_projects import plan_of, write_shop

REVENUE = "marts/revenue.sql"


class World:
    """A shop that ran once, and how its views stand against its files as they are now."""

    def __init__(self, shop: Path, instance: dg.DagsterInstance) -> None:
        self._shop = shop
        self._instance = instance

    def run(self, *views: str) -> None:
        job = project_definitions(plan_of(self._shop)).resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(view) for view in views]
        assert job.execute_in_process(instance=self._instance, asset_selection=keys).success

    def rewrite(self, old: str, new: str, file: str = REVENUE) -> None:
        path = self._shop / "views" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def state(self, view: str) -> tuple[StaleStatus, list[StaleCauseCategory]]:
        graph = project_definitions(plan_of(self._shop)).resolve_asset_graph()
        resolver = CachingStaleStatusResolver(self._instance, graph, LoadingContextForTest(self._instance))
        key = dg.AssetKey(view)
        return resolver.get_status(key), [cause.category for cause in resolver.get_stale_causes(key)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(write_shop(tmp_path), dg.DagsterInstance.ephemeral())
    world.run("revenue", "best")
    return world


def test_what_just_ran_is_fresh(world: World) -> None:
    assert world.state("revenue") == (StaleStatus.FRESH, [])
    assert world.state("best") == (StaleStatus.FRESH, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sum(o.price)", "avg(o.price)"),
        ("o.nation_key = n.key", "o.nation_key = n.key and o.price > 15"),
        ("as total", "as turnover"),
        ("join nation", "left join nation"),
    ],
)
def test_a_changed_meaning_makes_a_view_stale_because_of_its_code(world: World, old: str, new: str) -> None:
    world.rewrite("order by total", "order by 1", "marts/best.sql")
    world.rewrite(old, new)
    assert world.state("revenue") == (StaleStatus.STALE, [StaleCauseCategory.CODE])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select n.name", "-- by nation\nselect   n.name"),
        ("description: Revenue per nation", "description: What each nation brought"),
        ("group by", "GROUP BY"),
        (
            "select n.name, sum(o.price) as total\nfrom orders o",
            "select n.name, sum(x.price) as total\nfrom orders x",
        ),
    ],
)
def test_a_change_of_form_leaves_a_view_fresh(world: World, old: str, new: str) -> None:
    world.rewrite(old, new)
    if "orders x" in new:
        world.rewrite("o.nation_key", "x.nation_key")
    assert world.state("revenue") == (StaleStatus.FRESH, [])
    assert world.state("best") == (StaleStatus.FRESH, [])


def test_a_view_is_fresh_again_after_it_ran_with_its_new_meaning(world: World) -> None:
    world.rewrite("sum(o.price)", "avg(o.price)")
    world.run("revenue")
    assert world.state("revenue") == (StaleStatus.FRESH, [])
    # What reads it has the same code, and older data than there is.
    assert world.state("best") == (StaleStatus.STALE, [StaleCauseCategory.DATA])


def test_the_code_version_is_the_fingerprint_of_the_results(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    graph = project_definitions(plan).resolve_asset_graph()
    assert {view: graph.get(dg.AssetKey(view.split("."))).code_version for view in plan.views} == {
        view: each.identity.fingerprint for view, each in plan.views.items()
    }
