from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_project


def _project(folder: Path, view: str) -> Path:
    return write_project(folder, {f"{view}.sql": "select 1 as one"})


def _views(stdout: str) -> set[str]:
    return set(json.loads(stdout)["views"])


def test_options_stand_before_the_command_or_after_it(tmp_path: Path, dfplan: Dfplan) -> None:
    project = _project(tmp_path, "here")
    for arguments in (
        ("--project", project, "--format", "json", "plan"),
        ("plan", "--project", project, "--format", "json"),
        ("--project", project, "plan", "--format", "json"),
    ):
        assert _views(dfplan(*arguments).stdout) == {"here"}


def test_options_after_the_command_win(tmp_path: Path, dfplan: Dfplan) -> None:
    before, after = _project(tmp_path / "b", "before"), _project(tmp_path / "a", "after")
    result = dfplan("--project", before, "--format", "text", "plan", "--project", after, "--format", "json")
    assert _views(result.stdout) == {"after"}


def test_the_current_folder_is_the_project_before_the_environments(
    tmp_path: Path, dfplan: Dfplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFPLAN_PROJECT", str(_project(tmp_path / "env", "from_environment")))
    monkeypatch.chdir(tmp_path)
    assert _views(dfplan("plan", "--format", "json").stdout) == {"from_environment"}
    monkeypatch.chdir(_project(tmp_path / "cwd", "from_folder"))
    assert _views(dfplan("plan", "--format", "json").stdout) == {"from_folder"}


@pytest.mark.parametrize(
    "arguments", [("plan", "--format", "xml"), ("nothing",), ("path",), ("run", "a", "b")]
)
def test_a_command_line_that_means_nothing_is_exit_code_2(dfplan: Dfplan, arguments: tuple[str, ...]) -> None:
    result = dfplan(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
