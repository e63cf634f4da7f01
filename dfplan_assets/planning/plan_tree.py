"""A plan's text as a tree of lines, and the names that relations have in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Node:
    """A line of the plan's text. ``place`` is its number among the lines that are kept."""

    kind: str
    detail: str
    children: list[Node] = field(default_factory=list)
    place: int = -1

    @property
    def inputs(self) -> list[Node]:
        """The children that are no subqueries of the node's expressions."""
        return [child for child in self.children if child.kind != "Subquery"]


def parse_tree(text: str) -> Node:
    """The tree of ``display_indent`` text; no name and no string in it may hold a line break."""
    root = Node("", "")
    open_nodes = [(-1, root)]
    for line in text.split("\n"):
        stripped = line.lstrip(" ")
        depth = (len(line) - len(stripped)) // 2
        while open_nodes[-1][0] >= depth:
            open_nodes.pop()
        kind, _, detail = stripped.partition(":")
        node = Node(kind, detail.removeprefix(" "))
        open_nodes[-1][1].children.append(node)
        open_nodes.append((depth, node))
    return root.children[0]


def table_of(node: Node) -> str:
    """The name of the table that a scan reads."""
    return re.split(r" projection=\[|, (?:full_|partial_|unsupported_)filters=|, fetch=", node.detail)[0]


def exposed(node: Node) -> dict[str, Node]:
    """The relations that a node's output can be qualified with, by name."""
    if node.kind == "SubqueryAlias":
        return {node.detail: node}
    if node.kind == "TableScan":
        return {table_of(node): node}
    return visible_in(node)


def visible_in(node: Node) -> dict[str, Node]:
    """The relations that a node's own expressions can name."""
    found: dict[str, Node] = {}
    for child in node.inputs:
        found.update(exposed(child))
    return found


def named_below(node: Node) -> Iterator[tuple[str, Node]]:
    """All relations with a name in a subtree, in pre-order."""
    if node.kind == "SubqueryAlias":
        yield node.detail, node
    elif node.kind == "TableScan":
        yield table_of(node), node
    for child in node.children:
        yield from named_below(child)
