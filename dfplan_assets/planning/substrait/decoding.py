"""From canonical Substrait back to a DataFusion plan over the tables of a session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from datafusion import DataFrame, SessionContext
from datafusion.catalog import Catalog, Schema
from datafusion.plan import LogicalPlan
from datafusion.substrait import Consumer, Serde
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue
from substrait.plan_pb2 import Plan

from dfplan_assets.errors import SubstraitError
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.substrait.canonical import PRODUCER, rels_of_leaves, turn_into_read
from dfplan_assets.planning.substrait.datafusion_plan import bound_to, decode_node
from dfplan_assets.planning.substrait.encoding import LEAF_MARK, PLAN_TYPE_URL, schema_in_substrait
from dfplan_assets.planning.substrait.parsing import parse_plan

_CATALOG = "dfplan_extensions"
_MAKE_ANEW = "Plan the view again to make the message anew."


def decode(message: bytes, ctx: SessionContext, where: str = "Substrait message") -> LogicalPlan:
    """The plan that a message stands for, over the session's tables and functions.

    ``where`` names what was read, for errors. Raises SubstraitError for bytes that are no Substrait,
    a message cut short, one of another producer, and a plan that this session cannot take back: a
    table or function that it does not have.
    """
    plan = read_message(message, where)
    try:
        # No function is unpickled from a message; it names those of the session.
        by_name = ctx.with_python_udf_inlining(enabled=False)
        root = plan.relations[0].root.input
        if root.WhichOneof("rel_type") == "extension_leaf" and not root.extension_leaf.HasField("common"):
            return _leaf(root.extension_leaf.detail, by_name).logical_plan()
        if LEAF_MARK not in message:
            return Consumer.from_substrait_plan(ctx, Serde.deserialize_bytes(message))
        with _shelf(ctx) as (shelf, prefix):
            for number, rel in enumerate(list(rels_of_leaves(plan))):
                leaf = _leaf(rel.extension_leaf.detail, by_name)
                shelf.register_table(f"leaf_{number}", leaf)
                turn_into_read(rel, [*prefix, f"leaf_{number}"], schema_in_substrait(leaf.schema()))
            return Consumer.from_substrait_plan(ctx, Serde.deserialize_bytes(plan.SerializeToString()))
    except BaseException as cause:
        raise_unless_datafusion(cause)
        raise SubstraitError(
            where,
            f"the message cannot be decoded: {str(cause).strip().splitlines()[-1]}",
            "The tables and functions that it names must exist in the session.",
        ) from cause


def read_message(message: bytes, where: str) -> Plan:
    """A message of ours as protocol buffers; the first checks of ``decode``. Raises SubstraitError."""
    try:
        plan: Plan = parse_plan(message)
    except DecodeError as cause:
        raise SubstraitError(
            where,
            f"these {len(message)} bytes are no whole Substrait message; they begin with {message[:16]!r}",
            f"They are something else, or were cut short. {_MAKE_ANEW}",
        ) from cause
    if not plan.relations:
        raise SubstraitError(
            where,
            f"these {len(message)} bytes hold no Substrait relation; they begin with {message[:16]!r}",
            f"They are something else, or were cut short. {_MAKE_ANEW}",
        )
    producer = plan.version.producer
    if producer != PRODUCER:
        found = f"made by {producer!r}" if producer else "of an unnamed producer, or cut short"
        raise SubstraitError(
            where,
            f"this Substrait message is {found}, not made by {PRODUCER!r}",
            f"Other producers' messages are not read: their extensions mean other things. {_MAKE_ANEW}",
        )
    return plan


def _leaf(detail: Any, ctx: SessionContext) -> DataFrame:
    """What an extension leaf stands for: a plan in DataFusion's encoding, or a call of a table function."""
    call = StringValue()
    if detail.Unpack(call):
        return ctx.sql(f"SELECT * FROM {call.value}")
    if detail.type_url != PLAN_TYPE_URL:
        raise ValueError(f"an extension relation holds {detail.type_url}, which is not known here")
    return ctx.create_dataframe_from_logical_plan(decode_node(ctx, bound_to(detail.value, ctx)))


@contextmanager
def _shelf(ctx: SessionContext) -> Iterator[tuple[Schema, tuple[str, str]]]:
    """A schema of the session for as long as a message is decoded, and the path of its name."""
    if _CATALOG not in ctx.catalog_names():
        ctx.register_catalog_provider(_CATALOG, Catalog.memory_catalog())
    catalog = ctx.catalog(_CATALOG)
    name = f"s{uuid.uuid4().hex}"
    schema = Schema.memory_schema()
    catalog.register_schema(name, schema)
    try:
        yield schema, (_CATALOG, name)
    finally:
        catalog.deregister_schema(name, True)
