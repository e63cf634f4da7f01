"""Validation says of a message: it matches, it differs, it cannot be decoded; and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from datafusion import SessionContext, udf
from substrait.plan_pb2 import Plan

from dfplan_assets.execution.validation import validate
from dfplan_assets.planning.bundle import SubstraitPlan
from dfplan_assets.planning.substrait import encode
from dfplan_assets_tests.planning.identity.world import TABLES, real_context

SQL = "select r.id, r.fare from rides r where r.id > 3"


@pytest.fixture
def ctx(tmp_path: Path) -> SessionContext:
    return real_context(tmp_path)


def message_for(ctx: SessionContext, sql: str) -> SubstraitPlan:
    return encode(ctx, ctx.sql(sql))


def test_off_means_not_validated(ctx: SessionContext) -> None:
    assert validate("off", ctx, ctx.sql(SQL), message_for(ctx, SQL), ()).outcome == "not validated"


def test_a_faithful_message_matches(ctx: SessionContext) -> None:
    decoded = validate("decode", ctx, ctx.sql(SQL), message_for(ctx, SQL), ())
    assert (decoded.outcome, "canonical bytes" in decoded.reason) == ("matches", True)
    executed = validate("execute", ctx, ctx.sql(SQL), message_for(ctx, SQL), ())
    assert (executed.outcome, executed.reason) == ("matches", "both plans gave the same 9 rows")


def test_no_message_is_not_validated(ctx: SessionContext) -> None:
    nothing = SubstraitPlan(None, "Node: cause", (), message_for(ctx, SQL).validation)
    for mode in ("decode", "execute"):
        validation = validate(mode, ctx, ctx.sql(SQL), nothing, ())
        assert validation.outcome == "not validated"
        assert "Node: cause" in validation.reason


def test_a_message_of_another_query_differs(ctx: SessionContext) -> None:
    other = message_for(ctx, SQL.replace("> 3", "> 4"))
    executed = validate("execute", ctx, ctx.sql(SQL), other, ())
    assert executed.outcome == "differs"
    assert executed.reason == "1 of 9 rows are missing, 0 are not the query's"


def test_another_schema_differs(ctx: SessionContext) -> None:
    other = message_for(ctx, "select r.id, cast(r.fare as decimal(9, 2)) as fare from rides r where r.id > 3")
    for mode in ("decode", "execute"):
        validation = validate(mode, ctx, ctx.sql(SQL), other, ())
        assert validation.outcome == "differs"
        assert "column fare turned from decimal128(8, 2) into decimal128(9, 2)" in validation.reason


def test_rows_count_as_often_as_they_come(ctx: SessionContext) -> None:
    once = "select r.rating from rides r union select r.rating from rides r"
    twice = "select r.rating from rides r union all select r.rating from rides r"
    assert validate("execute", ctx, ctx.sql(twice), message_for(ctx, once), ()).outcome == "differs"


def test_a_message_that_cannot_be_decoded_says_why(ctx: SessionContext) -> None:
    broken = replace(message_for(ctx, SQL), message=b"broken")
    unknown = Plan.FromString(message_for(ctx, SQL).message or b"")
    for rel in (unknown.relations[0].root.input,):
        while rel.WhichOneof("rel_type") != "read":
            rel = getattr(rel, rel.WhichOneof("rel_type") or "").input
        rel.read.named_table.names[:] = ["unknown"]
    for message, cause in ((broken.message, "6 bytes"), (unknown.SerializeToString(), "unknown")):
        for mode in ("decode", "execute"):
            substrait = replace(broken, message=message)
            validation = validate(mode, ctx, ctx.sql(SQL), substrait, ())
            assert validation.outcome == "cannot be decoded"
            assert cause in validation.reason


def test_volatile_queries_are_decoded_and_not_run(ctx: SessionContext) -> None:
    sql = "select random() as x from rides"
    validation = validate("execute", ctx, ctx.sql(sql), message_for(ctx, sql), ("random",))
    assert validation.outcome == "matches"
    assert "not run, since it calls random()" in validation.reason


def test_a_result_that_changes_by_itself_is_no_difference(ctx: SessionContext) -> None:
    sql = "select random() as x from rides"
    validation = validate("execute", ctx, ctx.sql(sql), message_for(ctx, sql), ())
    assert validation.outcome == "not validated"


def test_a_query_that_fails_is_not_validated(ctx: SessionContext) -> None:
    sql = "select 1 / (r.id - r.id) as x from rides r"
    validation = validate("execute", ctx, ctx.sql(sql), message_for(ctx, sql), ())
    assert validation.outcome == "not validated"
    assert "the query itself fails" in validation.reason


def test_rows_of_every_type_compare() -> None:
    ctx = SessionContext()
    values = {
        "f": pa.array([float("nan"), None, -0.0, 0.1 + 0.2], pa.float64()),
        "half": pa.array([1.5, None, 2.5, float("inf")], pa.float16()),
        "l": pa.array([[1, None], None, [], [float("nan")]], pa.list_(pa.float32())),
        "s": pa.array([{"a": 1, "b": [{"c": None}]}, None, {"a": None, "b": []}, {"a": 2, "b": None}]),
        "m": pa.array([[("k", 1)], None, [], [("k", None)]], pa.map_(pa.string(), pa.int8())),
        "b": pa.array([b"\x00", None, b"", b"x"], pa.binary_view()),
        "d": pa.array(["x", None, "x", "y"]).dictionary_encode(),
        "t": pa.array([1, None, 2, 3], pa.timestamp("ns", "UTC")),
        "u": pa.array([1, None, 2, 3], pa.duration("ms")),
    }
    ctx.from_arrow(pa.table(values), name="every")
    for sql in ("select * from every", "select * from every where f is null", "select f from every limit 0"):
        validation = validate("execute", ctx, ctx.sql(sql), message_for(ctx, sql), ())
        assert validation.outcome == "matches", validation.reason


def test_a_table_in_memory_cannot_be_bound_below_an_extension() -> None:
    ctx = SessionContext()
    ctx.from_arrow(pa.table({"tags": [["a", "b"]]}), name="stations")
    stand_ins = SessionContext()
    stand_ins.register_listing_table("stations", "file:///nowhere/", schema=ctx.table("stations").schema())
    sql = "select unnest(s.tags) as tag from stations s"
    validation = validate("execute", ctx, ctx.sql(sql), encode(stand_ins, stand_ins.sql(sql)), ())
    assert validation.outcome == "cannot be decoded"


def test_a_function_with_another_result_differs(ctx: SessionContext) -> None:
    sql = "select shorten(s.name, 2) as n from stations s"
    substrait = message_for(ctx, sql)
    frame = ctx.sql(sql)
    types = [pa.string(), pa.int64()]
    ctx.register_udf(udf(lambda texts, length: texts, types, pa.string(), "immutable", "shorten"))
    assert validate("execute", ctx, frame, substrait, ()).outcome == "differs"


def test_the_world_has_rows_for_every_table(ctx: SessionContext) -> None:
    assert all(ctx.table(f'"{name}"' if "." not in name else name).count() for name in TABLES)
