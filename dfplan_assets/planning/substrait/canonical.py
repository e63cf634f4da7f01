"""One message for one plan: DataFusion's Substrait with all that varies between encodings taken out.

The producer numbers functions in an order that changes from call to call and lists every column of a
table that is read. Here functions are numbered in the order in which the relations first call them,
declarations stand in that order, and a table shows the columns in use alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from substrait.algebra_pb2 import ReadRel, Rel
from substrait.plan_pb2 import Plan
from substrait.type_pb2 import NamedStruct, Type

# Written into every message, and asked for on reading: the anchors and extension relations of other
# producers mean other things.
PRODUCER = "dfplan_assets"


def canonical_message(raw: bytes, leaves: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a message from DataFusion's producer.

    Reads of the tables named in ``leaves`` become extension relations with that detail.
    """
    plan = Plan.FromString(raw)
    for rel in _rels(plan):
        name = _read_name(rel)
        if name in leaves:
            rel.extension_leaf.detail.CopyFrom(leaves[name])
        elif name is not None:
            _prune(rel.read)
    _renumber(plan)
    plan.version.producer = PRODUCER
    return plan.SerializeToString(deterministic=True)


def rels_of_leaves(plan: Plan) -> Iterator[Rel]:
    """The extension leaf relations of a message, in pre-order."""
    return (rel for rel in _rels(plan) if rel.WhichOneof("rel_type") == "extension_leaf")


def without_nullability(message: bytes) -> bytes:
    """The message with all types nullable, and nothing about who made it.

    Whether a column can be null changes with the query upstream, and not what this query means.
    """
    plan = Plan.FromString(message)
    for part in _messages(plan):
        if "nullability" in part.DESCRIPTOR.fields_by_name:
            part.nullability = Type.NULLABILITY_NULLABLE  # type: ignore[attr-defined]
    plan.ClearField("version")
    return plan.SerializeToString(deterministic=True)


def _read_name(rel: Rel) -> str | None:
    if rel.WhichOneof("rel_type") != "read" or rel.read.WhichOneof("read_type") != "named_table":
        return None
    return ".".join(rel.read.named_table.names)


def _rels(plan: Plan) -> list[Rel]:
    return [part for part in _messages(plan) if isinstance(part, Rel)]


def _messages(message: Message) -> Iterator[Message]:
    """A message and all messages in it, in the order of their fields."""
    yield message
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        if isinstance(value, Message):
            yield from _messages(value)
        else:
            for item in value:
                if isinstance(item, Message):
                    yield from _messages(item)


def _renumber(plan: Plan) -> None:
    """Numbers the declarations that are used in the order of first use and drops all others."""
    uses: dict[str, dict[int, int]] = {"function": {}, "type": {}, "type_variation": {}}
    declared = {
        kind: {
            getattr(getattr(extension, f"extension_{kind}"), f"{kind}_anchor")
            for extension in plan.extensions
            if extension.WhichOneof("mapping_type") == f"extension_{kind}"
        }
        for kind in uses
    }
    for relation in plan.relations:
        for part in _messages(relation):
            for field, kind in _references(part.DESCRIPTOR):
                anchor = getattr(part, field)
                if anchor in declared[kind]:
                    setattr(part, field, uses[kind].setdefault(anchor, len(uses[kind]) + 1))
    kept = []
    for extension in plan.extensions:
        mapping = extension.WhichOneof("mapping_type") or ""
        kind = mapping.removeprefix("extension_")
        declaration = getattr(extension, mapping)
        anchor = uses[kind].get(getattr(declaration, f"{kind}_anchor"))
        if anchor is not None:
            setattr(declaration, f"{kind}_anchor", anchor)
            kept.append((kind, anchor, extension))
    kept.sort(key=lambda item: item[:2])
    extensions = [extension for _, _, extension in kept]
    del plan.extensions[:]
    plan.extensions.extend(extensions)
    _renumber_urns(plan)


def _renumber_urns(plan: Plan) -> None:
    """Sorts the URNs that declarations refer to and numbers them in that order."""
    urns = sorted(plan.extension_urns, key=lambda urn: urn.urn)
    numbers = {urn.extension_urn_anchor: number for number, urn in enumerate(urns, start=1)}
    for extension in plan.extensions:
        declaration = getattr(extension, extension.WhichOneof("mapping_type") or "")
        reference = declaration.extension_urn_reference
        declaration.extension_urn_reference = numbers.get(reference, reference)
    for number, urn in enumerate(urns, start=1):
        urn.extension_urn_anchor = number
    del plan.extension_urns[:]
    plan.extension_urns.extend(urns)


@lru_cache(maxsize=None)
def _references(descriptor: Descriptor) -> tuple[tuple[str, str], ...]:
    """The fields of a message type that hold anchors, with the kind of their declaration.

    Looked up by type and not among the fields that are set: an anchor of 0 counts as not set.
    """
    kinds = {
        "function_reference": "function",
        "comparison_function_reference": "function",
        "custom_function_reference": "function",
        "type_reference": "type",
        "type_variation_reference": "type_variation",
    }
    return tuple((name, kinds[name]) for name in kinds if name in descriptor.fields_by_name)


def _prune(read: ReadRel) -> None:
    """Leaves in a table's schema only the columns that the read puts out.

    A read with a filter refers to columns by their place in the whole schema and stays as it is;
    stable plans hold none.
    """
    if not read.HasField("projection") or read.HasField("filter") or read.HasField("best_effort_filter"):
        return
    if any(item.HasField("child") for item in read.projection.select.struct_items):
        return
    places = [item.field for item in read.projection.select.struct_items]
    schema = read.base_schema
    names = iter(schema.names)
    columns = [(kind, [next(names) for _ in range(1 + _inner_names(kind))]) for kind in schema.struct.types]
    pruned = NamedStruct()
    pruned.struct.CopyFrom(schema.struct)
    del pruned.struct.types[:]
    for place in places:
        kind, column_names = columns[place]
        pruned.struct.types.append(kind)
        pruned.names.extend(column_names)
    read.base_schema.CopyFrom(pruned)
    del read.projection.select.struct_items[:]
    for number in range(len(places)):
        read.projection.select.struct_items.add().field = number


def _inner_names(kind: Type) -> int:
    """How many names of nested fields a column of this type adds to the names of its table."""
    which = kind.WhichOneof("kind")
    if which == "struct":
        return sum(1 + _inner_names(child) for child in kind.struct.types)
    if which == "list":
        return _inner_names(kind.list.type)
    if which == "map":
        return _inner_names(kind.map.key) + _inner_names(kind.map.value)
    return 0
