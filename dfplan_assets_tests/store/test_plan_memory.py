"""What is remembered is what planning gives, after every change; planning is what is saved."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets.errors import UnknownNameError
from dfplan_assets.planning import guard
from dfplan_assets.planning.bundle import ViewPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Project
from dfplan_assets.store.plan_memory import PlanMemory, plan_remembered
from dfplan_assets_tests.planning.projects import TABLES, project
from dfplan_assets_tests.small_projects import write_shop

VIEWS = {
    "base": "select id, v from a where v > $least",
    "middle": "select id, sum(v) as total from base group by id",
    "top": "select middle.id, total, label from middle join b on b.id = middle.id",
    "apart": "select n from raw.events",
}
PARAMS = {"least": 1.5}


@pytest.fixture
def before(tmp_path: Path) -> Project:
    """A project that was planned and remembered."""
    (tmp_path / ".dfplan").mkdir()
    made = dataclasses.replace(project(VIEWS, params=PARAMS), root=tmp_path)
    plan_remembered(made, keep=True)
    return made


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The views that are planned from now on."""
    names: list[str] = []
    plan_query = guard.plan_query

    def counting(ctx: object, view: object, *rest: object) -> object:
        names.append(view.name)  # type: ignore[attr-defined]
        return plan_query(ctx, view, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("dfplan_assets.planning.project_plan.plan_query", counting)
    return names


def sql(**views: str) -> Callable[[Project], Project]:
    return lambda old: _with_views(old, {**VIEWS, **views})


def _with_views(old: Project, views: Mapping[str, str]) -> Project:
    return dataclasses.replace(project(views, params=old.params), root=old.root)


def _with_type(old: Project) -> Project:
    fields = [field if field.name != "v" else pa.field("v", pa.int32()) for field in TABLES["a"]]
    return dataclasses.replace(
        project(VIEWS, {**TABLES, "a": pa.schema(fields)}, params=PARAMS), root=old.root
    )


def _with_column(old: Project) -> Project:
    more = TABLES["b"].append(pa.field("more", pa.int64()))
    return dataclasses.replace(project(VIEWS, {**TABLES, "b": more}, params=PARAMS), root=old.root)


def _inlined(old: Project) -> Project:
    base = dataclasses.replace(old.views["base"], materialized="view")
    return dataclasses.replace(old, views={**old.views, "base": base})


CHANGES: dict[str, tuple[Callable[[Project], Project], set[str]]] = {
    "nothing": (lambda old: old, set()),
    "a literal": (sql(middle="select id, 2 * sum(v) as total from base group by id"), {"middle"}),
    "a comment": (sql(middle=f"-- why\n{VIEWS['middle']}"), {"middle"}),
    "an output type": (
        sql(base="select id, cast(v as integer) as v from a where v > $least"),
        {"base", "middle", "top"},
    ),
    "a new view": (sql(more="select id from top"), {"more"}),
    "a view that takes a source's place in a query": (sql(apart="select id from middle"), {"apart"}),
    "a parameter's value": (
        lambda old: dataclasses.replace(old, params={"least": 2.5}),
        {"base", "middle", "top", "apart"},
    ),
    "a parameter that becomes secret": (
        lambda old: dataclasses.replace(old, secret_params=frozenset({"least"})),
        {"base", "middle", "top", "apart"},
    ),
    "a setting": (
        lambda old: dataclasses.replace(
            old,
            engine=dataclasses.replace(old.engine, settings={"datafusion.execution.time_zone": "+02:00"}),
        ),
        set(VIEWS),
    ),
    "a column's type in a source": (_with_type, {"base", "middle", "top"}),
    "a column more in a source": (_with_column, {"top"}),
    "a view that is no longer stored": (_inlined, {"base", "middle"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_remembered_is_what_planning_gives(before: Project, planned: list[str], change: str) -> None:
    make, anew = CHANGES[change]
    after = make(before)
    remembered = plan_remembered(after, keep=False)
    assert set(planned) <= anew | {"top"}
    assert set(planned) >= anew - {"apart"}
    fresh = plan_project(after)
    assert remembered.views == fresh.views
    assert remembered.source_schemas == fresh.source_schemas


def test_a_name_that_becomes_a_table_is_seen(tmp_path: Path) -> None:
    (tmp_path / ".dfplan").mkdir()
    old = dataclasses.replace(project({"x": "select * from generate_series(1, 3)"}), root=tmp_path)
    plan_remembered(old, keep=True)
    new = dataclasses.replace(
        project({"x": "select * from generate_series(1, 3)", "y": "select id from a"}), root=tmp_path
    )
    assert plan_remembered(new, keep=True).views == plan_project(new).views


def test_a_table_that_goes_is_an_error_again(before: Project) -> None:
    tables = {name: schema for name, schema in TABLES.items() if name != "b"}
    without = dataclasses.replace(project(VIEWS, tables, params=PARAMS), root=before.root)
    with pytest.raises(UnknownNameError, match="table b is neither a view nor a source"):
        plan_remembered(without, keep=False)


def test_nothing_is_written_unless_asked_for(before: Project) -> None:
    file = before.root / ".dfplan" / "planned"
    file.unlink()
    plan_remembered(before, keep=False)
    assert not file.exists()


def test_nothing_is_written_beside_a_project_that_was_never_run(tmp_path: Path) -> None:
    plan_remembered(dataclasses.replace(project(VIEWS, params=PARAMS), root=tmp_path), keep=True)
    assert list(tmp_path.iterdir()) == []


def test_views_that_are_gone_are_forgotten(before: Project) -> None:
    views = {name: text for name, text in VIEWS.items() if name in ("base", "apart")}
    plan_remembered(_with_views(before, views), keep=True)
    memory = PlanMemory.of(before)
    assert {name for name in VIEWS if memory.get(name)} == {"base", "apart"}


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"dfplan planned 999\nbase\t[]\n",
        b"\xff\xfe\x00",
        b"dfplan planned 1\nbase\t{not json\nmiddle\t[1, 2]\ntop\tnull\n",
    ],
)
def test_a_damaged_file_costs_only_planning(before: Project, planned: list[str], damage: bytes) -> None:
    file = before.root / ".dfplan" / "planned"
    assert file.is_file()
    file.write_bytes(damage)
    assert plan_remembered(before, keep=True).views == plan_project(before).views
    planned.clear()
    plan_remembered(before, keep=True)
    assert planned == []


def test_a_folder_that_cannot_be_written_is_said_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".dfplan" / "planned").mkdir(parents=True)
    made = dataclasses.replace(project(VIEWS, params=PARAMS), root=tmp_path)
    with caplog.at_level(logging.WARNING):
        plan_remembered(made, keep=True)
    assert "plans cannot be kept for the next time" in caplog.text


def test_a_project_on_disk_is_planned_once(tmp_path: Path, planned: list[str]) -> None:
    folder = write_shop(tmp_path / "shop")
    (folder / ".dfplan").mkdir()
    first: Mapping[str, ViewPlan] = plan_remembered(load_project(folder), keep=True).views
    planned.clear()
    assert plan_remembered(load_project(folder), keep=True).views == first
    assert planned == []
    best = folder / "views" / "marts" / "best.sql"
    best.write_text(best.read_text() + " -- the best", encoding="utf-8")
    os.utime(best)
    plan_remembered(load_project(folder), keep=True)
    assert planned == ["best"]


def test_what_was_saved_is_not_written_again(before: Project) -> None:
    file = before.root / ".dfplan" / "planned"
    file.unlink()
    memory = PlanMemory.of(before)
    plan_project(before, memory)
    memory.save(before)
    written = file.stat()
    plan_project(before, memory)
    memory.save(before)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
