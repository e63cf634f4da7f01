"""Views of a project in definitions that somebody writes by hand: all of them, or a part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets import (
    DfplanTranslator,
    DfplanTranslatorSettings,
    build_definitions,
    build_drift_sensor,
    build_view_assets,
    load_project,
)
from dfplan_assets.errors import InputError
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

VIRTUAL = "/* ---\nmaterialized: view\n--- */\n"


def keys(assets: Sequence[object]) -> set[str]:
    made = [each.keys if isinstance(each, dg.AssetsDefinition) else [each.key] for each in assets]  # type: ignore[attr-defined]
    return {key.to_user_string() for each in made for key in each}


def asset_graph(definitions: dg.Definitions) -> dict[str, tuple[bool, list[str]]]:
    """Whether something here makes each asset, and what it reads."""
    graph = definitions.resolve_asset_graph()
    return {
        key.to_user_string(): (
            graph.get(key).is_materializable,
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        )
        for key in graph.get_all_asset_keys()
    }


def test_a_project_may_be_a_folder_or_read_or_planned(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    everything = {"revenue", "best", "mart/cheap"}
    for project in (shop, str(shop), load_project(shop), plan_of(shop)):
        assert keys(build_view_assets(project)) == everything


@pytest.mark.parametrize(
    ("select", "exclude", "chosen"),
    [
        ("best", None, {"best"}),
        ("+best", None, {"best", "revenue"}),
        ("group:marts", "best", {"revenue"}),
        (None, "group:marts", {"mart/cheap"}),
        ("tag:domain=sales", None, {"revenue"}),
    ],
)
def test_views_are_chosen_as_dfplan_run_chooses_them(
    tmp_path: Path, select: str | None, exclude: str | None, chosen: set[str]
) -> None:
    assert keys(build_view_assets(write_shop(tmp_path), select=select, exclude=exclude)) == chosen


def test_what_is_left_out_is_a_dependency_that_something_else_makes(tmp_path: Path) -> None:
    graph = asset_graph(build_definitions(write_shop(tmp_path), select="best"))
    assert graph == {"best": (True, ["revenue"]), "revenue": (False, [])}


def test_two_parts_of_a_project_are_the_whole(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    parts = dg.Definitions(
        assets=[*build_view_assets(shop, select="revenue"), *build_view_assets(shop, exclude="revenue")]
    )
    whole = dg.Definitions(assets=build_view_assets(shop))
    assert asset_graph(parts) == asset_graph(whole)


def test_a_part_has_the_sources_sensors_and_schedules_that_it_needs(tmp_path: Path) -> None:
    views = {
        "a.sql": "select * from one",
        "b.sql": "select * from two",
        "c.sql": "/* ---\nautomation: eager\n--- */\nselect * from two",
    }
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("x\n1\n", encoding="utf-8")
    schedules = {name: {"cron": "@daily", "select": name} for name in "ab"}
    sources = {"one": "one.csv", "two": "two.csv"}
    plan = plan_of(write_project(tmp_path, views, sources, schedules=schedules))
    part = build_definitions(plan, select="a").get_repository_def()
    assert {key.to_user_string() for key in part.asset_graph.get_all_asset_keys()} == {"a", "one"}
    assert [each.name for each in part.schedule_defs] == ["a"]
    assert [each.name for each in part.sensor_defs] == ["dfplan_drift"]
    other = build_definitions(plan, exclude="a").get_repository_def()
    assert [each.name for each in other.schedule_defs] == ["b"]
    assert {"dfplan_drift", "dfplan_sources"} < {each.name for each in other.sensor_defs}


def test_the_sensor_of_a_part_asks_for_nothing_else(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    sensor = build_definitions(plan, select="mart.cheap").get_repository_def().get_sensor_def("dfplan_drift")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert [run.asset_selection for run in tick.run_requests or ()] == [[dg.AssetKey(["mart", "cheap"])]]


def test_a_view_that_is_not_stored_comes_with_its_readers_and_alone_with_nothing(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, thin=f"{VIRTUAL}select id from orders", reader="select id from thin")
    graph = asset_graph(build_definitions(shop, select="reader"))
    assert set(graph) == {"reader", "thin", "orders"}
    assert "thin" not in asset_graph(build_definitions(shop, select="best"))
    # Its readers cannot do without it, so leaving it out changes nothing.
    assert graph == asset_graph(build_definitions(shop, select="reader", exclude="thin"))


@pytest.mark.parametrize(
    ("select", "exclude", "said"),
    [
        ("nowhere", None, "there is no view nowhere"),
        ("group:nowhere", None, "it selects no view"),
        ("revenue", "nowhere", "there is no view nowhere"),
        ("revenue", "+best", "no view is left of what is selected"),
    ],
)
def test_a_selection_that_means_nothing_is_an_error(
    tmp_path: Path, select: str, exclude: str | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        build_view_assets(write_shop(tmp_path), select=select, exclude=exclude)


def test_two_projects_share_a_code_location_when_one_has_a_prefix(tmp_path: Path) -> None:
    here, there = write_shop(tmp_path / "here"), write_shop(tmp_path / "there")
    prefixed = DfplanTranslator(DfplanTranslatorSettings(asset_key_prefix=["there"]))
    both = dg.Definitions.merge(build_definitions(here), build_definitions(there, translator=prefixed))
    repository = both.get_repository_def()
    found = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    tables = {"revenue", "best", "mart/cheap", "orders", "nation"}
    assert found == tables | {f"there/{table}" for table in tables}
    assert sorted(each.name for each in repository.sensor_defs) == ["dfplan_drift", "there_dfplan_drift"]
    with dg.DagsterInstance.ephemeral() as instance:
        job = both.resolve_implicit_global_asset_job_def()
        wanted = [dg.AssetKey("revenue"), dg.AssetKey(["there", "revenue"])]
        assert job.execute_in_process(instance=instance, asset_selection=wanted).success
    for shop in (here, there):
        assert (shop / "warehouse" / "revenue").is_dir()


def test_another_executor_may_stand_beside_a_project(tmp_path: Path) -> None:
    mine = dg.Definitions(executor=dg.in_process_executor)
    shop = write_shop(tmp_path)
    merged = dg.Definitions.merge(mine, build_definitions(shop, with_executor=False))
    assert merged.executor is dg.in_process_executor
    assert build_definitions(shop).executor is not None


def test_the_folder_of_no_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dfplan\.yaml"):
        build_definitions(tmp_path)
    (tmp_path / "dfplan.yaml").write_text(json.dumps({"name": "x"}), encoding="utf-8")
    with pytest.raises(InputError, match="there is no folder"):
        build_definitions(str(tmp_path))


_PYTHON = """
import dagster as dg
import pandas as pd


@dg.asset(group_name="models")
def model(revenue: pd.DataFrame) -> None: ...


@dg.asset
def other() -> int:
    return 1


@dg.asset(group_name="models")
def behind(other: int) -> None: ...


@dg.asset_check(asset="other")
def other_is_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)
"""


@pytest.mark.parametrize(
    ("select", "exclude", "chosen", "checks"),
    [
        ("model", None, {"model"}, 0),
        ("revenue+", None, {"revenue", "best", "model"}, 0),
        ("group:models or other", "model", {"other", "behind"}, 1),
        ("behind", None, {"behind"}, 0),
        (None, "model or group:staging", {"revenue", "best", "other", "behind"}, 1),
    ],
)
def test_python_assets_are_chosen_as_views_are(
    tmp_path: Path, select: str | None, exclude: str | None, chosen: set[str], checks: int
) -> None:
    shop = write_shop(tmp_path)
    (shop / "models.py").write_text(_PYTHON, encoding="utf-8")
    file = shop / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "extends": ["models"]}), encoding="utf-8")
    built = build_definitions(shop, select=select, exclude=exclude)
    made = {name for name, (is_made, _) in asset_graph(built).items() if is_made}
    assert made == chosen
    assert len(list(built.asset_checks or ())) == checks


def test_a_drift_sensor_is_made_of_a_folder_as_of_a_plan(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    for project in (shop, str(shop), load_project(shop), plan_of(shop)):
        assert build_drift_sensor(project).name == "dfplan_drift"
