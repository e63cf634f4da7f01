"""What a view's text may be: exactly one query, whose parameters are values."""

from __future__ import annotations

import datetime

import pytest
from datafusion import SessionContext

from dfplan_assets.errors import GuardError, ParameterError, PlanningError, UnknownNameError
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.session import planning_context
from dfplan_assets.planning.user_functions import NO_FUNCTIONS
from dfplan_assets_tests.planning.projects import TABLES, project, view


@pytest.fixture
def ctx() -> SessionContext:
    catalog = RecordingCatalog()
    for name, schema in TABLES.items():
        catalog.add(name, schema)
    ctx = planning_context(project({}).engine, NO_FUNCTIONS)
    catalog.install(ctx)
    return ctx


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as one",
        "SELECT id FROM a;",
        "with c as (select 1 as x) select x from c",
        "values (1, 2)",
        "from a select id",
        "(select id from a) union all (select id from b)",
        "-- a comment\n/* another /* nested */ one */ select id from a -- and one more",
        "/* ---\ndescription: front matter\n--- */\nselect id from a",
    ],
)
def test_one_query_is_planned(ctx: SessionContext, sql: str) -> None:
    assert plan_query(ctx, view("v", sql), {}).schema().names


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("create table x as select 1", "CREATE"),
        ("create view x as select 1", "CREATE"),
        ("drop table a", "DROP"),
        ("insert into a values (1)", "INSERT"),
        ("delete from a", "DELETE"),
        ("update a set id = 1", "UPDATE"),
        ("copy a to 'x.parquet'", "COPY"),
        ("set datafusion.execution.batch_size = 1", "SET"),
        ("prepare p as select 1", "PREPARE"),
        ("explain select 1", "EXPLAIN"),
        ("explain analyze select 1", "EXPLAIN"),
        ("describe a", "DESCRIBE"),
        ("show tables", "SHOW"),
        ("begin", "BEGIN"),
        ("select 1 as x into y", "CreateMemoryTable"),
        ("select 1; select 2", "more than one statement"),
        ("select 1; drop table a", "more than one statement"),
        ("", "no query"),
        ("-- nothing but a comment", "no query"),
    ],
)
def test_anything_else_is_refused_by_name(ctx: SessionContext, sql: str, named: str) -> None:
    with pytest.raises(GuardError) as refusal:
        plan_query(ctx, view("v", sql), {})
    assert named in refusal.value.cause
    assert "views/v.sql (view v)" in str(refusal.value)
    assert refusal.value.next_step


def test_a_syntax_error_has_the_line_and_column_of_the_users_file(ctx: SessionContext) -> None:
    sql = "/* ---\ndescription: two\n  lines\n--- */\nselect id\nfrom a whree id > 1"
    with pytest.raises(PlanningError, match="line 6, column 14"):
        plan_query(ctx, view("v", sql), {})


@pytest.mark.parametrize(
    ("sql", "place"),
    [("select id,\nname from a where (", "line 2, column 20"), ("select 'x\nfrom a", "line 1, column 8")],
)
def test_a_text_that_ends_too_early_has_a_place_too(ctx: SessionContext, sql: str, place: str) -> None:
    with pytest.raises(PlanningError, match=place):
        plan_query(ctx, view("v", sql), {})


@pytest.mark.parametrize(
    ("sql", "cause", "hint"),
    [
        ("select * from aa", "table aa is neither a view nor a source", "Did you mean a?"),
        ("select * from raw.event", "table raw.event is neither", "Did you mean raw.events?"),
        ("select * from events", "table events is neither", "Did you mean raw.events?"),
        ('select * from "odd names"', "table odd names is neither", "Did you mean Odd Names?"),
        ("select * from information_schema.tables", "information_schema.tables is neither", ""),
        ("select * from 'data.parquet'", "table data.parquet is neither", ""),
        ("select id from a where id in (select idd from b)", "column idd does not exist", "b.id"),
        ("select nam from a", "column nam does not exist", "a.name"),
        ("select uper(name) from a", "function uper does not exist", "upper"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(
    ctx: SessionContext, sql: str, cause: str, hint: str
) -> None:
    with pytest.raises(UnknownNameError) as refusal:
        plan_query(ctx, view("v", sql), {}, known_tables=TABLES)
    assert cause in refusal.value.cause
    assert hint in refusal.value.next_step


def test_names_with_capitals_are_said_to_need_quotes(ctx: SessionContext) -> None:
    with pytest.raises(UnknownNameError, match="double quotes"):
        plan_query(ctx, view("v", 'select "mixed case" from "Odd Names"'), {})


def test_parameters_are_bound_as_values_and_never_as_text(ctx: SessionContext) -> None:
    frame = plan_query(ctx, view("v", "select id from a where name = $n"), {"n": "x' or 1 = 1 --"})
    assert """Utf8("x' or 1 = 1 --")""" in frame.logical_plan().display_indent()


@pytest.mark.parametrize(
    ("sql", "cause", "next_step"),
    [
        ("select id from a, b", "more than one table has a column id", "as in table.id"),
        ("select (s).x as x from a", "a dot cannot take a field of an expression", "['field']"),
        (
            "select * from b pivot (sum(w) for label in ('x'))",
            "DataFusion cannot plan the query: This feature is not implemented: Unsupported ast node Pivot",
            "Correct the query.",
        ),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_line(
    ctx: SessionContext, sql: str, cause: str, next_step: str
) -> None:
    with pytest.raises(PlanningError) as refusal:
        plan_query(ctx, view("v", sql), {})
    assert refusal.value.cause == cause
    assert next_step in refusal.value.next_step


@pytest.mark.parametrize(
    "value", [1, 2.5, True, None, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12)]
)
def test_parameters_keep_their_types(ctx: SessionContext, value: object) -> None:
    sql = "select $p as p"
    (row,) = plan_query(ctx, view("v", sql), {"p": value}).to_pylist()  # type: ignore[dict-item]
    assert row == {"p": value}


def test_a_parameter_without_a_value_is_named(ctx: SessionContext) -> None:
    with pytest.raises(ParameterError, match=r"parameter \$low has no value") as refusal:
        plan_query(ctx, view("v", "select id from a where id between $low and $high"), {"high": 3})
    assert "high" in refusal.value.next_step


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("select id + $p as x from a", "one"),
        ("select id from a where id > $p", "one"),
        ("select id from a where d > $p", "the first of May"),
        ("select id from a limit $p", "all"),
    ],
)
def test_a_parameter_of_a_wrong_type_is_named_with_its_type(
    ctx: SessionContext, sql: str, value: str
) -> None:
    with pytest.raises(ParameterError, match=r"\$p \(str\)") as refusal:
        plan_query(ctx, view("v", sql), {"p": value})
    assert value not in str(refusal.value), "values may be secret"


def test_dollar_signs_in_strings_comments_and_names_are_no_parameters(ctx: SessionContext) -> None:
    sql = "select '$a' as x, $$ $b $$ as y, id as \"$c\" -- $d\n from a /* $e */"
    assert plan_query(ctx, view("v", sql), {}).schema().names == ["x", "y", "$c"]
