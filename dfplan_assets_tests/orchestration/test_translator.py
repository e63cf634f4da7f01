from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from dfplan_assets.cli import main
from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.building import build_view_assets
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.translator import DfplanTranslator, DfplanTranslatorSettings
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project import load_project
from dfplan_assets.project.model import View
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop


class _Prefixed(DfplanTranslator):
    def get_asset_key(self, table: str) -> dg.AssetKey:
        return super().get_asset_key(table).with_prefix("shop")


def test_a_schema_is_a_part_of_the_key() -> None:
    translator = DfplanTranslator()
    assert translator.get_asset_key("revenue") == dg.AssetKey(["revenue"])
    assert translator.get_asset_key("mart.revenue") == dg.AssetKey(["mart", "revenue"])


def test_a_changed_key_holds_in_definitions_dependencies_and_events(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_shop(tmp_path)), _Prefixed())
    graph = definitions.resolve_asset_graph()
    revenue = dg.AssetKey(["shop", "revenue"])
    assert graph.get(revenue).parent_keys == {
        dg.AssetKey(["shop", "orders"]),
        dg.AssetKey(["shop", "nation"]),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, asset_selection=[revenue])
        event = instance.get_latest_materialization_event(revenue)
    assert event is not None
    assert event.asset_materialization is not None
    lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    origins = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column["total"]}
    assert origins == {
        ("shop/orders", "price"),
        ("shop/orders", "nation_key"),
        ("shop/nation", "key"),
        ("shop/nation", "name"),
    }


_EAGER = dg.AutomationCondition.eager().resolve_through_virtual()


class _Everything(DfplanTranslator):
    """Another answer for each facet."""

    def get_deps(self, project: ProjectPlan, view: View) -> Iterable[dg.AssetDep]:
        return [*super().get_deps(project, view), dg.AssetDep("calendar")]

    def get_description(self, project: ProjectPlan, view: View) -> str | None:
        return f"about {view.name}"

    def get_group_name(self, view: View) -> str | None:
        return "all"

    def get_tags(self, view: View) -> Mapping[str, str]:
        return {"layer": "gold"}

    def get_kinds(self, view: View) -> set[str]:
        return {"table"}

    def get_owners(self, view: View) -> Sequence[str]:
        return ["team:data"]

    def get_metadata(self, project: ProjectPlan, view: View) -> Mapping[str, dg.MetadataValue]:
        return {"of": dg.MetadataValue.text(view.name)}

    def get_code_version(self, project: ProjectPlan, view: View) -> str | None:
        return "7"

    def get_automation_condition(
        self, project: ProjectPlan, view: View
    ) -> dg.AutomationCondition[dg.AssetKey] | None:
        return _EAGER

    def get_partitions_def(self, view: View) -> dg.PartitionsDefinition[str] | None:
        return dg.StaticPartitionsDefinition(["a"])

    def get_freshness_policy(self, view: View) -> dg.FreshnessPolicy | None:
        return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))


@pytest.mark.parametrize("view", ["good", "unplanned", "virtual"])
def test_each_facet_holds_for_every_view_planned_or_not(tmp_path: Path, view: str) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"no Parquet")
    views = {
        "good.sql": "select 1 as x",
        "unplanned.sql": "select x from damaged",
        "virtual.sql": "/* ---\nmaterialized: view\n--- */\nselect x from good",
    }
    plan = plan_of(write_project(tmp_path, views, {"damaged": "damaged.parquet"}))
    specs = {
        spec.key.to_user_string(): spec
        for spec in project_definitions(plan, _Everything()).resolve_all_asset_specs()
    }
    spec = specs[view]
    assert dg.AssetKey("calendar") in {dep.asset_key for dep in spec.deps}
    assert spec.description == f"about {view}"
    assert spec.group_name == "all"
    assert spec.tags["layer"] == "gold"
    assert spec.kinds == {"table"}
    assert spec.owners == ["team:data"]
    assert spec.metadata["of"] == dg.MetadataValue.text(view)
    assert spec.code_version == "7"
    assert spec.automation_condition == _EAGER
    assert spec.partitions_def == dg.StaticPartitionsDefinition(["a"])
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))


def test_settings_change_what_needs_no_translator(tmp_path: Path) -> None:
    settings = DfplanTranslatorSettings(
        asset_key_prefix=["shop", "eu"], top_level_group="top", source_group="lake", show_sql=False
    )
    plan = plan_of(write_shop(tmp_path, top="select 1 as one"))
    definitions = project_definitions(plan, DfplanTranslator(settings))
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    assert set(specs) == {
        f"shop/eu/{name}" for name in ("top", "revenue", "best", "mart/cheap", "orders", "nation")
    }
    assert specs["shop/eu/revenue"].description == "Revenue per nation"
    assert specs["shop/eu/best"].description is None
    assert (specs["shop/eu/top"].group_name, specs["shop/eu/best"].group_name) == ("top", "marts")
    assert specs["shop/eu/orders"].group_name == "lake"


def test_a_prefix_that_is_a_text_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"Write it as \['shop'\]"):
        DfplanTranslatorSettings(asset_key_prefix="shop")


class _OneKey(DfplanTranslator):
    def get_asset_key(self, table: str) -> dg.AssetKey:
        return dg.AssetKey("same") if table in ("best", "orders") else super().get_asset_key(table)


def test_a_view_and_a_source_with_one_key_are_an_error_that_names_both(tmp_path: Path) -> None:
    said = r"dfplan.yaml \(translator _OneKey\): view best and source orders both get the asset key same"
    plan = plan_of(write_shop(tmp_path))
    with pytest.raises(ProjectError, match=said):
        project_definitions(plan, _OneKey())
    with pytest.raises(ProjectError, match=said):
        build_view_assets(plan, translator=_OneKey())


def test_a_key_that_is_a_text_is_an_error(tmp_path: Path) -> None:
    class Text(DfplanTranslator):
        def get_asset_key(self, table: str) -> dg.AssetKey:
            return table  # type: ignore[return-value]

    with pytest.raises(ProjectError, match=r"gives view \S+ a str, not a dagster.AssetKey"):
        project_definitions(plan_of(write_shop(tmp_path)), Text())


_MODULE = """
import dagster as dg
from dfplan_assets import DfplanTranslator

class Prefixed(DfplanTranslator):
    def get_asset_key(self, table):
        return dg.AssetKey(["{prefix}", *super().get_asset_key(table).path])

class Same(DfplanTranslator):
    def get_asset_key(self, table):
        return dg.AssetKey("same")

made = DfplanTranslator()
number = 1
"""


def _shop_with_translator(folder: Path, translator: str, prefix: str = "shop") -> Path:
    write_shop(folder)
    (folder / "looks.py").write_text(_MODULE.replace("{prefix}", prefix), encoding="utf-8")
    file = folder / "dfplan.yaml"
    document = {**json.loads(file.read_text()), "translator": translator}
    file.write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_the_project_s_own_translator_is_that_of_definitions_and_of_commands(tmp_path: Path) -> None:
    shop = _shop_with_translator(tmp_path, "looks:Prefixed")
    revenue = dg.AssetKey(["shop", "revenue"])
    assert revenue in project_definitions(plan_of(shop)).resolve_asset_graph().get_all_asset_keys()
    # Names in a selection are those of views, not of assets.
    result = CliRunner().invoke(main, ["--project", str(shop), "run", "+best"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    with open_instance(shop) as instance:
        assert instance.get_latest_materialization_event(revenue) is not None
        assert instance.get_latest_materialization_event(dg.AssetKey("revenue")) is None
        observed = instance.fetch_observations(dg.AssetKey(["shop", "orders"]), limit=1).records
        assert len(observed) == 1


def test_two_projects_have_translators_in_modules_of_one_name(tmp_path: Path) -> None:
    shops = [_shop_with_translator(tmp_path / name, "looks:Prefixed", name) for name in ("here", "there")]
    keys = [translator_of(load_project(shop)).get_asset_key("revenue") for shop in shops]
    assert keys == [dg.AssetKey(["here", "revenue"]), dg.AssetKey(["there", "revenue"])]


def test_a_command_refuses_a_translator_that_gives_two_views_one_key(tmp_path: Path) -> None:
    shop = _shop_with_translator(tmp_path, "looks:Same")
    for command in ("run", "schedule"):
        arguments = ["--project", str(shop), command, "best"]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 2
        assert "both get the asset key same" in result.stderr


@pytest.mark.parametrize(
    ("translator", "said"),
    [
        ("nowhere:Translator", "there is no module nowhere"),
        ("looks:Nothing", "the module looks has no translator Nothing"),
        ("looks:number", "the module looks has no translator number"),
        ("looks.Prefixed", "names no translator"),
    ],
)
def test_a_translator_that_is_not_there_is_an_error_of_dfplan_yaml(
    tmp_path: Path, translator: str, said: str
) -> None:
    shop = _shop_with_translator(tmp_path, translator)
    with pytest.raises(ProjectError, match=said) as failure:
        translator_of(load_project(shop))
    assert "dfplan.yaml" in failure.value.where


def test_an_object_may_be_named_too(tmp_path: Path) -> None:
    shop = _shop_with_translator(tmp_path, "looks:made")
    assert type(translator_of(load_project(shop))) is DfplanTranslator
