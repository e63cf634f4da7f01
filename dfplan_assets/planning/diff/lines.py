"""A logical or physical plan as lines that people can read, and that can be compared one by one.

Aliases are replaced by the tables they stand for, so that a renamed alias is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from dfplan_assets.planning.plan_tree import (
    Node,
    exposed,
    named_below,
    parse_tree,
    table_of,
    visible_in,
)
from dfplan_assets.planning.sql_text import quoted_names, string_literals

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NUMBER = re.compile(r"\b(?:U?Int(?:8|16|32|64)|Float(?:16|32|64)|Boolean)\(([^()\"]*)\)")
_TEXT = re.compile(r'\b(?:Large)?Utf8(?:View)?\("(.*?)"\)(?=[\s,)\]]|$)')
_DATE = re.compile(r'\bDate(?:32|64)\("([^"]*)"\)')
_INTERVAL = re.compile(
    r'\bInterval\w+\("(?:IntervalMonthDayNano|IntervalDayTime) \{ ([^{}]*) \}"\)'
    r'|\bIntervalYearMonth\("(-?\d+)"\)'
)
_DECIMAL = re.compile(r"\bDecimal\d+\(Some\((-?\d+)\),\d+,(-?\d+)\)")

# What a query means where it says nothing of an order of nulls, or of a window's frame.
_DEFAULTS = (
    (" ASC NULLS LAST", ""),
    (" DESC NULLS FIRST", " DESC"),
    (" RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", ""),
)


@dataclass(frozen=True)
class PlanLine:
    """A plan node. ``exact`` is its detail as the engine writes it, ``detail`` the same for reading.

    ``tables`` are those read by the node and everything below it, in order.
    """

    depth: int
    kind: str
    detail: str
    exact: str
    tables: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What makes two lines equal."""
        return self.kind, self.exact

    @property
    def text(self) -> str:
        """The line as it is shown."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


def logical_tree(text: str, sql: str) -> Node:
    """The tree of a logical plan's text; line breaks in names and strings of ``sql`` become ⏎."""
    for name in sorted({*string_literals(sql), *quoted_names(sql)}, key=len, reverse=True):
        if "\n" in name:
            text = text.replace(name, name.replace("\n", "⏎"))
    return parse_tree(text.rstrip("\n"))


def logical_lines(text: str, sql: str) -> tuple[PlanLine, ...]:
    """The lines of a logical plan in pre-order, the root first; aliases have none."""
    root = logical_tree(text, sql)
    return tuple(_Lines(root).of(root, 0))


def physical_lines(text: str) -> tuple[PlanLine, ...]:
    """The lines of a physical plan's normalised text in pre-order."""

    def lines(node: Node, depth: int) -> Iterator[PlanLine]:
        yield PlanLine(depth, node.kind, node.detail, node.detail, ())
        for child in node.children:
            yield from lines(child, depth + 1)

    return tuple(lines(parse_tree(text.rstrip("\n")), 0))


def readable(expression: str) -> str:
    """An expression as people write it.

    >>> readable('amount > Int64(10) AND name = Utf8("x")')
    "amount > 10 AND name = 'x'"
    """
    text = _NUMBER.sub(r"\1", expression)
    text = _TEXT.sub(lambda match: "'" + match.group(1).replace("'", "''") + "'", text)
    text = _DATE.sub(r"DATE '\1'", text)
    text = _DECIMAL.sub(lambda match: str(Decimal(int(match.group(1))).scaleb(-int(match.group(2)))), text)
    text = _INTERVAL.sub(_interval, text)
    text = re.sub(r"\bouter_ref\(([^()]*)\)", r"\1", text)
    # The planner counts ones, and calls that by what the query says.
    text = re.sub(r"\bcount\(1\)(.*?) AS count\(\*\)\1(?=$|,| AS )", r"count(*)\1", text)
    for default, short in _DEFAULTS:
        text = text.replace(default, short)
    return text


def _interval(match: re.Match[str]) -> str:
    """An interval as SQL has it, of the parts that are not nothing."""
    if match.group(1) is None:
        return f"INTERVAL '{match.group(2)} months'"
    parts = [part.split(": ") for part in match.group(1).split(", ")]
    said = [f"{number} {unit}" for unit, number in parts if number != "0"]
    return f"INTERVAL '{' '.join(said) or '0 days'}'"


class _Lines:
    def __init__(self, root: Node) -> None:
        scans = [node for _, node in named_below(root) if node.kind == "TableScan"]
        tables = [table_of(node) for node in scans]
        seen: dict[str, int] = {}
        self._labels: dict[int, str] = {}
        for node, table in zip(scans, tables, strict=True):
            seen[table] = seen.get(table, 0) + 1
            self._labels[id(node)] = f"{table}#{seen[table]}" if tables.count(table) > 1 else table
        self._everywhere: dict[str, Node] = {}
        for name, node in named_below(root):
            self._everywhere.setdefault(name, node)
        names = "|".join(map(re.escape, sorted(self._everywhere, key=len, reverse=True)))
        self._qualifier = re.compile(rf"{_QUOTED}|(?<![\w.])({names})\.") if names else None

    def of(self, node: Node, depth: int) -> Iterator[PlanLine]:
        if node.kind == "SubqueryAlias":
            yield from self.of(node.children[0], depth)
            return
        exact = self._resolved(node, only_relation_too=True)
        detail = readable(self._resolved(node, only_relation_too=False))
        yield PlanLine(depth, node.kind, detail, exact, tuple(dict.fromkeys(_tables(node))))
        for child in node.children:
            yield from self.of(child, depth + 1)

    def _resolved(self, node: Node, *, only_relation_too: bool) -> str:
        if node.kind == "TableScan":
            return self._labels[id(node)] + node.detail[len(table_of(node)) :]
        if self._qualifier is None:
            return node.detail
        visible = visible_in(node)
        subqueries = any(child.kind == "Subquery" for child in node.children)
        alone = len(visible) == 1 and not subqueries and "outer_ref(" not in node.detail

        def named(match: re.Match[str]) -> str:
            if match.group(1) is None:
                return match.group()
            label = self._label(match.group(1), visible)
            return "" if label is None or (alone and not only_relation_too) else f"{label}."

        return self._qualifier.sub(named, node.detail)

    def _label(self, name: str, visible: Mapping[str, Node]) -> str | None:
        """The table that a name stands for; None for a query in its place."""
        node = visible.get(name) or self._everywhere[name]
        while node.kind == "SubqueryAlias":
            node = node.children[0]
        if node.kind == "TableScan":
            return self._labels[id(node)]
        inner = exposed(node)
        return (
            self._labels.get(id(next(iter(inner.values()))))
            if len(inner) == 1 and node.kind in _SAME
            else None
        )


# Nodes that leave the names of what they read as they are.
_SAME = frozenset({"Filter", "Sort", "Limit", "Distinct"})


def _tables(node: Node) -> Iterator[str]:
    if node.kind == "TableScan":
        yield table_of(node)
    for child in node.children:
        yield from _tables(child)


def split_list(text: str) -> list[str]:
    """The parts of a list, at commas outside of brackets and strings."""
    return _split(text, ", ")


def split_conjunction(text: str) -> list[str]:
    """The operands of AND, outside of brackets, strings and BETWEEN."""
    parts: list[str] = []
    for part in _split(text, " AND "):
        if parts and re.search(r"\bBETWEEN (?:(?! AND ).)*$", parts[-1]) and "CASE" not in parts[-1]:
            parts[-1] += f" AND {part}"
        else:
            parts.append(part)
    return parts


def _split(text: str, separator: str) -> list[str]:
    parts, depth, start, position, quote = [], 0, 0, 0, ""
    while position < len(text):
        char = text[position]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and text.startswith(separator, position):
            parts.append(text[start:position])
            start = position + len(separator)
            position = start
            continue
        position += 1
    return [part for part in [*parts, text[start:]] if part]
