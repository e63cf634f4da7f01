"""What ``import dfplan_assets`` gives: all that is promised, typed, and nothing heavy before it is used."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import Distribution  # type: ignore[import-untyped]

import dfplan_assets

ROOT = Path(__file__).parent.parent

_HEAVY = """
import sys
import dfplan_assets
def heavy():
    return sorted({"dagster", "datafusion", "pyarrow", "sqlalchemy"} & sys.modules.keys())
print(heavy())
import dagster
before = heavy()
# As Dagster's command dg looks for components, at each of its commands.
found = [name for name in dir(dfplan_assets) if hasattr(getattr(dfplan_assets, name), "__dg_package_entry__")]
print(found, sorted({*heavy()} - {*before}))
"""


def test_importing_the_package_imports_neither_dagster_nor_datafusion() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HEAVY],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n['DfplanProject'] []\n"


def test_every_name_is_there_and_known_to_type_checkers() -> None:
    for name in dfplan_assets.__all__:
        assert getattr(dfplan_assets, name) is not None
    tree = ast.parse(Path(dfplan_assets.__file__).read_text(encoding="utf-8"))
    (typed,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    imported = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported | {"__version__"} == set(dfplan_assets.__all__)
    assert sorted(dfplan_assets.__all__) == list(dfplan_assets.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(dfplan_assets, "no_such_name")


def test_the_package_says_that_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # from where setuptools reads
    distribution = Distribution()
    distribution.parse_config_files(["setup.cfg"])
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    files = {f"{package}/{name}" for package, _, _, names in build.data_files for name in names}
    assert "dfplan_assets/py.typed" in files
