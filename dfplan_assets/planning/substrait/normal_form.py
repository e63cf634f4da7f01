"""Relations without what is only spelling: projections that change nothing, the order of windows.

Names inside a query do not exist in Substrait, so the projection that gives a column another name
passes its input on unchanged. And DataFusion, decoding a message, puts the window functions of a
projection in any order. Taking both out makes a plan that went there and back give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from substrait.algebra_pb2 import Expression, ProjectRel, Rel


def messages(message: Message) -> list[Message]:
    """A message and all messages in it, in the order of their fields."""
    waiting, found = [message], []
    while waiting:
        part = waiting.pop()
        found.append(part)
        children = _children(part)
        if children:
            waiting.extend(reversed(children))
    return found


def normalise(rels: Sequence[Rel]) -> None:
    """Brings the relations of a plan, given in pre-order, to their normal form, in place.

    Anchors must be numbered independently of the relations before, since windows are sorted by them.
    """
    for rel in reversed(rels):
        while _changes_nothing(rel):
            inner = Rel()
            inner.CopyFrom(rel.project.input)
            rel.CopyFrom(inner)
        if rel.WhichOneof("rel_type") == "project":
            _sort_windows_below(rel)


def _changes_nothing(rel: Rel) -> bool:
    """Whether this is a projection of all columns of its input in their order."""
    if rel.WhichOneof("rel_type") != "project":
        return False
    places = [_plain_column(expression) for expression in rel.project.expressions]
    return places == list(range(len(places))) and _columns_of_input(rel.project) == len(places)


def _columns_of_input(project: ProjectRel) -> int | None:
    """How many columns a projection reads, when it puts out its expressions alone; else None."""
    if not project.common.HasField("emit") or not project.expressions:
        return None
    mapping = list(project.common.emit.output_mapping)
    start = mapping[0] if mapping else 0
    return start if mapping == list(range(start, start + len(project.expressions))) else None


def _sort_windows_below(rel: Rel) -> None:
    """Sorts the window functions of the projection that this one reads, straight or through filters."""
    passed: list[Rel] = []
    below = rel.project.input
    while below.WhichOneof("rel_type") in ("filter", "sort", "fetch"):
        passed.append(below)
        below = getattr(below, below.WhichOneof("rel_type") or "").input
    if below.WhichOneof("rel_type") != "project" or _columns_of_input(below.project) is None:
        return
    windows = [e for e in below.project.expressions if e.WhichOneof("rex_type") == "window_function"]
    first = len(below.project.expressions) - len(windows)
    if len(windows) < 2 or any(
        e.WhichOneof("rex_type") == "window_function" for e in below.project.expressions[:first]
    ):
        return
    order = sorted(range(len(windows)), key=lambda i: windows[i].SerializeToString(deterministic=True))
    moved = {first + old: first + new for new, old in enumerate(order)}
    ordered = [Expression() for _ in order]
    for copy, old in zip(ordered, order, strict=True):
        copy.CopyFrom(windows[old])
    del below.project.expressions[first:]
    below.project.expressions.extend(ordered)
    for user in [rel, *passed]:
        for reference in _references(user):
            field = reference.direct_reference.struct_field
            field.field = moved.get(field.field, field.field)


def _plain_column(expression: Expression) -> int | None:
    if expression.WhichOneof("rex_type") != "selection":
        return None
    selection = expression.selection
    segment = selection.direct_reference.struct_field
    if not selection.HasField("root_reference") or segment.HasField("child"):
        return None
    return int(segment.field)


def _references(rel: Rel) -> Iterator[Expression.FieldReference]:
    """The references of a relation's own expressions to columns of its input."""
    body = getattr(rel, rel.WhichOneof("rel_type") or "")
    for child in _children(body):
        yield from _references_in(child)


def _references_in(message: Message) -> Iterator[Expression.FieldReference]:
    if isinstance(message, Rel):
        return  # the input, or a subquery, whose references are to its own input
    if isinstance(message, Expression.FieldReference) and message.HasField("root_reference"):
        yield message
    for child in _children(message):
        yield from _references_in(child)


def _children(message: Message) -> list[Message]:
    """The messages directly in a message, in the order of their fields."""
    if not _holds_messages(message.DESCRIPTOR):
        return []
    found: list[Message] = []
    for field, value in message.ListFields():
        holds = _HOLDS.get(type(value))
        if holds is None:
            holds = _HOLDS[type(value)] = _what_it_holds(field, value)
        if holds == "message":
            found.append(value)
        elif holds == "messages":
            found.extend(value)  # no map field exists in these messages
    return found


# By the type of a field's value, which tells as much as its descriptor and is quicker asked.
_HOLDS: dict[type, Literal["nothing", "message", "messages"]] = {}


def _what_it_holds(field: FieldDescriptor, value: object) -> Literal["nothing", "message", "messages"]:
    if field.message_type is None:
        return "nothing"
    return "message" if isinstance(value, Message) else "messages"


@cache
def _holds_messages(descriptor: Descriptor) -> bool:
    return any(field.message_type is not None for field in descriptor.fields)
