from __future__ import annotations

import dagster as dg
import pytest

from dfplan_assets.orchestration.building import build_view_assets
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets_tests.small_projects import plan_of, write_project

_CHECKED = """\
/* ---
checks:
  - not_null: [id]
  - relationships: {column: id, to: größe, field: id}
--- */
select id from "input"
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    """Tables with names that are words of Dagster, hold other letters, or are one when a dot is a line."""
    root = tmp_path_factory.mktemp("project")
    (root / "numbers.csv").write_text("id\n1\n2\n", encoding="utf-8")
    views = {
        "type.sql": _CHECKED,
        "größe.sql": 'select id from "my numbers"',
        "raw.a.sql": "select id from type",
        "raw_a.sql": 'select id from größe where id > 1 and id in (select id from "type")',
        "reader.sql": "select x.id from raw.a x join raw_a y on x.id = y.id",
    }
    return plan_of(write_project(root, views, {"input": "numbers.csv", "my numbers": "numbers.csv"}))


def _key(*path: str) -> dg.AssetKey:
    return dg.AssetKey(list(path))


def test_any_name_of_a_table_can_be_run_observed_and_checked(plan: ProjectPlan) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        job = project_definitions(plan).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance)
        made = {event.asset_key for event in result.get_asset_materialization_events()}
        observed = {
            event.asset_observation_data.asset_observation.asset_key
            for event in result.get_asset_observation_events()
        }
    assert result.success
    assert made == {_key("type"), _key("größe"), _key("raw", "a"), _key("raw_a"), _key("reader")}
    assert observed == {_key("input"), _key("my numbers")}
    assert {
        (each.asset_key, each.check_name, each.passed) for each in result.get_asset_check_evaluations()
    } == {
        (_key("type"), "not_null_id", True),
        (_key("type"), "relationships_id_gr_e", True),
    }


def test_a_view_waits_for_both_of_two_tables_whose_keys_give_one_name(plan: ProjectPlan) -> None:
    graph = project_definitions(plan).resolve_implicit_global_asset_job_def().graph
    structure = graph.dependency_structure
    waits_for = {
        output.node_name
        for outputs in structure.input_to_upstream_outputs_for_node("reader").values()
        for output in outputs
    }
    assert waits_for == {"raw__a", "raw_a"}


def test_a_selection_follows_such_names_too(plan: ProjectPlan) -> None:
    assets = build_view_assets(plan, select="+raw.a", exclude="größe")
    assert {key for each in assets if isinstance(each, dg.AssetsDefinition) for key in each.keys} == {
        _key("type"),
        _key("raw", "a"),
    }


def test_a_key_that_gives_names_stands_for_itself() -> None:
    assert not PortNames.of([_key("revenue"), _key("mart", "orders"), _key("a-b")]).stand_ins
    assert set(PortNames.of([_key("class"), _key("a"), _key("b c")]).stand_ins) == {
        _key("class"),
        _key("b c"),
    }
    assert set(PortNames.of([_key("a", "b"), _key("a_b"), _key("c")]).stand_ins) == {
        _key("a", "b"),
        _key("a_b"),
    }
