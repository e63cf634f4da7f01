"""The fixture ``dfplan_golden`` in a project's own tests, and what it costs those who do not use it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from dfplan_assets.golden.update import update
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_shop

pytest_plugins = ["pytester"]

PLUGIN = "dfplan_assets.pytest_plugin"


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project with golden plans in pytest's root folder, and a test of them."""
    folder = write_shop(pytester.path)
    update(load_project(folder))
    pytester.makepyfile("def test_plans(dfplan_golden):\n    dfplan_golden()\n")
    return folder


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    # Where the package is installed, pytest loads the plugin by itself, and refuses it twice.
    installed = any(each.value == PLUGIN for each in entry_points(group="pytest11"))
    return pytester.runpytest("-p", "no:cacheprovider", *(() if installed else ("-p", PLUGIN)))


def test_plans_as_the_golden_files_have_them_pass(project: Path, pytester: pytest.Pytester) -> None:
    run(pytester).assert_outcomes(passed=1)


def test_drift_fails_with_what_the_command_prints(project: Path, pytester: pytest.Pytester) -> None:
    view = project / "views" / "staging" / "mart.cheap.sql"
    view.write_text(view.read_text().replace("25", "26"))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "mart.cheap  rows or values may differ",
            "*filter `price < 25` became `price < 26`",
            "1 of 3 views drifted*",
        ]
    )
    assert "dfplan_assets/" not in result.stdout.str()


def test_views_and_level_can_be_named(project: Path, pytester: pytest.Pytester) -> None:
    view = project / "views" / "staging" / "mart.cheap.sql"
    view.write_text(view.read_text().replace("25", "26"))
    pytester.makepyfile(
        """
        def test_one(dfplan_golden):
            dfplan_golden(views=["revenue"], level="meaning")

        def test_other(dfplan_golden):
            dfplan_golden(".", views=["mart.cheap"])
        """
    )
    run(pytester).assert_outcomes(passed=1, failed=1)


def test_a_level_that_there_is_not_is_no_level(project: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plans(dfplan_golden):\n    dfplan_golden(level='Meaning')\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the level of dfplan_golden is 'meaning' or 'plan', not 'Meaning'*"])


def test_a_folder_that_is_no_project_is_named(project: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plans(dfplan_golden):\n    dfplan_golden('nowhere')\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no such folder*"])


def test_loading_the_plugin_imports_neither_planner_nor_dagster() -> None:
    heavy = ("datafusion", "pyarrow", "dagster", "rich")
    code = f"import sys, {PLUGIN}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
