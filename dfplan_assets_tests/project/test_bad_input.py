"""Each kind of bad input gives one error: where, why, what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dfplan_assets.errors import InputError, ProjectError, ViewError
from dfplan_assets.project import load_project
from dfplan_assets_tests.project.folders import ONE_VIEW, write_project


def failure(root: Path) -> InputError:
    with pytest.raises(InputError) as raised:
        load_project(root)
    assert raised.value.next_step
    return raised.value


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    error = failure(tmp_path)
    assert isinstance(error, ProjectError)
    assert error.where == str(tmp_path)
    assert "no dfplan.yaml" in error.cause


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    error = failure(tmp_path / "nowhere")
    assert (error.where, error.cause) == (f"{tmp_path}/nowhere", "there is no such folder")


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    error = failure(root / "dfplan.yaml")
    assert "this is a file" in error.cause
    assert str(root) in error.next_step


def test_another_spelling_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "dfplan.yml").write_text("name: shop\n")
    assert failure(tmp_path).next_step == "Rename dfplan.yml."


# YAML, the line that is named, the cause, the next step.
YAML: list[tuple[str, int, str, str]] = [
    ("name: shop\nviews: [a\nstore: x\n", 3, "no valid YAML", "Correct the line"),
    ("name: shop\n\tviews: a\n", 2, "no valid YAML", ""),
    ("name: shop\ntitle: a: b\n", 2, "no valid YAML in column 9: mapping values are not allowed", ""),
    ("engine: {a: [b}\n", 1, "expected ',' or ']', but got '}'", "need quotes"),
    ("params: {a: *other thing}\n", 1, "found undefined alias …", "need quotes"),
    ("a: 1\n---\nb: 2\n", 2, "expected a single document", ""),
    ("- shop\n", 1, "the document must be a mapping (key: value), not a list", ""),
    ("\n\njust a text\n", 3, "the document must be a mapping (key: value), not text", ""),
    ("name: a\nviews: b\nname: c\n", 3, "the key name stands twice: in line 1 and in line 3", "Remove one"),
    ("engine:\n  settings: {datafusion.a: 1, datafusion.a: 2}\n", 2, "datafusion.a stands twice", ""),
    ("name: a\nsouces: {}\n", 2, "unknown key souces", "Did you mean sources? The keys here are: name,"),
    ("engine:\n  memry_limit: 3\n", 2, "unknown key engine.memry_limit", "Did you mean memory_limit?"),
    ("planning: {substrat: required}\n", 1, "unknown key planning.substrat", "Did you mean substrait?"),
    ("zzz: 1\n", 1, "unknown key zzz", "The keys here are: name, views"),
    ("name: a\n1: b\n", 2, "a key must be text, not a whole number", "in quotes"),
    ("? [a]\n: b\n", 1, "a key must be text, not a list", ""),
    ("name: [a]\n", 1, "name must be text, not a list", ""),
    ("name: 2024\n", 1, "name must be text, not a whole number", "Put it in quotes"),
    ("name: ' '\n", 1, "name is empty", ""),
    ("name: !shop a\n", 1, "name cannot be read: its YAML type (!) has no use here", ""),
    ("name: !!python/name:os.system ''\n", 1, "has no use here", ""),
    ("name: !!int a\n", 1, "name cannot be read", ""),
    ("params: !!set {a, b}\n", 1, "has no use here", ""),
    ("params: {day: 2020-13-01}\n", 1, "params.day cannot be read: month must be in 1..12", ""),
    ("views: 3\n", 1, "views must be text", ""),
    ("sources: [a.csv]\n", 1, "sources must be a mapping", ""),
    ("params:\n  a: [1, 2]\n", 2, "params.a must be a single value, not a list", "one parameter for each"),
    ("params:\n  a: {x: 1}\n", 2, "unknown key params.a.x", "The keys here are: value, secret."),
    ("params:\n  a: {secret: true}\n", 2, "params.a has no value", ""),
    ("params:\n  a: {value: [1], secret: true}\n", 2, "params.a.value must be a single value", ""),
    ("params:\n  a: {value: 1, secret: sure}\n", 2, "params.a.secret must be true or false, not text", ""),
    ("params:\n  a-b: 1\n", 2, "'a-b' cannot be the name of a parameter", "$name"),
    ("params: {a: 9223372036854775808}\n", 1, "params.a does not fit into 64 bits", ""),
    ("keep_results: 0\n", 1, "keep_results must be at least 1, not 0", ""),
    ("keep_results: many\n", 1, "keep_results must be a whole number, not text", ""),
    ("engine: {target_partitions: 0}\n", 1, "engine.target_partitions must be at least 1", ""),
    ("engine: {target_partitions: true}\n", 1, "must be a whole number, not true or false", ""),
    ("engine: {memory_limit: lots}\n", 1, "engine.memory_limit is no amount of memory", "512MB, 4GiB"),
    ("engine: {memory_limit: 4XB}\n", 1, "engine.memory_limit is no amount of memory", ""),
    ("engine: {memory_limit: 0}\n", 1, "engine.memory_limit must be at least 1", ""),
    ("engine: {memory_limit: 0.1B}\n", 1, "engine.memory_limit must be at least one byte", ""),
    ("engine: {settings: {batch_size: 1}}\n", 1, "batch_size is no setting of DataFusion", ""),
    ("engine: {settings: {datafusion.a: [1]}}\n", 1, "datafusion.a must be a single value", ""),
    ("engine: {settings: {datafusion.a: }}\n", 1, "must be text, a number, true or false, not nothing", ""),
    (
        "engine:\n  target_partitions: 2\n  settings: {datafusion.execution.target_partitions: 3}\n",
        2,
        "say the same thing",
        "Remove one",
    ),
    ("planning: {substrait: requird}\n", 1, "substrait cannot be 'requird'", "Did you mean required?"),
    ("planning: {validate: true}\n", 1, "planning.validate must be text, not true or false", ""),
    ("planning: {verbose: 1}\n", 1, "planning.verbose must be true or false, not a whole number", ""),
    ("planning: []\n", 1, "planning must be a mapping (key: value), not a list", ""),
    ("extends: shop.udfs\n", 1, "extends must be a list ([a, b]), not text", ""),
    (
        "extends: [shop/udfs.py]\n",
        1,
        "cannot be the name of a Python module",
        "as an import does: shop.udfs.",
    ),
    ("extends: [udfs.py]\n", 1, "'udfs.py' is a path", "as an import does: udfs."),
    ("extends: [shop-udfs]\n", 1, "cannot be the name of a Python module", "shop.functions."),
    ("extends: [a, a]\n", 1, "the module a stands twice", ""),
    ("output: s3://bucket/x\n", 1, "output is a URL (s3://…)", "Name a folder"),
    ("output: .\n", 1, "which holds the project's own files", ""),
    ("output: ..\n", 1, "which holds the project's own files", ""),
    ("output: views/out\n", 1, "which holds the project's own files", ""),
    ("store: plans.db\n", 1, "store is no SQLAlchemy URL", "sqlite:///"),
]


@pytest.mark.parametrize(("yaml", "line", "cause", "next_step"), YAML)
def test_a_dfplan_yaml_that_cannot_be_used(
    tmp_path: Path, yaml: str, line: int, cause: str, next_step: str
) -> None:
    error = failure(write_project(tmp_path, yaml))
    assert isinstance(error, ProjectError)
    assert error.where == f"{tmp_path}/dfplan.yaml:{line}"
    assert cause in error.cause
    assert next_step in error.next_step


@pytest.mark.parametrize(
    "yaml", ["params: &a {b: *a}\n", "params: " + "[" * 5000 + "]" * 5000, "name: a\x00b\n"]
)
def test_yaml_that_has_no_line_to_blame(tmp_path: Path, yaml: str) -> None:
    error = failure(write_project(tmp_path, yaml))
    assert error.where == f"{tmp_path}/dfplan.yaml"


def test_a_dfplan_yaml_in_another_encoding(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    (root / "dfplan.yaml").write_bytes("name: a\nviews: größe\n".encode("latin-1"))
    error = failure(root)
    assert error.where == f"{root}/dfplan.yaml:2"
    assert error.cause == "the file is not UTF-8: byte 0xf6 at offset 17"


def test_secrets_and_passwords_stand_in_no_error(tmp_path: Path) -> None:
    for yaml in (
        "params: {a: {value: [hush], secret: true}}\n",
        "params: {a: {value: 2020-99-99, secrt: hush}}\n",
        "params: {a-hus: {value: hush, secret: true}}\n",
        "store: 'hush@host/db'\n",
        "params: {a: {value: hush: hush, secret: true}}\n",
        "params: {a: {value: *hush, secret: true}}\n",
        "params: {a: {value: !hush hush, secret: true}}\n",
        "params: {a: {value: !hush!hush, secret: true}}\n",
        "params: {a: {value: !hush [hush], secret: true}}\n",
        'params: {a: {value: "hush, secret: true}}\n',
        "params: {a: {value: @hush, secret: true}}\n",
        "params: {a: {value: &hush hush hush: x}}\n",
    ):
        assert "hush" not in str(failure(write_project(tmp_path, yaml)))


def test_no_folder_of_views(tmp_path: Path) -> None:
    error = failure(write_project(tmp_path, "views: sql\n"))
    assert error.where == f"{tmp_path}/dfplan.yaml"
    assert error.cause == f"there is no folder {tmp_path}/sql for views"


def test_a_folder_without_views(tmp_path: Path) -> None:
    root = write_project(tmp_path, views={"readme.txt": "nothing yet"})
    assert failure(root).cause == f"the folder {root}/views holds no .sql file"


# Text of views/sub/one.sql, the line that is named, the cause.
VIEWS: list[tuple[str | bytes, int, str]] = [
    ("/* ---\ndescription: a: b\n--- */\nselect 1", 2, "no valid YAML in column 15"),
    ("\n\n/* ---\nname: one\ntags: [a\n--- */\nselect 1", 6, "no valid YAML"),
    ("/* ---\nname: one\n\ndescripton: x\n--- */\nselect 1", 4, "unknown key descripton"),
    ("/* ---\n- name\n--- */\nselect 1", 2, "the document must be a mapping (key: value), not a list"),
    ("/* ---\nname: a\nname: b\n--- */\nselect 1", 3, "the key name stands twice: in line 2 and in line 3"),
    (
        "/* ---\nname: ../x\n--- */\nselect 1",
        2,
        "'../x' cannot be the name of a view: a name must not hold / or \\",
    ),
    ("/* ---\nname: a.b.c\n--- */\nselect 1", 2, "'a.b.c' cannot be the name of a view"),
    ("/* ---\nname: [a]\n--- */\nselect 1", 2, "name must be text, not a list"),
    ("/* ---\nowners: team:a\n--- */\nselect 1", 2, "owners must be a list ([a, b]), not text"),
    ("/* ---\nowners: [finance]\n--- */\nselect 1", 2, "'finance' is no owner"),
    ("/* ---\ntags: [a]\n--- */\nselect 1", 2, "tags must be a mapping (key: value), not a list"),
    ("/* ---\ntags: {a: [b]}\n--- */\nselect 1", 2, "tags.a must be a single value, not a list"),
    ("/* ---\ntags: {a: b c}\n--- */\nselect 1", 2, "a: b c is no tag"),
    ("/* ---\nparams: {a: [b]}\n--- */\nselect 1", 2, "params.a must be a single value, not a list"),
    ("/* ---\nparams: {a: {value: 1, secret: true}}\n--- */\nselect 1", 2, "params.a must be a single value"),
    ("/* ---\ndescription: 5\n--- */\nselect 1", 2, "description must be text, not a whole number"),
    ("/* ---\nname: x\nselect 1", 1, "the front matter is not closed"),
    ("/* ---\nname: x\n*/\nselect 1", 1, "the comment begins as front matter, but does not end as one"),
    (b"select 1,\n'gr\xf6\xdfe'", 2, "the file is not UTF-8: byte 0xf6 at offset 13"),
    ("select 1".encode("utf-16"), 1, "the file is not UTF-8: byte 0xff at offset 0"),
]


@pytest.mark.parametrize(("text", "line", "cause"), VIEWS)
def test_a_view_s_file_that_cannot_be_used(tmp_path: Path, text: str | bytes, line: int, cause: str) -> None:
    error = failure(write_project(tmp_path, views={"sub/one.sql": text}))
    assert isinstance(error, ViewError)
    assert error.where == f"{tmp_path}/views/sub/one.sql:{line} (view one)"
    assert cause in error.cause


@pytest.mark.parametrize(
    "text", ["", " \n", "-- later", "/* later */\n;", "/* ---\nname: one\n--- */\n", "\ufeff"]
)
def test_a_file_without_a_query(tmp_path: Path, text: str) -> None:
    error = failure(write_project(tmp_path, views={"one.sql": text}))
    assert isinstance(error, ViewError)
    assert error.where == f"{tmp_path}/views/one.sql (view one)"
    assert error.cause == "the file holds no query"


def test_a_file_whose_name_is_no_name(tmp_path: Path) -> None:
    error = failure(write_project(tmp_path, views={"a.b.c.sql": "select 1"}))
    assert error.where == f"{tmp_path}/views/a.b.c.sql (view a.b.c)"
    assert "at most two parts" in error.cause
    assert error.next_step == "Rename the file."


@pytest.mark.parametrize(
    "views",
    [
        {"a/one.sql": "select 1", "b/one.sql": "select 1"},
        {"a/one.sql": "select 1", "b/two.sql": "/* ---\nname: public.one\n--- */ select 1"},
    ],
)
def test_two_views_of_one_name(tmp_path: Path, views: dict[str, str]) -> None:
    error = failure(write_project(tmp_path, views=views))
    second = list(views)[1]
    assert error.where == f"{tmp_path}/views/{second} (view one)"
    assert f"{tmp_path}/views/a/one.sql" in error.cause


def test_a_view_with_the_name_of_a_source(tmp_path: Path) -> None:
    error = failure(write_project(tmp_path, "sources: {one: a.csv}\n"))
    assert error.where == f"{tmp_path}/views/one.sql (view one)"
    assert error.cause == "the source one in dfplan.yaml has the same name"


def test_names_that_differ_in_case_are_two_tables(tmp_path: Path) -> None:
    root = write_project(tmp_path, "sources: {One: a.csv}\n", {**ONE_VIEW, "x/ONE.sql": "select 1"})
    assert list(load_project(root).views) == ["ONE", "one"]


def test_a_link_to_nothing(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    os.symlink(root / "gone.sql", root / "views/two.sql")
    error = failure(root)
    assert error.where == f"{root}/views/two.sql (view two)"
    assert "the file cannot be read: No such file" in error.cause
