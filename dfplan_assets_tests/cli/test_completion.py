"""What a shell is told when the tab key is pressed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from dfplan_assets.cli import main
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_project


def completions(*words: object) -> list[str]:
    """What could stand in the place of the last word."""
    *before, incomplete = map(str, words)
    found = ShellComplete(main, {}, "dfplan", "_DFPLAN_COMPLETE").get_completions(before, incomplete)
    return [each.value for each in found]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Views that could not be planned: their names are all that is asked for."""
    views = {
        "marts/revenue.sql": "no SQL at all",
        "marts/returns.sql": "/* ---\nname: marts.returns\n--- */\nno SQL",
        "staging/mart.cheap.sql": "select name: nothing from nowhere",
        ".hidden/secret.sql": "select 1",
        "notes.txt": "",
    }
    return write_project(tmp_path, views)


def test_commands_and_options_are_completed() -> None:
    assert completions("li") == ["lineage"]
    assert {"golden", "run", "schedule", "completion"} <= set(completions(""))
    assert completions("run", "--st") == ["--stale"]
    assert completions("golden", "acc") == ["accept"]


def test_names_of_views_are_completed_without_planning(project: Path) -> None:
    names = ["mart.cheap", "marts.returns", "revenue"]
    for command in ("show", "path", "lineage", "plan", "history", "diff", "profile"):
        assert completions("--project", project, command, "") == names
    assert completions("show", "--project", project, "mart.") == ["mart.cheap"]
    assert completions("--project", project, "golden", "accept", "revenue", "mart.") == ["mart.cheap"]


@pytest.mark.parametrize(
    ("written", "completed"),
    [
        ("rev", ["revenue"]),
        ("+rev", ["+revenue"]),
        ("revenue or +mart.", ["revenue or +mart.cheap"]),
        ("not (rev", ["not (revenue"]),
        ("nothing", []),
    ],
)
def test_the_last_name_of_a_selection_is_completed(project: Path, written: str, completed: list[str]) -> None:
    assert completions("--project", project, "run", written) == completed


def test_views_lie_where_dfplan_yaml_says(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "revenue.sql").touch()
    (tmp_path / "dfplan.yaml").write_text("name: shop\nviews: models  # not views\n", encoding="utf-8")
    assert completions("--project", tmp_path, "show", "") == ["revenue"]


def test_a_folder_that_is_no_project_completes_to_nothing(tmp_path: Path) -> None:
    assert completions("--project", tmp_path, "show", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(dfplan: Dfplan, shell: str) -> None:
    result = dfplan("completion", shell)
    assert result.exit_code == 0
    assert f"_DFPLAN_COMPLETE={shell}_complete" in result.stdout


def test_an_unknown_shell_is_refused(dfplan: Dfplan) -> None:
    assert dfplan("completion", "csh").exit_code == 2
