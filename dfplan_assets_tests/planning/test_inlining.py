"""Views that are not stored, as planning sees them: edges, identities, and why a reader changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pytest

from dfplan_assets.errors import CycleError, PlanningError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.diff import PlanDifference, difference, facts_of_plan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.lineage.across_views import source_columns
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets_tests.planning.projects import project

VIEWS = {
    "clean": "select id, v, upper(name) as name from a where v > 10",
    "sums": "select name, sum(v) as total from clean group by name",
    "report": "select total from sums where total > 100",
    "other": "select id from clean",
    "apart": "select label from b",
}


def planned(
    views: Mapping[str, str], *virtual: str, settings: Mapping[str, str] | None = None
) -> ProjectPlan:
    """These views planned, some of them not stored."""
    declared = project(views, settings=settings)
    return plan_project(
        replace(
            declared,
            views={
                name: replace(view, materialized="view") if name in virtual else view
                for name, view in declared.views.items()
            },
        )
    )


def fingerprints(plan: ProjectPlan) -> dict[str, str]:
    return {name: view.identity.fingerprint for name, view in plan.views.items()}


def changed(before: ProjectPlan, after: ProjectPlan) -> set[str]:
    """The views whose results another meaning decides."""
    old, new = fingerprints(before), fingerprints(after)
    return {name for name in old if old[name] != new[name]}


def compared(before: ProjectPlan, after: ProjectPlan, view: str) -> PlanDifference:
    """What differs between two plans of a view."""
    sides = [facts_of_plan(plan, view, capture_environment(plan)) for plan in (before, after)]
    return difference(sides[0], sides[1])


def edited(view: str, old: str, new: str) -> dict[str, str]:
    assert old in VIEWS[view]
    return {**VIEWS, view: VIEWS[view].replace(old, new)}


def test_a_reader_depends_on_the_view_itself_as_if_it_were_stored() -> None:
    plan, stored = planned(VIEWS, "clean", "sums"), planned(VIEWS)
    for name in VIEWS:
        assert plan.views[name].lineage == stored.views[name].lineage
        assert source_columns(plan, name) == source_columns(stored, name)


def test_what_is_read_through_inlined_views_is_known() -> None:
    plan = planned(VIEWS, "clean", "sums")
    assert plan.inlined_views("report") == ("clean", "sums")
    assert plan.stored_tables("report") == ("a",)
    assert plan.stored_tables("apart") == ("b",)
    assert plan.readers_of("clean") == ("other", "report")
    assert plan.readers_of("sums") == ("report",)


def test_a_changed_meaning_reaches_all_who_have_it_inlined_and_nobody_else() -> None:
    after = edited("clean", "v > 10", "v > 20")
    assert changed(planned(VIEWS, "clean", "sums"), planned(after, "clean", "sums")) == {
        "clean",
        "sums",
        "report",
        "other",
    }
    # A stored view ends it: report reads the result of sums.
    assert changed(planned(VIEWS, "clean"), planned(after, "clean")) == {"clean", "sums", "other"}


@pytest.mark.parametrize(
    ("old", "new"), [("select id", "select /* why */ id"), ("from a where v", "from a as x where x.v")]
)
def test_a_comment_or_an_alias_in_an_inlined_view_changes_nobody(old: str, new: str) -> None:
    after = planned(edited("clean", old, new), "clean", "sums")
    assert changed(planned(VIEWS, "clean", "sums"), after) == set()


def test_without_inlined_views_the_identity_has_no_part_for_them() -> None:
    plan, some = planned(VIEWS), planned(VIEWS, "sums")
    assert not any("inlined" in view.identity.parts for view in plan.views.values())
    assert changed(plan, some) == {"report"}
    assert "inlined" in some.views["report"].identity.parts


def test_the_cause_is_told_at_the_view_it_was_made_in() -> None:
    before = planned(VIEWS, "clean", "sums")
    after = planned(edited("clean", "v > 10", "v > 20"), "clean", "sums")
    for view in ("sums", "report"):
        found = compared(before, after, view)
        assert found.kind == "rows or values may differ"
        assert found.cause == "inlined view clean changed: filter `v > 10` became `v > 20`"
        assert found.changed_parts == ("inlined",)
        assert found.changed_columns is None


def test_a_cause_that_two_ways_lead_to_is_told_once() -> None:
    views = {
        "base": "select id, v from a where v > 1",
        "left_side": "select id from base",
        "right_side": "select id, v from base",
        "both": "select r.v from left_side l join right_side r on l.id = r.id",
    }
    virtual = ("base", "left_side", "right_side")
    after = {**views, "base": "select id, v from a where v > 2"}
    found = compared(planned(views, *virtual), planned(after, *virtual), "both")
    assert found.causes == ("inlined view base changed: filter `v > 1` became `v > 2`",)


def test_a_column_added_to_reader_and_inlined_view_at_once_proves_nothing() -> None:
    before = planned(VIEWS, "clean")
    views = {
        **edited("clean", "v > 10", "v > 20"),
        "other": "select id, name from clean",
    }
    found = compared(before, planned(views, "clean"), "other")
    assert found.kind == "rows or values may differ"
    assert found.changed_columns is None
    assert found.causes == (
        "inlined view clean changed: filter `v > 10` became `v > 20`",
        "column name added",
    )


def test_storing_a_view_or_no_longer_storing_it_is_said() -> None:
    stored, inlined = planned(VIEWS), planned(VIEWS, "clean")
    assert "view clean is inlined now, it was stored before" in compared(stored, inlined, "sums").causes
    assert "view clean is stored now, it was inlined before" in compared(inlined, stored, "sums").causes
    deep, less = planned(VIEWS, "clean", "sums"), planned(VIEWS, "sums")
    assert "view clean is stored now, it was inlined before" in compared(deep, less, "report").causes


def test_a_setting_that_changed_for_all_is_told_once() -> None:
    ansi = {"datafusion.execution.time_zone": "+02:00"}
    found = compared(planned(VIEWS, "clean"), planned(VIEWS, "clean", settings=ansi), "sums")
    assert [cause for cause in found.causes if "time_zone" in cause] == [found.causes[0]]


def test_a_type_that_changed_below_an_inlined_view_is_told() -> None:
    views = {"one": "select id, v from a", "two": "select id + 1 as next from one"}
    before = planned(views, "one")
    declared = replace(
        before.project,
        sources={
            name: replace(
                source,
                columns=pa.schema(
                    [field.with_type(pa.int32()) if field.name == "id" else field for field in source.columns]
                ),
            )
            for name, source in before.project.sources.items()
            if source.columns is not None
        },
    )
    found = compared(before, plan_project(declared), "two")
    assert any("id: int64 → int32" in cause for cause in found.causes), found.causes


def test_a_circle_through_inlined_views_is_one() -> None:
    views = {"x": "select id from y", "y": "select id from z", "z": "select id from x"}
    with pytest.raises(CycleError, match="x -> y -> z -> x"):
        planned(views, "y", "z")


def test_an_inlined_view_that_cannot_be_planned_stops_the_project_as_any_does() -> None:
    with pytest.raises(PlanningError, match="column nothing does not exist"):
        planned({**VIEWS, "clean": "select nothing from a"}, "clean")


def test_a_view_that_nobody_reads_may_be_inlined_into_nobody() -> None:
    plan = planned(VIEWS, "apart")
    assert plan.readers_of("apart") == ()
    assert plan.stored_tables("apart") == ("b",)


def test_types_are_the_same_whether_a_view_is_stored_or_inlined() -> None:
    views = {
        "x": "select name, id, 1 as one, upper(name) as up from a",
        "y": "select arrow_typeof(up) as t from x",
    }
    inlined, stored = planned(views, "x"), planned(views)
    assert inlined.views["x"].schema.types == stored.views["x"].schema.types
    assert inlined.views["x"].schema.field("one").nullable is False
    assert compared(stored, inlined, "y").causes == ("view x is inlined now, it was stored before",)


def test_an_interval_has_its_type_though_no_file_could_hold_it() -> None:
    plan = planned({"x": "select interval '1 day' as step"}, "x")
    assert pa.types.is_interval(plan.views["x"].schema.field("step").type)
