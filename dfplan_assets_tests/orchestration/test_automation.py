"""What ``automation`` and ``freshness`` of views do in Dagster, asked through its own evaluation."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor

from dfplan_assets.errors import ViewError
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.small_projects import plan_of, write_project

VIEWS = {
    "cheap": "select id, price from orders where price < 25",
    "count": "/* ---\ndata_version: content\n--- */ select count(*) as n from cheap",
    "doubled": "select n * 2 as n from count",
}


class World:
    """A project of which Dagster runs views by itself, evaluated tick by tick."""

    def __init__(self, folder: Path, automation: str, views: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.instance = dg.DagsterInstance.ephemeral()
        self._cursor: AssetDaemonCursor | None = None
        self.write_orders("1,10", "2,30")
        write_project(
            folder,
            {f"{name}.sql": sql for name, sql in (views or VIEWS).items()},
            {"orders": "orders.csv"},
            automation=automation,
        )

    def write_orders(self, *rows: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "orders.csv").write_text("\n".join(["id,price", *rows, ""]), encoding="utf-8")

    def rewrite(self, view: str, old: str, new: str) -> None:
        path = self.folder / f"views/{view}.sql"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def observe(self) -> int:
        """What a tick of the sensor of sources does; how many it observed."""
        sensor = self._definitions().get_repository_def().get_sensor_def("dfplan_sources")
        with dg.build_sensor_context(instance=self.instance) as context:
            result = sensor.evaluate_tick(context)
        for event in result.asset_events:
            assert isinstance(event, dg.AssetObservation)
            self.instance.report_runless_asset_event(event)
        return len(result.asset_events)

    def tick(self) -> set[str]:
        """The views that a tick of the automation asks for, which then run."""
        definitions = self._definitions()
        result = dg.evaluate_automation_conditions(definitions, instance=self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        views = plan_of(self.folder).project.views
        asked = {view for view in views if result.get_num_requested(dg.AssetKey(view))}
        if asked:
            definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(view) for view in asked],
                raise_on_error=False,
            )
        return asked

    def ticks(self, most: int = 8) -> list[set[str]]:
        """What each tick asks for, until one asks for nothing."""
        found: list[set[str]] = []
        for _ in range(most):
            asked = self.tick()
            if not asked:
                return found
            found.append(asked)
        raise AssertionError(f"it goes on and on: {found}")

    def _definitions(self) -> dg.Definitions:
        return project_definitions(plan_of(self.folder))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Everything ran on_change."""
    world = World(tmp_path / "shop", "on_change")
    assert world.observe() == 1
    assert set().union(*world.ticks()) == set(VIEWS)
    return world


def test_what_never_ran_runs_once_its_sources_are_known(tmp_path: Path) -> None:
    world = World(tmp_path / "shop", "on_change")
    assert world.ticks() == []
    assert world.observe() == 1
    assert set().union(*world.ticks()) == set(VIEWS)
    assert world.ticks() == []


def test_nothing_runs_where_nothing_changed(world: World) -> None:
    assert world.observe() == 0
    assert world.ticks() == []


def test_data_that_changed_runs_what_reads_it_layer_by_layer(world: World) -> None:
    world.write_orders("1,10", "2,20")
    assert world.observe() == 1
    assert world.ticks() == [{"cheap"}, {"count"}, {"doubled"}]


def test_an_equal_result_ends_what_a_change_began(world: World) -> None:
    world.write_orders("1,15", "2,30")
    world.observe()
    assert world.ticks() == [{"cheap"}, {"count"}]


def test_a_meaning_that_changed_runs_though_no_data_did(world: World) -> None:
    world.rewrite("cheap", "price < 25", "price < 40")
    assert world.ticks() == [{"cheap"}, {"count"}, {"doubled"}]
    world.rewrite("doubled", "n * 2", "n + n + 0")
    assert world.ticks() == [{"doubled"}]


def test_a_comment_runs_nothing(world: World) -> None:
    world.rewrite("cheap", "select id", "-- those under 25\nselect id")
    assert world.ticks() == []


def test_a_view_that_fails_waits_for_the_next_change(world: World) -> None:
    world.rewrite("count", "count(*) as n", "1 / (count(*) - count(*)) as n")
    assert world.ticks() == [{"count"}]
    assert world.ticks() == []
    world.rewrite("count", "1 / (count(*) - count(*)) as n", "count(*) + 1 as n")
    assert world.ticks() == [{"count"}, {"doubled"}]


def test_a_view_that_is_never_up_to_date_does_not_run_in_circles(tmp_path: Path) -> None:
    world = World(tmp_path / "shop", "on_change", {"at": "select id, now() as at from orders"})
    world.observe()
    assert world.ticks() == [{"at"}]
    assert world.ticks() == []


@pytest.mark.parametrize("automation", ["on_change", "eager"])
def test_a_change_goes_through_a_view_that_is_not_stored(tmp_path: Path, automation: str) -> None:
    views = {
        "cheap": "/* ---\nmaterialized: view\n--- */ select id, price from orders where price < 25",
        "count": "select count(*) as n from cheap",
    }
    world = World(tmp_path / "shop", automation, views)
    assert world.tick() == set()  # eager runs nothing at its first evaluation
    world.observe()
    assert world.ticks() == [{"count"}]
    world.write_orders("1,10", "2,20")
    world.observe()
    assert world.ticks() == [{"count"}]


def test_eager_runs_all_behind_an_update_at_once_and_ignores_meaning(tmp_path: Path) -> None:
    world = World(tmp_path / "shop", "eager")
    world.tick()
    world.observe()
    assert world.ticks() == [{"cheap", "count", "doubled"}]
    world.rewrite("cheap", "price < 25", "price < 40")
    assert world.ticks() == []


def test_conditions_are_those_that_the_front_matter_names(tmp_path: Path) -> None:
    views = {
        "a.sql": "/* ---\nautomation: on_cron(0 3 * * *)\n--- */ select 1 as one",
        "b.sql": "/* ---\nautomation: eager\n--- */ select 1 as one",
        "c.sql": "select 1 as one",
    }
    graph = project_definitions(plan_of(write_project(tmp_path, views))).resolve_asset_graph()
    labels = {}
    for name in "abc":
        condition = graph.get(dg.AssetKey(name)).automation_condition
        labels[name] = None if condition is None else condition.get_label()
    assert labels == {"a": "on_cron(0 3 * * *, UTC)", "b": "eager", "c": None}


def test_sources_are_observed_only_where_a_view_runs_by_itself(tmp_path: Path) -> None:
    write_project(tmp_path, {"a.sql": "select * from orders"}, {"orders": "orders.csv"})
    (tmp_path / "orders.csv").write_text("id\n1\n", encoding="utf-8")
    names = [each.name for each in project_definitions(plan_of(tmp_path)).sensors or ()]
    assert names == ["dfplan_drift"]
    document = json.loads((tmp_path / "dfplan.yaml").read_text())
    (tmp_path / "dfplan.yaml").write_text(json.dumps({**document, "automation": "eager"}))
    names = [each.name for each in project_definitions(plan_of(tmp_path)).sensors or ()]
    assert names == ["dfplan_drift", "dfplan_sources"]


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("{within: 24h}", dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24))),
        (
            '{within: 1h, cron: "0 9 * * *", timezone: Asia/Tokyo}',
            dg.FreshnessPolicy.cron("0 9 * * *", timedelta(hours=1), "Asia/Tokyo"),
        ),
    ],
)
def test_freshness_is_a_policy_of_the_asset(tmp_path: Path, written: str, policy: dg.FreshnessPolicy) -> None:
    views = {"a.sql": f"/* ---\nfreshness: {written}\n--- */ select 1 as one"}
    graph = project_definitions(plan_of(write_project(tmp_path, views))).resolve_asset_graph()
    assert graph.get(dg.AssetKey("a")).freshness_policy == policy


def test_a_freshness_that_dagster_cannot_check_names_its_view(tmp_path: Path) -> None:
    views = {"a.sql": '/* ---\nfreshness: {within: 2h, cron: "@hourly"}\n--- */ select 1 as one'}
    plan = plan_of(write_project(tmp_path, views))
    with pytest.raises(ViewError, match=r"a.sql \(view a\): freshness.within is longer than"):
        project_definitions(plan)
