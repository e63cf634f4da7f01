"""A project planned as a whole: the order, the direct edges, and what stops it."""

from __future__ import annotations

import datetime
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from datafusion import SessionContext

from dfplan_assets.errors import CycleError, PlanningError, ProjectError, UnknownNameError
from dfplan_assets.planning.lineage.across_views import source_columns
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project.model import ParameterValue, Source
from dfplan_assets_tests.planning.projects import project

CHAIN = {
    "c_report": "select total from b_sums where total > 10",
    "b_sums": "select name, sum(v) as total from z_clean group by name",
    "z_clean": "select id, v, upper(name) as name from a where id in (select id from b)",
}


def test_upstream_views_are_planned_first() -> None:
    assert list(plan_project(project(CHAIN)).views) == ["z_clean", "b_sums", "c_report"]


def test_a_view_depends_on_the_views_it_names_and_not_on_what_they_read() -> None:
    plan = plan_project(project(CHAIN))
    tables = {name: view.lineage.tables for name, view in plan.views.items()}
    assert tables == {"z_clean": ("a", "b"), "b_sums": ("z_clean",), "c_report": ("b_sums",)}


def test_source_columns_are_found_through_chains_of_views() -> None:
    found = source_columns(plan_project(project(CHAIN)), "c_report")
    origins = {(origin.table, origin.column, origin.kind) for origin in found["total"]}
    assert origins == {
        ("a", "v", "direct"),  # sum(v), through z_clean
        ("a", "v", "indirect"),  # total > 10
        ("a", "name", "indirect"),  # group by name
        ("a", "id", "indirect"),  # id in (…)
        ("b", "id", "indirect"),
    }


def test_an_indirect_step_makes_what_lies_before_it_indirect() -> None:
    plan = plan_project(
        project(
            {"x": "select id, v as w from a", "y": "select id from x where w > 1", "z": "select id from y"}
        )
    )
    origins = {(o.column, o.kind) for o in source_columns(plan, "z")["id"]}
    assert origins == {("id", "direct"), ("v", "indirect")}


def test_types_flow_from_view_to_view_as_they_are_read_back() -> None:
    plan = plan_project(project({"x": "select name, v from a", "y": "select * from x"}))
    assert plan.views["y"].schema == pa.schema([("name", pa.string_view()), ("v", pa.float64())])


def test_only_sources_that_are_named_are_looked_at() -> None:
    plan = plan_project(project({"x": "select id from b"}))
    assert set(plan.source_schemas) == {"b"}


def test_schema_qualified_views_resolve_as_datafusion_resolves_them() -> None:
    joined = "select s.id from staging.b s join public.b p on s.id = p.id"
    plan = plan_project(project({"staging.b": "select id from b", "x": joined}))
    assert plan.views["x"].lineage.tables == ("b", "staging.b")


def test_a_circle_of_views_is_shown() -> None:
    views = {
        "x": "select * from z",
        "y": "select * from x",
        "z": "select id from a where id in (select id from y)",
    }
    with pytest.raises(CycleError) as refusal:
        plan_project(project(views))
    circle = refusal.value.cause.split(": ")[1].split(" -> ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"x", "y", "z"}
    # read as "names": x names z, z names y, y names x
    names = {"x": "z", "y": "x", "z": "y"}
    assert all(names[a] == b for a, b in itertools.pairwise(circle))


def test_a_view_that_names_itself_is_a_circle() -> None:
    with pytest.raises(CycleError, match="x -> x"):
        plan_project(project({"x": "select * from x"}))


def test_an_unknown_table_is_an_error_that_offers_views_not_yet_planned() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean z_orders"):
        plan_project(project({"x": "select * from z_order", "z_orders": "select 1 as one"}))


def test_two_output_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(PlanningError, match="two columns named id"):
        plan_project(project({"x": "select a.id, b.id from a join b on a.id = b.id"}))


def test_a_view_over_a_table_function_depends_on_nothing() -> None:
    plan = plan_project(project({"x": "select value from generate_series(1, 3)"}))
    assert plan.views["x"].lineage.tables == ()


def test_an_unused_cte_is_reported_and_no_dependency() -> None:
    plan = plan_project(
        project({"w": "select 1 as one", "x": "with unused as (select * from w) select id from a"})
    )
    assert plan.views["x"].lineage.tables == ("a",)
    assert plan.views["x"].lineage.unused_tables == ("w",)


def test_an_unknown_setting_names_the_setting() -> None:
    with pytest.raises(ProjectError, match=r"datafusion\.execution\.batch_sise"):
        plan_project(project({"x": "select 1 as one"}, settings={"datafusion.execution.batch_sise": "1"}))


def test_the_plan_of_a_project_does_not_depend_on_the_order_of_its_files() -> None:
    names = list(CHAIN)
    expected = plan_project(project(CHAIN)).views
    for seed in range(3):
        random.Random(seed).shuffle(names)
        again = plan_project(project({name: CHAIN[name] for name in names})).views
        assert [(n, v.lineage, v.logical_plan) for n, v in again.items()] == [
            (n, v.lineage, v.logical_plan) for n, v in expected.items()
        ]


def test_planning_reads_no_data() -> None:
    # The sources of these projects have columns but no files: a plan that read data would fail.
    assert plan_project(project(CHAIN)).views.keys() == CHAIN.keys()


def test_views_over_a_damaged_source_are_unplanned_and_all_others_are_planned(tmp_path: Path) -> None:
    (tmp_path / "c.parquet").write_bytes(b"PAR1 cut short")
    views = {
        "broken": "select * from c",
        "after": "select x.* from a join broken x on x.id = a.id",
        "whole": "select id from a",
    }
    base = project(views)
    damaged = Source("c", str(tmp_path / "c.parquet"), "parquet", {}, None)
    plan = plan_project(replace(base, sources={**base.sources, "c": damaged}))
    assert set(plan.views) == {"whole"}
    assert list(plan.unplanned) == ["broken", "after"]
    assert plan.unplanned["after"].tables == ("a", "broken")
    assert "source c" in str(plan.unplanned["after"].error)


def test_whoever_keeps_going_gets_a_plan_of_all_that_can_be_planned() -> None:
    base = project(
        {
            "no_sql": "selec 1",
            "typo": "select nme from a",
            "after": "select * from typo join whole on true",
            "whole": "select id from a",
            "no_table": "select * from nowhere",
        }
    )
    with pytest.raises(PlanningError):
        plan_project(base)
    plan = plan_project(base, keep_going=True)
    assert list(plan.views) == ["whole"]
    assert {name: view.tables for name, view in plan.unplanned.items()} == {
        "no_sql": (),
        "no_table": (),
        "typo": ("a",),
        "after": ("typo", "whole"),
    }
    assert "nme" in str(plan.unplanned["typo"].error)
    assert plan.unplanned["after"].error is plan.unplanned["typo"].error


@pytest.mark.parametrize(
    "sql",
    [
        "select cast(1.5 as decimal(18, 2)) as x, 1 as y union all select 2, cast(3 as bigint unsigned)",
        "select round(cast(1.2345 as decimal(20, 8)), 2) as x, round(cast(1 as decimal(20, 8)), 1 + 1) as y",
        "select date_bin(interval '1 day', timestamp '2024-01-01') as x, 1 + 1.5 as y",
    ],
)
def test_a_view_has_the_types_that_it_has_when_it_runs(sql: str) -> None:
    plan = plan_project(project({"x": sql}))
    executed = SessionContext().sql(sql).to_arrow_table().schema
    assert plan.views["x"].schema.types == executed.types
    assert plan.views["x"].schema.names == executed.names


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("hunter2", "select id from a where name <> $key"),
        (987654321, "select id from a where id <> $key"),
        (datetime.date(2031, 4, 5), "select id from a where d <> $key"),
        (datetime.datetime(2031, 4, 5, 6, 7, 8), "select id from a where d <> $key"),
    ],
)
def test_a_secret_value_stands_in_no_plan(value: ParameterValue, sql: str) -> None:
    base = project({"x": sql}, params={"key": value})
    assert "$key" not in plan_project(base).views["x"].logical_plan
    hidden = plan_project(replace(base, secret_params=frozenset({"key"}))).views["x"].logical_plan
    assert "$key" in hidden
