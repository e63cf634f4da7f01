"""What is no message of ours gives one clear error that names what was read."""

from __future__ import annotations

import pytest
from datafusion import SessionContext
from datafusion.substrait import Serde
from google.protobuf.any_pb2 import Any
from substrait.plan_pb2 import Plan

from dfplan_assets.errors import SubstraitError
from dfplan_assets.planning.substrait import decode, encode
from dfplan_assets.planning.substrait.canonical import rels_of_leaves
from dfplan_assets_tests.planning.identity.world import TABLES, stand_in_context

WHERE = "bundle of view revenue"
UNNEST = "select s.id, unnest(s.tags) as tag from stations s"


@pytest.fixture(scope="module")
def ctx() -> SessionContext:
    return stand_in_context()


def message_of(ctx: SessionContext, sql: str) -> bytes:
    message = encode(ctx, ctx.sql(sql)).message
    assert message is not None
    return message


def error_of(message: bytes, ctx: SessionContext) -> SubstraitError:
    with pytest.raises(SubstraitError) as caught:
        decode(message, ctx, WHERE)
    assert caught.value.where == WHERE
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize("other", [b"", b"PAR1\x15\x04", b"not substrait", b"\x00\xff" * 40, b"select 1"])
def test_bytes_that_are_no_substrait(ctx: SessionContext, other: bytes) -> None:
    assert f"these {len(other)} bytes" in error_of(other, ctx).cause


@pytest.mark.parametrize("sql", ["select r.id, r.fare + 1 as f from rides r where r.rating > 3", UNNEST])
def test_a_message_cut_short_anywhere(ctx: SessionContext, sql: str) -> None:
    message = message_of(ctx, sql)
    for length in range(len(message)):
        error_of(message[:length], ctx)


def test_a_message_of_another_producer(ctx: SessionContext) -> None:
    foreign = Serde.serialize_bytes("select r.id from rides r", ctx)
    assert "made by 'datafusion'" in error_of(foreign, ctx).cause


def test_a_table_that_the_session_does_not_have(ctx: SessionContext) -> None:
    fewer = stand_in_context({name: schema for name, schema in TABLES.items() if name != "stations"})
    for sql in ("select s.id from stations s", UNNEST):
        assert "stations" in error_of(message_of(ctx, sql), fewer).cause


def test_a_function_that_the_session_does_not_have(ctx: SessionContext) -> None:
    plain = SessionContext()
    plain.register_listing_table("stations", "file:///nowhere/", schema=TABLES["stations"])
    in_a_leaf = "select shorten(s.name, 2) as n, unnest(s.tags) as tag from stations s"
    for sql in ("select shorten(s.name, 2) as n from stations s", in_a_leaf):
        assert "shorten" in error_of(message_of(ctx, sql), plain).cause


def test_a_table_of_other_columns(ctx: SessionContext) -> None:
    changed = {**TABLES, "stations": TABLES["stations"].remove(0)}
    for sql in ("select s.id from stations s", UNNEST):
        assert error_of(message_of(ctx, sql), stand_in_context(changed)).cause


def test_a_detail_of_an_unknown_type(ctx: SessionContext) -> None:
    plan = Plan.FromString(message_of(ctx, UNNEST))
    (leaf,) = rels_of_leaves(plan)
    leaf.extension_leaf.detail.CopyFrom(Any(type_url="type.googleapis.com/other.Thing", value=b"x"))
    assert "other.Thing" in error_of(plan.SerializeToString(), ctx).cause


def test_a_detail_that_is_damaged(ctx: SessionContext) -> None:
    plan = Plan.FromString(message_of(ctx, UNNEST))
    (leaf,) = rels_of_leaves(plan)
    for damaged in (b"", b"\xff", leaf.extension_leaf.detail.value[:-3]):
        leaf.extension_leaf.detail.value = damaged
        error_of(plan.SerializeToString(), ctx)


def test_decoding_leaves_nothing_behind(ctx: SessionContext) -> None:
    decode(message_of(ctx, f"select t.tag from ({UNNEST}) t where t.id > 1"), ctx)
    assert ctx.catalog("dfplan_extensions").names() == set()
