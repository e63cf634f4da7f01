from __future__ import annotations

import os
from pathlib import Path

import dagster
import pytest

from dfplan_assets.errors import ViewError
from dfplan_assets.project import load_project
from dfplan_assets.project.views import read_view
from dfplan_assets_tests.project.folders import write_project


def test_views_are_found_in_all_folders_and_named_after_their_files(tmp_path: Path) -> None:
    views = {
        "b.sql": "select 1",
        "staging/staging.orders.sql": "select 1",
        "marts/sales/Revenue.SQL": "select 1",
        "marts/public.plain.sql": "select 1",
        "marts/file.sql": "/* ---\nname: marts.other name\n--- */ select 1",
        "notes.txt": "no view",
        ".hidden.sql": "no view",
        ".trash/old.sql": "no view",
    }
    project = load_project(write_project(tmp_path, views=views))
    assert {name: view.group for name, view in project.views.items()} == {
        "Revenue": "marts_sales",
        "b": None,
        "marts.other name": "marts",
        "plain": "marts",
        "staging.orders": "staging",
    }
    assert list(project.views) == sorted(project.views)


def test_the_views_folder_can_have_another_name(tmp_path: Path) -> None:
    root = write_project(tmp_path, "views: sql/queries\n", views={})
    (root / "sql/queries").mkdir(parents=True)
    (root / "sql/queries/a.sql").write_text("select 1")
    assert list(load_project(root).views) == ["a"]


def test_a_text_stays_as_it_is_but_for_its_byte_order_mark(tmp_path: Path) -> None:
    text = "  \r\n/* ---\r\ndescription: |\r\n  two\r\n  lines\r\n--- */\r\nselect 'ä'\r\n"
    project = load_project(write_project(tmp_path, views={"a.sql": b"\xef\xbb\xbf" + text.encode()}))
    view = project.views["a"]
    assert view.sql == text
    assert view.description == "two\nlines"


@pytest.mark.parametrize(
    "text",
    [
        "/* Revenue per year */ select 1",
        "/* --- Revenue --- */ select 1",
        "/* ------\n Revenue\n ------ */ select 1",
        "/*\n---\nname: x\n---\n*/ select 1",
        "-- name: x\nselect 1",
        "select 1 /* ---\nname: x\n--- */",
    ],
)
def test_ordinary_comments_are_no_front_matter(tmp_path: Path, text: str) -> None:
    project = load_project(write_project(tmp_path, views={"a.sql": text}))
    assert project.views["a"].sql == text


def test_an_empty_front_matter_says_nothing(tmp_path: Path) -> None:
    view = load_project(write_project(tmp_path, views={"a.sql": "/* ---\n--- */ select 1"})).views["a"]
    assert (view.description, view.owners, view.tags, view.params) == (None, (), {}, {})


def test_tags_become_text(tmp_path: Path) -> None:
    text = "/* ---\ntags: {a: true, b: 3, c: , team/d: x-y}\n--- */ select 1"
    view = load_project(write_project(tmp_path, views={"a.sql": text})).views["a"]
    assert view.tags == {"a": "true", "b": "3", "c": "", "team/d": "x-y"}


@pytest.mark.parametrize(
    "owner",
    ["a@b.de", "first.last+x@mail.example.com", "team:x", "team:sales force", "a@b", "team:", "x", ""],
)
def test_owners_are_those_that_dagster_takes(tmp_path: Path, owner: str) -> None:
    try:
        dagster.AssetSpec("a", owners=[owner])
        taken = True
    except dagster.DagsterInvalidDefinitionError:
        taken = False
    root = write_project(tmp_path, views={"a.sql": f'/* ---\nowners: ["{owner}"]\n--- */ select 1'})
    if taken:
        assert load_project(root).views["a"].owners == (owner,)
    else:
        with pytest.raises(ViewError):
            load_project(root)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a", "b"),
        ("team/a", "b.c-d_e"),
        ("a b", "c"),
        ("a", "c d"),
        ("a", "x" * 63),
        ("a", "x" * 64),
        ("a/b/c", "d"),
    ],
)
def test_tags_are_those_that_dagster_takes(tmp_path: Path, key: str, value: str) -> None:
    try:
        dagster.AssetSpec("a", tags={key: value})
        taken = True
    except dagster.DagsterInvalidDefinitionError:
        taken = False
    root = write_project(tmp_path, views={"a.sql": f"/* ---\ntags:\n  {key}: {value}\n--- */ select 1"})
    if taken:
        assert load_project(root).views["a"].tags == {key: value}
    else:
        with pytest.raises(ViewError):
            load_project(root)


@pytest.mark.parametrize("folder", ["my-views", "a b", "ä", "v1.2", "x/y z/w"])
def test_groups_are_those_that_dagster_takes(tmp_path: Path, folder: str) -> None:
    view = load_project(write_project(tmp_path, views={f"{folder}/a.sql": "select 1"})).views["a"]
    assert dagster.AssetSpec("a", group_name=view.group).group_name == view.group


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    root = write_project(tmp_path, views={"a.sql": "select 1", "sub/b.sql": "select 1"})
    os.symlink(root / "views", root / "views/sub/up")
    os.symlink(root / "views/loop", root / "views/loop")
    assert list(load_project(root).views) == ["a", "b"]


def test_linked_folders_are_read(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/c.sql").write_text("select 1")
    os.symlink(tmp_path / "shared", root / "views/shared")
    assert load_project(root).views["c"].group == "shared"


@pytest.mark.parametrize(
    ("front_matter", "materialized", "is_virtual"),
    [
        ("description: x", "table", False),
        ("materialized: table", "table", False),
        ("materialized: view", "view", True),
    ],
)
def test_a_view_is_stored_unless_it_says_otherwise(
    tmp_path: Path, front_matter: str, materialized: str, is_virtual: bool
) -> None:
    (tmp_path / "v.sql").write_text(f"/* ---\n{front_matter}\n--- */\nselect 1 as x")
    found = read_view(tmp_path / "v.sql", tmp_path)
    assert (found.materialized, found.is_virtual) == (materialized, is_virtual)


@pytest.mark.parametrize("value", ["views", "incremental", "true", "[view]", "1"])
def test_materialized_is_a_table_or_a_view(tmp_path: Path, value: str) -> None:
    (tmp_path / "v.sql").write_text(f"/* ---\nmaterialized: {value}\n--- */\nselect 1 as x")
    with pytest.raises(ViewError, match=r"materialized") as raised:
        read_view(tmp_path / "v.sql", tmp_path)
    assert "table" in str(raised.value)
