"""Golden files that cannot be used are named, with what to do; none passes, none ends in a traceback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dfplan_assets.errors import GoldenError, SourceError
from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.update import update
from dfplan_assets.golden.verdict import Check
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_shop

Damage = Callable[[Path], None]


def checked(folder: Path) -> Check:
    return check_project(load_project(folder))


def only_problem(check: Check) -> str:
    """The one thing that is wrong, as a user reads it."""
    assert check.exit_code == 2
    assert check.drifted == ()
    (problem,) = check.all_problems
    assert problem.where in str(problem)
    assert problem.next_step
    return str(problem)


def rewrite(pattern: str, by: str) -> Damage:
    def damage(file: Path) -> None:
        text = file.read_text()
        changed = re.sub(pattern, by, text, count=1)
        assert changed != text
        file.write_text(changed)

    return damage


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:900])


def conflict(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    merged = [*lines[:3], "<<<<<<< HEAD\n", lines[3], "=======\n", lines[3], ">>>>>>> branch\n", *lines[4:]]
    file.write_text("".join(merged))


def garble(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + file.read_bytes())


COMPLETE = {
    "truncated": (truncate, "it is cut short or no JSON"),
    "empty": (lambda file: file.write_text(""), "it is cut short or no JSON"),
    "another document": (lambda file: file.write_text("[1, 2]\n"), "it names no format"),
    "an edit by hand": (rewrite("price", "prise"), "it was changed by hand"),
    "an edited hash": (rewrite('"sha256": "....', '"sha256": "abcd'), "it was changed by hand"),
    "no hash": (rewrite(' "sha256": ".*",\n', ""), "it was changed by hand"),
    "a merge conflict": (conflict, "conflict markers of a merge"),
    "a newer format": (rewrite('"format": 1', '"format": 2'), "a newer dfplan than this one"),
    "no text": (garble, "it is no UTF-8 text"),
    "missing": (Path.unlink, "it is missing"),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_file_that_cannot_be_used_is_named(shop: Path, name: str) -> None:
    damage, said = COMPLETE[name]
    file = shop / "goldens" / "revenue" / "complete.json"
    damage(file)
    message = only_problem(checked(shop))
    assert said in message
    assert str(file) in message


@pytest.mark.parametrize("name", COMPLETE)
def test_the_project_s_file_that_cannot_be_used_is_named(shop: Path, name: str) -> None:
    damage, said = COMPLETE[name]
    file = shop / "goldens" / "project.environment.json"
    if name == "an edit by hand":
        damage = rewrite("price", "prise")
    damage(file)
    message = only_problem(checked(shop))
    assert said in message
    assert str(file) in message


@pytest.mark.parametrize("name", COMPLETE)
def test_updating_repairs_the_files_of_a_view(shop: Path, name: str) -> None:
    COMPLETE[name][0](shop / "goldens" / "revenue" / "complete.json")
    (shop / "goldens" / "best" / "plan.txt").unlink()
    update(load_project(shop))
    assert checked(shop).exit_code == 0


@pytest.mark.parametrize("name", [name for name in COMPLETE if name != "missing"])
def test_updating_does_not_replace_the_project_s_file_unasked(shop: Path, name: str) -> None:
    file = shop / "goldens" / "project.environment.json"
    COMPLETE[name][0](file)
    with pytest.raises(GoldenError) as raised:
        update(load_project(shop))
    assert raised.value.where == str(file)
    file.unlink()
    update(load_project(shop))
    assert checked(shop).exit_code == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [(truncate, "cut short"), (rewrite("revenue", "revenues"), "changed by hand"), (Path.unlink, "missing")],
)
def test_a_short_file_that_is_not_as_written_is_named(shop: Path, damage: Damage, said: str) -> None:
    file = shop / "goldens" / "revenue" / "plan.txt"
    if damage is truncate:
        file.write_text(file.read_text()[:40])
    else:
        damage(file)
    message = only_problem(checked(shop))
    assert said in message
    assert str(file) in message


def test_a_golden_plan_of_another_view_is_named(shop: Path) -> None:
    for file in ("complete.json", "plan.txt"):
        shutil.copy(shop / "goldens" / "best" / file, shop / "goldens" / "revenue" / file)
    assert "it is the golden plan of the view best, not of revenue" in only_problem(checked(shop))


def test_a_sealed_file_without_what_a_plan_has_is_named(shop: Path) -> None:
    from dfplan_assets.golden.sealed import sealed

    file = shop / "goldens" / "revenue" / "complete.json"
    file.write_text(sealed({"view": "revenue"}))
    assert "it lacks what a golden plan has" in only_problem(checked(shop))


def test_a_view_without_a_golden_plan_is_named(shop: Path) -> None:
    (shop / "views" / "new.sql").write_text("select 1 as one")
    message = only_problem(checked(shop))
    assert "it has no golden plan" in message
    assert "dfplan golden update new" in message


def test_a_golden_plan_of_a_deleted_view_is_named_and_removed(shop: Path) -> None:
    (shop / "views" / "marts" / "best.sql").unlink()
    assert "a view that the project does not have: best" in only_problem(checked(shop))
    assert update(load_project(shop)).removed == ("best",)
    assert not (shop / "goldens" / "best").exists()
    assert checked(shop).exit_code == 0


def test_other_files_in_the_folder_of_a_deleted_view_stay(shop: Path) -> None:
    (shop / "views" / "marts" / "best.sql").unlink()
    notes = shop / "goldens" / "best" / "notes.md"
    notes.write_text("kept")
    update(load_project(shop))
    assert notes.read_text() == "kept"
    assert checked(shop).exit_code == 0


def test_a_project_without_golden_plans_is_told_how_to_write_them(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    message = only_problem(checked(folder))
    assert "no golden plans yet" in message
    assert "dfplan golden update" in message


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    (folder / "goldens").write_text("a file in its place")
    with pytest.raises(GoldenError, match="cannot be written") as raised:
        update(load_project(folder))
    assert "goldens" in raised.value.where


def test_without_data_and_with_a_damaged_project_file_the_damage_is_the_error(shop: Path) -> None:
    shutil.rmtree(shop / "data")
    conflict(shop / "goldens" / "project.environment.json")
    with pytest.raises(GoldenError, match="conflict markers"):
        checked(shop)


def test_without_data_and_without_recorded_columns_the_source_is_the_error(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    shutil.rmtree(folder / "data")
    with pytest.raises(SourceError, match="no file at"):
        checked(folder)


def test_a_damaged_source_is_a_problem_of_the_views_that_read_it(shop: Path) -> None:
    (shop / "data" / "orders.parquet").write_bytes(b"PAR1 but no Parquet")
    found = checked(shop)
    assert found.exit_code == 2
    assert {view.view for view in found.views if view.state == "problem"} == {"revenue", "best", "mart.cheap"}


def test_naming_some_views_keeps_a_damaged_project_file_from_being_replaced(shop: Path) -> None:
    file = shop / "goldens" / "project.environment.json"
    conflict(file)
    with pytest.raises(GoldenError, match="conflict markers"):
        update(load_project(shop), ["revenue"])


def test_line_ends_of_another_system_are_no_damage(shop: Path) -> None:
    for file in (shop / "goldens").rglob("*.*"):
        if file.is_file():
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert checked(shop).exit_code == 0


def test_a_problem_does_not_hide_drift(shop: Path) -> None:
    truncate(shop / "goldens" / "revenue" / "complete.json")
    view = shop / "views" / "staging" / "mart.cheap.sql"
    view.write_text(view.read_text().replace("25", "26"))
    found = checked(shop)
    assert found.exit_code == 2
    assert [view.view for view in found.drifted] == ["mart.cheap"]
    assert found.verdict.startswith("1 of 3 views drifted")
