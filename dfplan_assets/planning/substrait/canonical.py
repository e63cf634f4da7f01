"""One message for one plan: DataFusion's Substrait with all that varies between encodings taken out.

The producer numbers functions in an order that changes from call to call and lists every column of a
table that is read. Here the functions in use are numbered in the order of their names, a table shows
the columns in use alone, and relations have their normal form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import cast

from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from substrait.algebra_pb2 import AggregateRel, ExtensionLeafRel, ReadRel, Rel
from substrait.extensions.extensions_pb2 import SimpleExtensionDeclaration
from substrait.plan_pb2 import Plan
from substrait.type_pb2 import NamedStruct, Type

from dfplan_assets.planning.substrait.normal_form import messages, normalise
from dfplan_assets.planning.substrait.parsing import parse_plan

Declaration = (
    SimpleExtensionDeclaration.ExtensionFunction
    | SimpleExtensionDeclaration.ExtensionType
    | SimpleExtensionDeclaration.ExtensionTypeVariation
)

# Written into every message, and asked for on reading: the anchors and extension relations of other
# producers mean other things.
PRODUCER = "dfplan_assets"


def canonical_message(raw: bytes, leaves: Mapping[str, Sequence[Any]]) -> bytes:
    """The canonical bytes of a message from DataFusion's producer.

    Reads of a table named in ``leaves`` become extension relations, in pre-order with its details in turn.
    """
    plan = parse_plan(raw)
    _make_canonical(plan, messages(plan), leaves)
    plan.version.producer = PRODUCER
    message: bytes = plan.SerializeToString(deterministic=True)
    return message


def canonical_without_nullability(raw: bytes) -> bytes:
    """As ``canonical_message``, with all types nullable and nothing about who made it.

    Whether a column can be null changes with the query upstream, and not what this query means.
    """
    plan = parse_plan(raw)
    parts = messages(plan)
    for part in parts:
        if "nullability" in part.DESCRIPTOR.fields_by_name:
            setattr(part, "nullability", Type.NULLABILITY_NULLABLE)  # noqa: B010 (not every message has it)
    _make_canonical(plan, parts, {})
    plan.ClearField("version")
    message: bytes = plan.SerializeToString(deterministic=True)
    return message


def turn_into_read(rel: Rel, name: Sequence[str], schema: NamedStruct) -> None:
    """Makes an extension leaf a read of a table again, with the columns that the leaf puts out."""
    read = ReadRel(base_schema=schema, named_table=ReadRel.NamedTable(names=name))
    common = rel.extension_leaf.common
    if common.HasField("emit"):
        read.projection.select.SetInParent()
        for place in common.emit.output_mapping:
            read.projection.select.struct_items.add().field = place
    rel.read.CopyFrom(read)


def rels_of_leaves(plan: Plan) -> Iterator[Rel]:
    """The extension leaf relations of a message, in pre-order."""
    for part in messages(plan):
        if isinstance(part, Rel) and part.WhichOneof("rel_type") == "extension_leaf":
            yield part


def _make_canonical(plan: Plan, parts: Sequence[Message], leaves: Mapping[str, Sequence[Any]]) -> None:
    details = {name: iter(each) for name, each in leaves.items()}
    rels: list[Rel] = []
    for part in parts:
        kind = type(part)  # generated classes have no subclasses
        if kind is Rel:
            rels.append(cast(Rel, part))
        elif kind is AggregateRel.Grouping:
            # The producer repeats the grouping expressions here, where the format had them once:
            # the field has no name any more, so the anchors in it cannot be renumbered.
            part.DiscardUnknownFields()  # type: ignore[attr-defined]  # every message has it
    _renumber(plan, parts)
    for rel in rels:
        name = _read_name(rel)
        if name in details:
            _turn_into_leaf(rel, next(details[name]))
        elif name is not None:
            _prune(rel.read)
    normalise(rels)


def _turn_into_leaf(rel: Rel, detail: Any) -> None:
    leaf = ExtensionLeafRel(detail=detail)
    if rel.read.HasField("projection"):
        leaf.common.emit.SetInParent()
        leaf.common.emit.output_mapping.extend(item.field for item in rel.read.projection.select.struct_items)
    rel.extension_leaf.CopyFrom(leaf)


def _read_name(rel: Rel) -> str | None:
    if rel.WhichOneof("rel_type") != "read" or rel.read.WhichOneof("read_type") != "named_table":
        return None
    return ".".join(rel.read.named_table.names)


def _renumber(plan: Plan, parts: Iterable[Message]) -> None:
    """Numbers the declarations that are used from 1, in the order of their names; drops all others."""
    declared = {_key(extension) for extension in plan.extensions}
    uses: list[tuple[Message, str, tuple[str, int]]] = []
    for part in parts:
        for field, kind, is_choice in _references(part.DESCRIPTOR):
            if is_choice and not part.HasField(field):
                continue
            key = (kind, getattr(part, field))
            if key in declared:
                uses.append((part, field, key))
    used = {key for _, _, key in uses}
    kept = sorted(
        (extension for extension in plan.extensions if _key(extension) in used),
        key=lambda extension: (_key(extension)[0], _declaration(extension)[1].name),
    )
    numbers = {_key(extension): number for number, extension in enumerate(kept, start=1)}
    for part, field, key in uses:
        setattr(part, field, numbers[key])
    for extension in kept:
        kind, declaration = _declaration(extension)
        setattr(declaration, f"{kind}_anchor", numbers[_key(extension)])
    del plan.extensions[:]
    plan.extensions.extend(kept)
    _renumber_urns(plan)


def _declaration(extension: SimpleExtensionDeclaration) -> tuple[str, Declaration]:
    """What is declared: "function", "type" or "type_variation", and the declaration."""
    mapping = extension.WhichOneof("mapping_type") or ""
    return mapping.removeprefix("extension_"), getattr(extension, mapping)


def _key(extension: SimpleExtensionDeclaration) -> tuple[str, int]:
    kind, declaration = _declaration(extension)
    return kind, getattr(declaration, f"{kind}_anchor")


def _renumber_urns(plan: Plan) -> None:
    """Sorts the URNs that declarations refer to and numbers them in that order."""
    urns = sorted(plan.extension_urns, key=lambda urn: urn.urn)
    numbers = {urn.extension_urn_anchor: number for number, urn in enumerate(urns, start=1)}
    for extension in plan.extensions:
        _, declaration = _declaration(extension)
        reference = declaration.extension_urn_reference
        declaration.extension_urn_reference = numbers.get(reference, reference)
    for number, urn in enumerate(urns, start=1):
        urn.extension_urn_anchor = number
    del plan.extension_urns[:]
    plan.extension_urns.extend(urns)


@cache
def _references(descriptor: Descriptor) -> tuple[tuple[str, str, bool], ...]:
    """The fields of a message type that hold anchors, with the kind of their declaration.

    Looked up by type and not among the fields that are set: an anchor of 0 counts as not set,
    except in a field that is one of several choices (True).
    """
    kinds = {
        "function_reference": "function",
        "comparison_function_reference": "function",
        "custom_function_reference": "function",
        "type_reference": "type",
        "type_variation_reference": "type_variation",
    }
    fields = descriptor.fields_by_name
    return tuple(
        (name, kind, fields[name].containing_oneof is not None)
        for name, kind in kinds.items()
        if name in fields
    )


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
    pruned = NamedStruct(struct=Type.Struct(nullability=schema.struct.nullability))
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
