"""``data_version`` of sources, views and projects as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.errors import ProjectError, SourceError, ViewError
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_project

VIEW = "/* ---\ndata_version: {}\n--- */\nselect 1 as x"


def test_files_and_inputs_where_nothing_is_written(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path, {"v.sql": "select 1 as x"}, {"s": "s.csv"}))
    assert project.sources["s"].data_version == "files"
    assert project.data_version == "inputs"
    assert project.data_version_of(project.views["v"]) == "inputs"


def test_a_view_says_otherwise_than_its_project(tmp_path: Path) -> None:
    views = {"v.sql": VIEW.format("inputs"), "w.sql": "select 1 as x"}
    project = load_project(write_project(tmp_path, views, data_version="content"))
    found = {name: project.data_version_of(view) for name, view in project.views.items()}
    assert found == {"v": "inputs", "w": "content"}


@pytest.mark.parametrize("written", ["files", "versions:latest", "shop.of.ours:latest_2"])
def test_a_source_is_told_by_its_files_or_a_function(tmp_path: Path, written: str) -> None:
    folder = write_project(tmp_path, {"v.sql": "select 1 as x"})
    (folder / "dfplan.yaml").write_text(f"sources: {{s: {{path: s.csv, data_version: '{written}'}}}}")
    assert load_project(folder).sources["s"].data_version == written


@pytest.mark.parametrize("written", ["footer", "versions", "versions.latest", ":latest", "a:b:c", "1a:b"])
def test_what_names_no_function_is_refused(tmp_path: Path, written: str) -> None:
    folder = write_project(tmp_path, {"v.sql": "select 1 as x"})
    (folder / "dfplan.yaml").write_text(f"sources: {{s: {{path: s.csv, data_version: '{written}'}}}}")
    with pytest.raises(SourceError, match="cannot be") as error:
        load_project(folder)
    assert "module:function" in error.value.next_step


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ViewError, match="data_version cannot be 'contents'") as error:
        load_project(write_project(tmp_path / "a", {"v.sql": VIEW.format("contents")}))
    assert "content" in error.value.next_step
    with pytest.raises(ProjectError, match="data_version cannot be 'files'"):
        load_project(write_project(tmp_path / "b", {"v.sql": "select 1 as x"}, data_version="files"))
