"""From a DataFusion plan to canonical Substrait, with extension relations for what Substrait lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from datafusion import DataFrame, SessionContext
from datafusion.plan import LogicalPlan
from datafusion.substrait import Producer
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import StringValue
from substrait.plan_pb2 import Plan
from substrait.type_pb2 import NamedStruct

from dfplan_assets.planning.bundle import SubstraitPlan, Validation
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.stable_plan import stable_plan, workshop
from dfplan_assets.planning.substrait.canonical import canonical_message
from dfplan_assets.planning.substrait.datafusion_plan import (
    SUBQUERY_ALIAS,
    change_nodes,
    count_scans,
    decode_node,
    joins_on,
    payload_of,
    replace_input,
    without_places,
)
from dfplan_assets.planning.substrait.parsing import parse_plan
from dfplan_assets.planning.substrait.table_functions import call_text, table_function_scans
from dfplan_assets.planning.substrait.wire import first_bytes

# The detail of an extension relation: DataFusion's encoding of a logical plan.
PLAN_TYPE_URL = "type.googleapis.com/datafusion.LogicalPlanNode"
# Every detail of an extension relation begins with it: a message without these bytes has none.
LEAF_MARK = b"type.googleapis.com/"
# Names under which extension relations are read while a message is made or taken apart.
LEAF_PREFIX = "dfplan_extension_"

_PLACEHOLDER = "Placeholder"
_NO_CALLS: Mapping[str, str] = {}

NOT_VALIDATED = Validation("not validated", "validation is off")


@dataclass(frozen=True)
class Refusal:
    """Why a plan has no faithful form in an encoding: the plan's node, and the cause in a sentence."""

    node: str
    cause: str

    def __str__(self) -> str:
        return f"{self.node}: {self.cause}"


@dataclass(frozen=True)
class _Encoded:
    """A message of DataFusion's producer, and for each of its reads that stands for more, the detail."""

    raw: bytes
    leaves: Mapping[str, Sequence[Any]]
    nodes: tuple[str, ...]


def encode(
    ctx: SessionContext, plan: DataFrame | LogicalPlan, calls: Mapping[str, str] = _NO_CALLS
) -> SubstraitPlan:
    """A plan of a session in Substrait, not yet validated.

    ``calls`` are those of table functions that no plan tells the arguments of, as SQL by their names.

    The plan is brought to its stable form first, so the same query gives the same bytes at every
    planning, also where it calls ``now()``. What Substrait or DataFusion's producer cannot express
    travels in extension leaf relations, cut at the nearest enclosing subquery or CTE. Where neither
    encoding can carry the plan, ``message`` is None and ``refusal`` names the node and the cause.
    """
    written = plan.logical_plan() if isinstance(plan, DataFrame) else plan
    return encode_stable(ctx, stable_plan(written), calls)


def encode_stable(
    ctx: SessionContext, stable: LogicalPlan, calls: Mapping[str, str] = _NO_CALLS
) -> SubstraitPlan:
    """``encode`` for a plan that is in its stable form already."""
    # Python functions travel by name, as all others do: their pickled code would be no steady bytes,
    # and running code found in a plan is nothing that reading one should do.
    by_name = ctx.with_python_udf_inlining(enabled=False)
    encoded = _encode_stable(by_name, stable, calls)
    if isinstance(encoded, Refusal):
        return SubstraitPlan(None, str(encoded), (), NOT_VALIDATED)
    message = canonical_message(encoded.raw, encoded.leaves)
    return SubstraitPlan(message, None, encoded.nodes, NOT_VALIDATED)


def complete_message(stable: LogicalPlan) -> bytes | None:
    """The producer's message for a stable plan where it says all that the plan says; else None.

    The message is not canonical.
    """
    produced = _produce(stable)
    return produced if isinstance(produced, bytes) and "()" not in stable.display_indent() else None


def _encode_stable(ctx: SessionContext, stable: LogicalPlan, calls: Mapping[str, str]) -> _Encoded | Refusal:
    produced = _produce(stable)
    if isinstance(produced, bytes):
        return _with_table_functions(stable, produced, calls)
    if produced.node == _PLACEHOLDER:
        return produced
    try:
        node = without_places(joins_on(stable.to_bytes(ctx)))
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return _refused_by_both(produced, str(cause))
    if count_scans(node) != len(re.findall(r"^ *TableScan: ", stable.display_indent(), re.MULTILINE)):
        return Refusal(produced.node, f"{produced.cause}, and a scan in an expression cannot be found")
    return _split(ctx, node)


def _produce(plan: LogicalPlan) -> bytes | Refusal:
    """The producer's message, or why there is none that says all that the plan says."""
    lost = _lost(plan.display_indent())
    if lost is not None:
        return lost
    try:
        return Producer.to_substrait_plan(plan, workshop()).encode()
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return _refused(str(cause))


# What the producer of DataFusion 55 writes without complaint and without a part of its meaning,
# found by running decoded plans: the node's line in the plan's text, the node, the lost part.
_LOST = (
    (re.compile(r"WindowAggr: .*IGNORE NULLS"), "WindowAggr", "IGNORE NULLS is lost"),
    (re.compile(r"Aggregate: .*IGNORE NULLS"), "Aggregate", "IGNORE NULLS is lost"),
    (re.compile(r" Join: .* null_aware"), "Join", "what NOT IN makes of nulls is lost"),
    (re.compile(r"WindowAggr: .*FILTER \(WHERE"), "WindowAggr", "FILTER of a window function is lost"),
    (re.compile(r"WindowAggr: .*DISTINCT "), "WindowAggr", "DISTINCT of a window function is lost"),
    (
        re.compile(
            r"WindowAggr: .*RANGE BETWEEN (?!(?:UNBOUNDED PRECEDING|CURRENT ROW)"
            r" AND (?:UNBOUNDED FOLLOWING|CURRENT ROW))"
        ),
        "WindowAggr",
        "the bounds of a RANGE frame are lost",
    ),
    (
        re.compile(r"LeftMark Join.*LeftMark Join", re.DOTALL),
        "Join",
        "the marks of two EXISTS or IN that are values get one name",
    ),
    (re.compile(r'AS Timestamp\((?:s|ms|µs|ns), "(?!UTC")'), "Cast", "the time zone is lost"),
)


def _lost(text: str) -> Refusal | None:
    for pattern, node, cause in _LOST:
        if pattern.search(text):
            return Refusal(node, f"in Substrait {cause}")
    return None


def _refused(text: str) -> Refusal:
    """The producer's complaint as the node that it names and a short cause."""
    kind = re.search(r"Unsupported plan type: (<subquery>|\w+)", text)
    if kind:
        node = "Subquery" if kind.group(1) == "<subquery>" else kind.group(1)
        return Refusal(node, "Substrait's producer does not take it")
    if "Unsupported window frame" in text:
        return Refusal("WindowAggr", "Substrait's producer does not take GROUPS frames")
    expression = re.search(r"Cannot convert (\w+)", text)
    if expression:
        return Refusal(expression.group(1), "Substrait's producer does not take it")
    placeholder = re.search(r"[Pp]laceholder.*?(\$\w+)", text)
    if placeholder:
        return Refusal(_PLACEHOLDER, f"parameter {placeholder.group(1)} has no value")
    kind = re.search(r"Unsupported (?:cast )?type: Field \{ .*?: (?:nullable )?([^{}]*?) \}", text)
    if kind:
        return Refusal("Type", f"Substrait's producer does not take {kind.group(1)}")
    return Refusal("Plan", text.split("{", 1)[0].strip())


def _refused_by_both(refusal: Refusal, text: str) -> Refusal:
    named = re.search(r"Proto serialization error: (.*?) is not yet supported", text)
    if "Error serializing custom table" in text:
        why = "a table of the plan is neither read from files nor a stand-in"
    elif named:
        why = f"{named.group(1)} has no form there"
    else:
        why = text.strip().splitlines()[-1]
    return Refusal(refusal.node, f"{refusal.cause}, nor does DataFusion's own encoding: {why}")


def _with_table_functions(stable: LogicalPlan, raw: bytes, calls: Mapping[str, str]) -> _Encoded | Refusal:
    if "()" not in stable.display_indent():
        return _Encoded(raw, {}, ())
    leaves: dict[str, list[Any]] = {}
    for name, scan in table_function_scans(stable):
        call = calls.get(name.removesuffix("()")) or call_text(workshop(), scan)
        if call is None:
            return Refusal(
                f"TableScan {name}",
                "no encoding carries the arguments of this table function"
                " (those of one in Python may be literals, the same in all its calls)",
            )
        detail = Any()
        detail.Pack(StringValue(value=call))
        leaves.setdefault(name, []).append(detail)
    named = Counter(re.findall(r"TableScan: (\w+\(\))", stable.display_indent()))
    if named != Counter({name: len(details) for name, details in leaves.items()}):
        return Refusal("TableScan", "a table function in a subquery that is no join travels in no encoding")
    return _Encoded(raw, leaves, tuple(f"TableScan {name}" for name in sorted(leaves)))


def _split(ctx: SessionContext, root: bytes) -> _Encoded | Refusal:
    """Cuts out the smallest subqueries and CTEs that Substrait refuses, or else all of the plan."""
    leaves: dict[str, list[Any]] = {}
    nodes: list[str] = []

    def cut(kind: int, node: bytes) -> bytes | None:
        if kind != SUBQUERY_ALIAS:
            return None
        below = first_bytes(payload_of(node), 1)
        plan = decode_node(ctx, below)
        refusal = _produce(plan)
        if isinstance(refusal, bytes):
            return None
        name = f"{LEAF_PREFIX}{len(leaves)}"
        leaves[name] = [_detail(below)]
        nodes.append(refusal.node)
        return replace_input(node, _stand_in(name, ctx.create_dataframe_from_logical_plan(plan).schema()))

    remainder = decode_node(ctx, change_nodes(root, cut))
    produced = _produce(remainder)
    if isinstance(produced, bytes):
        return _Encoded(produced, leaves, tuple(nodes))
    return _whole(ctx, root)


def _whole(ctx: SessionContext, root: bytes) -> _Encoded | Refusal:
    """The plan as one extension leaf under the root's names."""
    plan = decode_node(ctx, root)
    refusal = _produce(plan)
    if isinstance(refusal, bytes):
        return _Encoded(refusal, {}, ())  # encoding and decoding alone took the obstacle away
    frame = _produce(workshop().sql("SELECT 1").logical_plan())
    assert isinstance(frame, bytes)
    message: Plan = parse_plan(frame)
    relation = message.relations[0].root
    relation.input.extension_leaf.detail.CopyFrom(_detail(root))
    del relation.names[:]
    relation.names.extend(_names(ctx.create_dataframe_from_logical_plan(plan).schema()))
    return _Encoded(message.SerializeToString(), {}, (refusal.node,))


def _names(columns: Iterable[pa.Field]) -> Iterator[str]:
    """The names of columns and, behind each, of the fields nested in it, as Substrait lists them."""
    for column in columns:
        yield column.name
        yield from _names_in(column.type)


def _names_in(kind: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(kind):
        yield from _names(kind)
    elif pa.types.is_map(kind):
        yield from (*_names_in(kind.key_type), *_names_in(kind.item_type))
    elif pa.types.is_nested(kind):
        yield from _names_in(kind.value_type)


def schema_in_substrait(schema: pa.Schema) -> NamedStruct:
    """A schema as Substrait writes it for a table that is read."""
    produced = _produce(decode_node(workshop(), _stand_in("table", schema)))
    if isinstance(produced, Refusal):
        raise ValueError(str(produced))
    named: NamedStruct = parse_plan(produced).relations[0].root.input.read.base_schema
    return named


def _detail(node: bytes) -> Any:
    return Any(type_url=PLAN_TYPE_URL, value=node)


def _stand_in(name: str, schema: pa.Schema) -> bytes:
    """The encoded scan of a table of this schema that does not exist."""
    ctx = SessionContext()
    ctx.register_listing_table(name, "file:///dfplan/", schema=schema)
    return without_places(ctx.table(name).logical_plan().to_bytes(ctx))
