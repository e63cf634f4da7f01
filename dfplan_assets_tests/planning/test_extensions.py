"""Modules under ``extends:``: where they are found, when they are imported anew, what is said of bad ones."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dfplan_assets.errors import ProjectError
from dfplan_assets.planning.extensions import load_extensions, source_of
from dfplan_assets.project.model import Project
from dfplan_assets_tests.planning.projects import project

Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a project's folder of files, which extends the modules named."""

    def made(files: Mapping[str, str], *extends: str, folder: str = "shop") -> Project:
        write(tmp_path / folder, files)
        return dataclasses.replace(project({}), root=tmp_path / folder, extends=extends)

    return made


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))


def test_modules_beside_the_project_come_in_the_order_of_extends(make: Make) -> None:
    shop = make({"b.py": "x = 1", "a/c.py": "x = 2"}, "b", "a.c")
    assert [module.x for module in load_extensions(shop)] == [1, 2]


def test_a_module_that_is_not_beside_the_project_comes_from_the_environment(make: Make) -> None:
    assert load_extensions(make({"other.py": ""}, "json.decoder")) == (sys.modules["json.decoder"],)


def test_a_module_beside_the_project_comes_before_one_of_the_environment(make: Make) -> None:
    (module,) = load_extensions(make({"colorsys.py": "x = 1"}, "colorsys"))
    assert module.x == 1
    import colorsys

    assert not hasattr(colorsys, "x")


def test_what_a_module_imports_is_looked_for_beside_it_too(make: Make) -> None:
    files = {
        "main.py": """
            import helper
            import pack.deep
            from pack import near, deep as again
            from pack.deep import *
            import json
            def late():
                import later
                from pack.lazy import z
                return later.x, z
        """,
        "helper.py": "x = 1",
        "later.py": "x = 2",
        "pack/__init__.py": "from . import near",
        "pack/near.py": "from .deep import y as w",
        "pack/deep.py": "y = 3",
        "pack/lazy.py": "z = 4",
    }
    (main,) = load_extensions(make(files, "main"))
    assert (main.helper.x, main.pack.deep.y, main.near.w, main.again.y, main.y) == (1, 3, 3, 3, 3)
    assert main.json is sys.modules["json"]
    assert main.late() == (2, 4)


def test_two_projects_in_one_process_have_modules_of_one_name(make: Make) -> None:
    files = {"f.py": "import helper\ndef x():\n    import late\n    return helper.x, late.x"}
    one = make({**files, "helper.py": "x = 1", "late.py": "x = 10"}, "f", folder="one")
    two = make({**files, "helper.py": "x = 2", "late.py": "x = 20"}, "f", folder="two")
    (first,), (second,) = load_extensions(one), load_extensions(two)
    assert (first.x(), second.x(), first.x()) == ((1, 10), (2, 20), (1, 10))


def test_nothing_of_a_project_stays_importable_for_others(make: Make) -> None:
    before = list(sys.path)
    load_extensions(
        make({"lonely_module.py": "import lonely_helper", "lonely_helper.py": ""}, "lonely_module")
    )
    assert sys.path == before
    assert not {"lonely_module", "lonely_helper"} & sys.modules.keys()


def test_modules_are_imported_once_and_leave_no_byte_code(make: Make) -> None:
    shop = make({"f.py": "import g", "g.py": "x = object()"}, "f")
    assert load_extensions(shop) == load_extensions(dataclasses.replace(shop))
    assert sorted(path.name for path in shop.root.rglob("*")) == ["f.py", "g.py"]


@pytest.mark.parametrize(
    "edit",
    [
        {"f.py": "import g\nx = g.x + 1"},
        {"g.py": "x = 7"},  # of the size that it had, within the same moment
        {"g.py": "", "g/__init__.py": "x = 9"},
    ],
)
def test_an_edit_is_seen_and_what_was_imported_before_stays_whole(
    make: Make, edit: Mapping[str, str]
) -> None:
    shop = make({"f.py": "import g\nx = g.x\ndef now(): return g.x", "g.py": "x = 1"}, "f")
    (before,) = load_extensions(shop)
    write(shop.root, edit)
    (after,) = load_extensions(shop)
    assert (before.x, before.now()) == (1, 1)
    assert after.x != 1


def test_a_module_that_appears_beside_the_project_is_seen(make: Make) -> None:
    shop = make({"f.py": "import colorsys\nx = getattr(colorsys, 'own', False)"}, "f")
    assert not load_extensions(shop)[0].x
    write(shop.root, {"colorsys.py": "own = True"})
    assert load_extensions(shop)[0].x


def test_classes_that_look_up_their_module_find_it(make: Make) -> None:
    text = """
        from __future__ import annotations
        import dataclasses, pickle, typing
        @dataclasses.dataclass
        class Rate:
            value: float
            kind: typing.ClassVar[str] = "vat"
        copy = pickle.loads(pickle.dumps(Rate(0.5)))
        hints = typing.get_type_hints(Rate)
    """
    (module,) = load_extensions(make({"f.py": text}, "f"))
    assert module.copy == module.Rate(0.5)
    assert module.hints["value"] is float


def test_the_text_of_a_module_is_that_which_was_compiled(make: Make) -> None:
    shop = make({"f.py": "# -*- coding: latin-1 -*-\nx = 'a'\n"}, "f")
    (module,) = load_extensions(shop)
    write(shop.root, {"f.py": "x = 2"})
    assert source_of(module) == "# -*- coding: latin-1 -*-\nx = 'a'\n"
    assert source_of(sys.modules["math"]) is None


@pytest.mark.parametrize(
    ("files", "extends", "said"),
    [
        ({}, "gone", ["there is no module gone", "Write gone.py beside dfplan.yaml"]),
        ({"a/b.py": ""}, "a.gone", ["there is no module a.gone", "Write a/gone.py"]),
        (
            {"f.py": "import g", "g.py": "\n\nx = 1 / 0"},
            "f",
            ["the module f cannot be imported: ZeroDivisionError: division by zero", "g.py, line 3)"],
        ),
        ({"f.py": "x = (\n"}, "f", ["SyntaxError: '(' was never closed", "f.py, line 1)"]),
        ({"f.py": "\nimport no_such_package"}, "f", ["No module named 'no_such_package'", "f.py, line 2)"]),
        ({"f.py": "from g import y", "g.py": ""}, "f", ["cannot import name 'y' from 'g'", "line 1)"]),
        ({"f.py": "import sys\nsys.exit(3)"}, "f", ["SystemExit: 3", "f.py, line 2)"]),
        ({"f.py": "raise KeyError"}, "f", ["cannot be imported: KeyError (", "f.py, line 1)"]),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_cause_and_place(
    make: Make, files: Mapping[str, str], extends: str, said: list[str]
) -> None:
    shop = make({"dfplan.yaml": "", **files}, extends)
    modules = set(sys.modules)
    with pytest.raises(ProjectError) as caught:
        load_extensions(shop)
    error = caught.value
    assert error.where == f"{shop.root / 'dfplan.yaml'}: extends"
    for part in said:
        assert part in f"{error.cause} {error.next_step}"
    assert "dfplan_extensions_" not in error.cause
    assert not {name for name in set(sys.modules) - modules if "dfplan_extensions" in name}


def test_after_a_correction_the_module_is_imported(make: Make) -> None:
    shop = make({"f.py": "1 / 0"}, "f")
    with pytest.raises(ProjectError):
        load_extensions(shop)
    write(shop.root, {"f.py": "x = 1"})
    assert load_extensions(shop)[0].x == 1


def test_a_module_that_loads_its_own_project_is_refused(make: Make) -> None:
    shop = make({"f.py": "from dfplan_assets_tests.planning import test_extensions as t\nt.again()"}, "f")
    global again
    again = lambda: load_extensions(shop)  # type: ignore[name-defined]  # noqa: E731
    with pytest.raises(ProjectError, match="load the very project that they extend"):
        load_extensions(shop)
