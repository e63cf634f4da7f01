"""The module that Dagster loads, in processes of its own as Dagster does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dfplan_assets
from dfplan_assets_tests.small_projects import write_project, write_shop

_PACKAGE_PARENT = Path(dfplan_assets.__file__).parent.parent


def _python(code: str, project: Path | None, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "DFPLAN_PROJECT")}
    environment["PYTHONPATH"] = str(_PACKAGE_PARENT)
    if project is not None:
        environment["DFPLAN_PROJECT"] = str(project)
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


_PRINT_KEYS = """
from dfplan_assets.definitions import defs
print(sorted(spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()))
"""


def test_the_environment_chooses_the_project_and_loading_it_writes_nothing(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    before = sorted(tmp_path.rglob("*"))
    done = _python(_PRINT_KEYS, shop, tmp_path)
    assert done.stdout == "['best', 'mart/cheap', 'nation', 'orders', 'revenue']\n"
    assert done.stderr == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_relative_project_is_taken_from_the_current_folder(tmp_path: Path) -> None:
    write_project(tmp_path / "shop", {"one.sql": "select 1 as one"})
    assert _python(_PRINT_KEYS, Path("shop"), tmp_path).stdout == "['one']\n"


def test_a_view_that_cannot_be_planned_says_why_and_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    write_project(tmp_path, {"one.sql": "select 1 as one,\n  ) from x", "two.sql": "select 2 as two"})
    code = """
from dfplan_assets.definitions import defs
for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
    print(spec.key.to_user_string(), "|", spec.code_version is None, "|", spec.description)
"""
    done = _python(code, tmp_path, tmp_path)
    assert "one | True | This view cannot be planned." in done.stdout
    assert "one.sql (view one)" in done.stdout
    assert "line 2, column 3" in done.stdout
    assert "two | False |" in done.stdout


def test_a_project_that_is_wrong_itself_fails_to_load_with_the_reason(tmp_path: Path) -> None:
    write_project(tmp_path, {"one.sql": "select 1 as one"}, speed="high")
    done = _python("import dfplan_assets.definitions", tmp_path, tmp_path)
    assert done.returncode == 1
    assert "unknown key speed" in done.stderr.strip().splitlines()[-2]
