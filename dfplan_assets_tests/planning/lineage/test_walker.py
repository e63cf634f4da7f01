"""The walker over plan texts: nodes that no view may have at its root, and what is not known."""

from __future__ import annotations

from decimal import Decimal

import datafusion.expr
import pyarrow as pa
import pytest
from datafusion import SessionContext

from dfplan_assets.errors import LineageError, PlanningError
from dfplan_assets.planning.lineage.plan_text import PlanTextError, parse_plan
from dfplan_assets.planning.lineage.relation import Relation
from dfplan_assets.planning.lineage.rules import RULES
from dfplan_assets.planning.lineage.view_lineage import view_lineage
from dfplan_assets.planning.lineage.walk import Walk
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets_tests.planning.projects import TABLES, project, view


@pytest.fixture
def ctx() -> SessionContext:
    ctx = SessionContext()
    for name in ("a", "b"):
        ctx.register_listing_table(name, f"file:///nowhere/{name}/", schema=TABLES[name])
    return ctx


def walk_of(ctx: SessionContext, sql: str) -> tuple[Walk, Relation]:
    plan = ctx.sql(sql).logical_plan()
    walk = Walk(RULES, {"a": "a", "b": "b"}, [], frozenset())
    relation = walk.relation(parse_plan(plan.display_indent(), plan.display_indent_schema()))
    return walk, relation


@pytest.mark.parametrize("word", ["explain", "explain analyze", "explain verbose"])
def test_explain_and_analyze_read_what_they_explain(ctx: SessionContext, word: str) -> None:
    walk, relation = walk_of(
        ctx, f"{word} select a.id from a where exists (select 1 from b where b.id = a.v)"
    )
    assert walk.scanned == {"a", "b"}
    assert relation.rows == {("a", "id"), ("a", "v"), ("b", "id")}


def test_subquery_and_subquery_alias_hand_on_their_columns() -> None:
    indent = "SubqueryAlias: q\n  Subquery:\n    SubqueryAlias: x\n      TableScan: a"
    schema = (
        "SubqueryAlias: q [id:Int64;N]\n  Subquery: [id:Int64;N]\n"
        "    SubqueryAlias: x [id:Int64;N]\n      TableScan: a [id:Int64;N]"
    )
    relation = Walk(RULES, {"a": "a"}, [], frozenset()).relation(parse_plan(indent, schema))
    (column,) = relation.columns
    assert (column.qualifier, column.name, column.direct) == ("q", "id", frozenset({("a", "id")}))


def test_hash_repartitioning_needs_its_key_and_decides_nothing(ctx: SessionContext) -> None:
    frame = ctx.sql("select id, v from a").repartition_by_hash(datafusion.col("v"), num=4)
    plan = frame.logical_plan()
    walk = Walk(RULES, {"a": "a"}, [], frozenset())
    relation = walk.relation(parse_plan(plan.display_indent(), plan.display_indent_schema()))
    assert (relation.rows, relation.needed) == (frozenset(), frozenset({("a", "v")}))


def test_an_unknown_node_stops_the_walk() -> None:
    node = parse_plan("Teleport: a", "Teleport: a [id:Int64]")
    with pytest.raises(PlanTextError, match="unknown kind, 'Teleport'"):
        Walk(RULES, {}, [], frozenset()).relation(node)


def test_an_unknown_word_in_an_expression_stops_the_walk() -> None:
    text = "Projection: mystery\n  EmptyRelation: rows=1"
    schema = "Projection: mystery [mystery:Int64]\n  EmptyRelation: rows=1 []"
    with pytest.raises(PlanTextError, match="mystery"):
        Walk(RULES, {}, [], frozenset()).relation(parse_plan(text, schema))


def test_a_scan_that_the_planner_never_resolved_is_an_error_that_names_both_answers(
    ctx: SessionContext,
) -> None:
    frame = ctx.sql("select a.id from a join b on a.id = b.id")
    with pytest.raises(LineageError, match="reads b, which the planner never resolved"):
        view_lineage(frame, view("v", "select …"), {}, {"a": True}, {"a": TABLES["a"]})


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("select id as x from a union all select id as x from b order by b.w", "number of fields"),
        (
            "select name from a order by (select max(w) from b where b.id = a.id)",
            "Correlated scalar subquery",
        ),
        ("select id as x, w as y from b union all select id, w as z from b order by b.w", "field named b.w"),
    ],
)
def test_a_plan_that_datafusion_cannot_execute_is_its_error_and_none_of_lineage(sql: str, cause: str) -> None:
    with pytest.raises(PlanningError, match=cause) as refusal:
        plan_project(project({"v": sql}))
    assert not isinstance(refusal.value, LineageError)
    assert "ORDER BY can name columns of the result alone" in refusal.value.next_step


# What DataFusion's Python package knows of plans. A name that is new here is a construct that
# lineage has not been taught: teach it (RULES, or the words of expressions), then add it here.
PLAN_NODES_READ = {
    "Aggregate", "Analyze", "Distinct", "EmptyRelation", "Explain", "Filter", "Join", "Limit", "Projection",
    "RecursiveQuery", "Repartition", "Sort", "Subquery", "SubqueryAlias", "TableScan", "Union", "Unnest",
    "Values", "Window",
}  # fmt: skip
PLAN_NODES_REFUSED = {
    "CopyTo", "CreateCatalog", "CreateCatalogSchema", "CreateExternalTable", "CreateFunction",
    "CreateFunctionBody", "CreateIndex", "CreateMemoryTable", "CreateView", "Deallocate", "DescribeTable",
    "DmlStatement", "DropCatalogSchema", "DropFunction", "DropTable", "DropView", "Execute", "Extension",
    "Prepare", "SetVariable", "TransactionAccessMode", "TransactionConclusion", "TransactionEnd",
    "TransactionIsolationLevel", "TransactionStart",
}  # fmt: skip
EXPRESSIONS_READ = {
    "AggregateFunction", "Alias", "Between", "BinaryExpr", "Case", "Cast", "Column", "Exists", "GroupingSet",
    "HigherOrderFunction", "ILike", "InList", "InSubquery", "IsFalse", "IsNotFalse", "IsNotNull", "IsNotTrue",
    "IsNotUnknown", "IsNull", "IsTrue", "IsUnknown", "Lambda", "LambdaVariable", "Like", "Literal",
    "Negative", "Not", "Placeholder", "ScalarSubquery", "ScalarVariable", "SimilarTo", "SortExpr", "TryCast",
    "UnnestExpr", "WindowExpr",
}  # fmt: skip
NO_PLAN_AND_NO_EXPRESSION = {
    "Any", "Callable", "CaseBuilder", "ClassVar", "EXPR_TYPE_ERROR", "Expr", "ExprFuncBuilder", "FileType",
    "Iterable", "JoinConstraint", "JoinType", "OperateFunctionArg", "Partitioning", "Sequence", "SortKey",
    "TYPE_CHECKING", "WindowFrame", "WindowFrameBound",
}  # fmt: skip


def test_lineage_knows_every_plan_node_and_expression_that_datafusion_has() -> None:
    names = {name for name in dir(datafusion.expr) if name[0].isupper()}
    known = PLAN_NODES_READ | PLAN_NODES_REFUSED | EXPRESSIONS_READ | NO_PLAN_AND_NO_EXPRESSION
    assert names - known == set(), "new in DataFusion: teach lineage"
    assert known - names == set(), "gone from DataFusion"


def test_every_plan_node_that_is_read_has_a_rule() -> None:
    printed = {"Window": "WindowAggr"}
    assert {printed.get(name, name) for name in PLAN_NODES_READ} | {"DistinctOn"} == set(RULES)


@pytest.mark.parametrize(
    "value",
    [
        pa.scalar(-1, pa.int8()),
        pa.scalar(1.5),
        pa.scalar(True),
        pa.scalar("(x), y"),
        pa.scalar("z", pa.string_view()),
        pa.scalar(b"\x00)"),
        pa.scalar(20000, pa.date32()),
        pa.scalar(1, pa.timestamp("us", "Europe/Zurich")),
        pa.scalar(3, pa.duration("s")),
        pa.scalar(2, pa.time64("ns")),
        pa.scalar(Decimal("1.50"), pa.decimal128(9, 2)),
        pa.scalar([1, 2]),
        pa.scalar({"x": 1, "y": "b"}),
        pa.scalar(None, pa.int64()),
    ],
    ids=lambda value: str(value.type),
)
def test_a_literal_of_any_type_is_read_over(value: pa.Scalar) -> None:
    frame = SessionContext().sql("select 1 as one").select(datafusion.lit(value).alias("x"))
    plan = frame.logical_plan()
    relation = Walk(RULES, {}, [], frozenset()).relation(
        parse_plan(plan.display_indent(), plan.display_indent_schema())
    )
    assert [column.name for column in relation.columns] == ["x"]
