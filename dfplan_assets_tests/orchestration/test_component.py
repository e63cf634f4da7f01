"""``type: dfplan_assets.DfplanProject`` in a ``defs.yaml``, and what the command ``dg`` makes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.resolved.errors import ResolutionException
from pydantic import ValidationError

from dfplan_assets import DfplanProject, DfplanTranslatorSettings, build_definitions
from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.component import TranslationSettings
from dfplan_assets.orchestration.component_scaffolder import DfplanProjectParams, DfplanProjectScaffolder
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_shop

ROOT = Path(__file__).parents[2]


def component(**attributes: object) -> DfplanProject:
    """What these attributes of a ``defs.yaml`` become."""
    made = DfplanProject.resolve_from_yaml(yaml.safe_dump(attributes))
    assert isinstance(made, DfplanProject)
    return made


def definitions(**attributes: object) -> dg.Definitions:
    return component(**attributes).build_defs(dg.ComponentTree.for_test().load_context)


def groups(**attributes: object) -> dict[str, str | None]:
    """The group of each asset in the graph that these attributes give."""
    graph = definitions(**attributes).resolve_asset_graph()
    return {key.to_user_string(): graph.get(key).group_name for key in graph.get_all_asset_keys()}


def test_a_project_is_all_its_definitions(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    made, built = definitions(project=str(shop)), build_definitions(shop)
    assert made.resolve_asset_graph().get_all_asset_keys() == built.resolve_asset_graph().get_all_asset_keys()
    assert [each.name for each in made.sensors or ()] == [each.name for each in built.sensors or ()]
    assert made.executor is built.executor
    assert definitions(project=str(shop), executor=False).executor is None


def test_views_are_selected_and_excluded(tmp_path: Path) -> None:
    found = groups(project=str(write_shop(tmp_path)), select="group:marts", exclude="best")
    assert found == {"revenue": "marts", "orders": "sources", "nation": "sources"}


def test_a_translation_holds_in_keys_and_dependencies(tmp_path: Path) -> None:
    translation = {
        "key": "{{ view.group }}/{{ view.name }}",
        "group_name": "{{ view.group }}_of_shop",
        "tags": {"layer": "{{ view.group }}"},
        "automation_condition": "{{ dg.AutomationCondition.eager() }}",
    }
    made = definitions(project=str(write_shop(tmp_path)), select="best", translation=translation)
    graph = made.resolve_asset_graph()
    best = graph.get(dg.AssetKey(["marts", "best"]))
    assert best.parent_keys == {dg.AssetKey(["marts", "revenue"])}
    assert (best.group_name, best.tags["layer"]) == ("marts_of_shop", "marts")
    assert best.automation_condition is not None
    assert best.code_version  # what it does not speak of stays


def test_a_key_prefix_comes_once(tmp_path: Path) -> None:
    shop = str(write_shop(tmp_path))
    prefixed = {"translation_settings": {"asset_key_prefix": ["eu"]}, "translation": {"key_prefix": "shop"}}
    found = groups(project=shop, select="revenue", **prefixed)
    assert set(found) == {"shop/eu/revenue", "eu/orders", "eu/nation"}


def test_settings_are_those_of_a_translator() -> None:
    yaml_fields = {name: field.get_default() for name, field in TranslationSettings.model_fields.items()}
    assert yaml_fields == dataclasses.asdict(DfplanTranslatorSettings())


def test_a_translation_that_gives_two_views_one_key_is_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"view mart.cheap and view revenue both .* key same") as failure:
        definitions(project=str(write_shop(tmp_path)), translation={"key": "same"})
    assert "translation: of defs.yaml" in failure.value.where


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="selct"):
        component(project=str(write_shop(tmp_path)), selct="revenue")


@pytest.mark.parametrize(
    ("folder", "said"), [("nowhere", "there is no such folder"), (".", "no dfplan.yaml in it")]
)
def test_a_project_that_is_not_there_is_an_error_that_says_where_it_was_looked_for(
    tmp_path: Path, folder: str, said: str
) -> None:
    with pytest.raises(ResolutionException, match=said) as failure:
        component(project=str(tmp_path / folder))
    assert str(tmp_path) in str(failure.value)


def scaffold(folder: Path, project: str | None = None) -> None:
    request = dg.ScaffoldRequest[DfplanProjectParams](
        type_name="dfplan_assets.DfplanProject",
        target_path=folder,
        scaffold_format="yaml",
        project_root=None,
        params=DfplanProjectParams(project=project),
    )
    folder.mkdir(parents=True, exist_ok=True)
    DfplanProjectScaffolder().scaffold(request)


def test_scaffolding_can_point_to_a_project_that_exists(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    folder = tmp_path / "src" / "sales"
    scaffold(folder, str(shop))
    written = yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))
    assert written == {"type": "dfplan_assets.DfplanProject", "attributes": {"project": "../../shop"}}
    assert [path.name for path in folder.iterdir()] == ["defs.yaml"]


def test_scaffolding_to_a_project_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no"):
        scaffold(tmp_path / "sales", str(tmp_path / "nowhere"))
    assert list((tmp_path / "sales").iterdir()) == []


# In one process, as each start of `dg` costs seconds: every command that a new user needs, in their order.
_SESSION = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from dagster_dg_cli.cli import create_dg_cli

dg = create_dg_cli()

def run(*arguments):
    result = CliRunner().invoke(dg, arguments)
    return [result.exit_code, result.output]

answers = {"list": run("list", "components", "--json")}
answers["scaffold"] = run("scaffold", "defs", "dfplan_assets.DfplanProject", "sales")
answers["yaml"] = run("check", "yaml")
answers["defs"] = run("list", "defs", "--json")
defs_yaml = Path("src/shop/defs/sales/defs.yaml")
defs_yaml.write_text(defs_yaml.read_text() + "  selct: revenue\\n")
answers["bad yaml"] = run("check", "yaml")
print(json.dumps(answers))
"""


# As `dg` writes it for a new Dagster project.
_DEFINITIONS = """
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@pytest.mark.slow
def test_dg_finds_scaffolds_checks_and_loads_the_component(tmp_path: Path) -> None:
    package = tmp_path / "src" / "shop"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\n'
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "shop"\n',
        encoding="utf-8",
    )
    (package / "definitions.py").write_text(_DEFINITIONS, encoding="utf-8")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dg.toml").write_text("[cli.telemetry]\nenabled = false\n", encoding="utf-8")
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    paths = [str(ROOT), str(tmp_path / "src")]
    if "dfplan_assets" not in {each.name for each in entry_points(group="dagster_dg_cli.registry_modules")}:
        paths.append(str(_installed(tmp_path / "site")))
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("DAGSTER", "DFPLAN"))
    }
    done = subprocess.run(
        [sys.executable, "-c", _SESSION],
        cwd=tmp_path,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(paths),
            "DG_CLI_CONFIG": str(tmp_path / "home" / "dg.toml"),
            "DAGSTER_HOME": str(tmp_path / "home"),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert {name: code for name, (code, _) in answers.items()} == {
        "list": 0,
        "scaffold": 0,
        "yaml": 0,
        "defs": 0,
        "bad yaml": 1,
    }, answers["defs"][1]
    assert "dfplan_assets.DfplanProject" in answers["list"][1]
    assert "valid_orders" in answers["defs"][1]
    assert "defs.yaml:5" in answers["bad yaml"][1]
    assert "'selct' was unexpected" in answers["bad yaml"][1]
    views = load_project(package / "defs" / "sales").views
    assert {"valid_orders", "revenue_by_country"} <= views.keys()


def _installed(site: Path) -> Path:
    """What an installation writes, so that the entry point is found where the package is only importable."""
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "dagster_dg_cli.registry_modules =\n    dfplan_assets = dfplan_assets\n" in setup
    written = site / "dfplan_assets-0.1.0.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: dfplan-assets\nVersion: 0.1.0\n")
    points = "[dagster_dg_cli.registry_modules]\ndfplan_assets = dfplan_assets\n"
    (written / "entry_points.txt").write_text(points)
    return site
