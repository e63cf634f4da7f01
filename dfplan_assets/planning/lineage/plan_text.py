"""A logical plan as a tree of nodes, read from DataFusion's text of it.

The text is the one form that shows the whole plan as written: the Python plan objects cannot reach
a subquery inside an expression, and Substrait refuses correlated subqueries, recursion and
unnesting before they are optimised. Two texts are read side by side: ``display_indent`` gives the
nodes, ``display_indent_schema`` the names of their output fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE_BREAK_STAND_IN = "\ue000"
_TYPE_WORD = re.compile(r"[A-Z]\w*")


class PlanTextError(Exception):
    """A plan text says something that is not known here; the message quotes it."""


@dataclass(frozen=True)
class Node:
    """A plan node: its ``kind`` ("Projection"), the rest of its line, and what it puts out.

    ``fields`` are the names of the output fields without their qualifiers. ``children`` holds the
    subqueries of the node's expressions first, in the planner's order, then its inputs.
    """

    kind: str
    detail: str
    fields: tuple[str, ...]
    children: tuple[Node, ...]


def one_line(text: str) -> str:
    """A text as it stands in a parsed plan, in which no line is broken."""
    return text.replace("\n", _LINE_BREAK_STAND_IN)


def as_written(name: str) -> str:
    """The inverse of ``one_line``."""
    return name.replace(_LINE_BREAK_STAND_IN, "\n")


def parse_plan(indent: str, indent_schema: str, known_texts: Iterable[str] = ()) -> Node:
    """The tree of a plan, given its ``display_indent()`` and ``display_indent_schema()``.

    ``known_texts`` are string literals and names that may stand in the plan; those with a line
    break in them would otherwise tear the text apart. Raises PlanTextError.
    """
    for text in sorted({text for text in known_texts if "\n" in text}, key=len, reverse=True):
        indent, indent_schema = (
            indent.replace(text, one_line(text)),
            indent_schema.replace(text, one_line(text)),
        )
    plain_lines, schema_lines = indent.split("\n"), indent_schema.split("\n")
    if len(plain_lines) != len(schema_lines):
        raise PlanTextError("the plan's text and its text with schema have different numbers of lines")
    root: list[Node] = []
    # Each open node: its depth, its line, its schema, and its children so far.
    stack: list[tuple[int, str, str, list[Node]]] = []

    def close(until: int) -> None:
        while stack and stack[-1][0] >= until:
            _, line, schema, children = stack.pop()
            node = _node(line, schema, tuple(children))
            (stack[-1][3] if stack else root).append(node)

    for plain, with_schema in zip(plain_lines, schema_lines, strict=True):
        line = plain.strip()
        depth = (len(plain) - len(plain.lstrip(" "))) // 2
        if not with_schema.strip().startswith(line):
            raise PlanTextError(f"the plan's two texts disagree at {line!r}")
        close(depth)
        stack.append((depth, line, with_schema.strip()[len(line) :].strip(), []))
    close(0)
    if len(root) != 1:
        raise PlanTextError(f"the plan's text has {len(root)} roots: {indent!r}")
    return root[0]


def _node(line: str, schema: str, children: tuple[Node, ...]) -> Node:
    kind, _, detail = line.partition(":")
    if kind.endswith(" Join"):
        kind, detail = "Join", f"{kind.removesuffix(' Join')}:{detail}"
    return Node(kind, detail.strip(), _field_names(schema), children)


def _field_names(schema: str) -> tuple[str, ...]:
    """The names in ``[id:Int64;N, name:Utf8;N]``, where a name may hold any character."""
    if not (schema.startswith("[") and schema.endswith("]")):
        raise PlanTextError(f"no schema in {schema!r}")
    text, names, position = schema[1:-1], [], 0
    while position < len(text):
        colon = text.find(":", position)
        while colon >= 0:
            end = type_end(text, colon + 1)
            if end is not None and (end == len(text) or text.startswith(", ", end)):
                break
            colon = text.find(":", colon + 1)
        if colon < 0:
            raise PlanTextError(f"no field in {text[position:]!r}")
        names.append(text[position:colon])
        position = end + 2 if end is not None else len(text)
    return tuple(names)


def type_end(text: str, start: int) -> int | None:
    """Where a data type like ``Struct("a": Int64);N`` that begins at ``start`` ends; None if none does."""
    word = _TYPE_WORD.match(text, start)
    if word is None:
        return None
    end = word.end()
    if text.startswith("(", end):
        depth = 0
        while end < len(text):
            char = text[end]
            if char == '"':
                end = _quoted_end(text, end)
                continue
            depth += (char == "(") - (char == ")")
            end += 1
            if depth == 0:
                break
        else:
            return None
    return end + 2 if text.startswith(";N", end) else end


def _quoted_end(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    return position + 1
