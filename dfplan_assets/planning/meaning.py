"""What a query means, as text: its stable plan without the names that only the query itself uses.

DataFusion's plan text shows the whole plan, subqueries included, for every query that plans. Two of
its traits make it no canonical form. It holds aliases: here each relation is named by its line, so
renaming a CTE or an alias changes nothing. And it is ambiguous in places (``a = b IS NULL`` is both
``(a = b) IS NULL`` and ``a = (b IS NULL)``) and short in others (five rows of VALUES): so a second
witness stands beside it, the Substrait message and the literals of the query's text; where no message
says all, the operators of the text as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

from datafusion import DataFrame
from datafusion.plan import LogicalPlan

from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.plan_tree import Node, named_below, parse_tree, table_of, visible_in
from dfplan_assets.planning.sql_text import parameter_names, quoted_names, string_literals, tokens
from dfplan_assets.planning.stable_plan import stable_plan, workshop
from dfplan_assets.planning.substrait.canonical import canonical_without_nullability
from dfplan_assets.planning.substrait.encoding import complete_message

# Counts the ways in which this module has written meanings; part of the identity's engine.
FORM = 1

_LINE_BREAK, _MASK = "\ue000", "\ue001"


def meaning(template: DataFrame, sql: str) -> str:
    """The SHA-256 of what a query means, in hex.

    ``template`` is the planned query with its parameters still placeholders, ``sql`` its text. Equal
    for texts that differ in white space, comments, the case of keywords, and the names of CTEs and
    aliases.
    """
    stable = written = template.logical_plan()
    # A message with parameters would depend on the types of their values.
    message = None
    try:
        stable = stable_plan(written)
        message = None if parameter_names(sql) else complete_message(stable)
    except BaseException as cause:
        # Some types follow from the parameters' values alone, and some queries plan but cannot be
        # analysed; the plan as written serves all of them.
        raise_unless_datafusion(cause)
    schema = workshop().create_dataframe_from_logical_plan(stable).schema()
    content = {
        "plan": canonical_text(stable, sql),
        "substrait": None if message is None else _sha256(canonical_without_nullability(message)),
        # A literal that decides nothing (EXISTS (SELECT 1 …)) counts too: none is ever overlooked.
        "tokens": literals_and_operators(sql) if message is None else literals(sql),
        "output": [[column.name, str(column.type)] for column in schema],
    }
    return _sha256(json.dumps(content).encode())


def literals(sql: str) -> list[str]:
    """The strings, numbers and parameters of a text, in order.

    >>> literals("SELECT a.x + 1 AS y FROM t a WHERE z = 'n' -- 2")
    ['1', "'n'"]
    """
    return [text for text in literals_and_operators(sql) if text[0] in "'$" or text[0].isdecimal()]


def literals_and_operators(sql: str) -> list[str]:
    """The tokens of a text that are no names and no keywords, in order.

    >>> literals_and_operators("SELECT a.x + 1 AS y FROM t a -- sum")
    ['+', '1']
    """
    found: list[str] = []
    for token in tokens(sql):
        if token.kind == "string":
            found.append(f"'{token.value}'")
        elif token.kind == "parameter":
            found.append(f"${token.value}")
        elif token.kind == "other" and token.value not in ".;":
            found.append(token.value.lower())
    return found


def canonical_text(plan: LogicalPlan, sql: str) -> str:
    """The plan's text without aliases: each relation is called by the place of its line."""
    text = plan.display_indent()
    literals = sorted(set(string_literals(sql)), key=len, reverse=True)
    for name in (*literals, *quoted_names(sql)):
        if "\n" in name:
            text = text.replace(name, name.replace("\n", _LINE_BREAK))
    for number, literal in enumerate(literals):
        if "." in literal:  # nothing else could be taken for a qualified name
            shown = literal.replace("\n", _LINE_BREAK)
            text = text.replace(f'("{shown}")', f"({_MASK}{number}{_MASK})")
    root = parse_tree(text)
    _number(root, 0)
    lines = list(_Writer(root).lines())
    return re.sub(
        f"{_MASK}(\\d+){_MASK}",
        lambda match: json.dumps(literals[int(match.group(1))], ensure_ascii=False),
        "\n".join(lines),
    )


def _number(node: Node, place: int) -> int:
    """Numbers the lines in pre-order; an alias has the place of what it names. Gives the next number."""
    node.place = place
    after = place if node.kind == "SubqueryAlias" else place + 1
    for child in node.children:
        after = _number(child, after)
    return after


class _Writer:
    """Writes the lines of a plan with every name of a relation resolved to its place."""

    def __init__(self, root: Node) -> None:
        self._root = root
        names = sorted({name for name, _ in named_below(root)}, key=len, reverse=True)
        # No name, no string and no number ends where a qualifier begins.
        any_name = "|".join(map(re.escape, names))
        self._name = re.compile(rf"({any_name})\.")
        self._qualifier = re.compile(rf"(?<![\w.@\"])({any_name})\.") if names else None

    def lines(self) -> Iterator[str]:
        """The lines in order; aliases have none."""
        yield from self._lines(self._root, 0, [], [])

    def _lines(
        self, node: Node, depth: int, outer: list[Mapping[str, Node]], recursions: list[tuple[str, Node]]
    ) -> Iterator[str]:
        if node.kind == "SubqueryAlias":
            below = node.children[0]
            query = _recursive_query(below)
            if query is not None:
                recursions = [*recursions, (node.detail, query)]
            yield from self._lines(below, depth, outer, recursions)
            return
        visible = visible_in(node)
        detail = node.detail
        if node.kind == "TableScan":
            detail = self._scan(node, recursions)
        elif self._qualifier is not None:
            detail = self._resolved(node, [visible, *outer])
        yield f"{'  ' * depth}{node.kind}: {detail}"
        for child in node.children:
            scopes = [visible, *outer] if child.kind == "Subquery" else outer
            yield from self._lines(child, depth + 1, scopes, recursions)

    def _scan(self, node: Node, recursions: list[tuple[str, Node]]) -> str:
        """A scan's line; a recursive query's reference to itself names the query by its place."""
        name = table_of(node)
        own = next((query for alias, query in reversed(recursions) if alias == name), None)
        return f"@{own.place}{node.detail[len(name) :]}" if own else node.detail

    def _resolved(self, node: Node, scopes: list[Mapping[str, Node]]) -> str:
        assert self._qualifier is not None
        written: list[str] = []
        position = 0
        # A column of a subquery is often called by an expression over the subquery's own relations:
        # in ``s.max(o.price)``, ``o`` is a relation inside ``s``.
        inside: Node | None = None
        inside_until = 0
        for match in self._qualifier.finditer(node.detail):
            name, start = match.group(1), match.start()
            if inside is not None and start < inside_until:
                target = self._within(inside, name) or self._find(node, name, scopes)
            else:
                from_outside = node.detail.endswith("outer_ref(", 0, start)
                target = self._find(node, name, scopes[1:] if from_outside else scopes)
                inside, inside_until = target, _end_of_call(node.detail, match.end())
            written += [node.detail[position:start], f"@{target.place}."]
            position = match.end()
            # In ``__correlated_sq_1.o.price - o.tax`` at once; a column that a query can name keeps its name.
            planned = name.startswith("__correlated_sq")
            first = self._name.match(node.detail, position) if planned else None
            named = None if first is None else self._within(target, first.group(1))
            if first is not None and named is not None:
                written.append(f"@{named.place}.")
                position = first.end()
        return "".join([*written, node.detail[position:]])

    def _find(self, node: Node, name: str, scopes: list[Mapping[str, Node]]) -> Node:
        for scope in scopes:
            if name in scope:
                return scope[name]
        # Part of the name of a column that an expression further down gave it.
        found = self._within(node, name) or self._within(self._root, name)
        assert found is not None  # the pattern holds names of this plan alone
        return found

    def _within(self, node: Node, name: str) -> Node | None:
        return next((target for each, target in named_below(node) if each == name), None)


def _recursive_query(node: Node) -> Node | None:
    """The recursive query that an alias names; the optimizer may put projections in between."""
    while node.kind == "Projection" and len(node.children) == 1:
        node = node.children[0]
    return node if node.kind == "RecursiveQuery" else None


def _end_of_call(text: str, start: int) -> int:
    """Where the call that begins at ``start`` ends; ``start`` itself where none begins there."""
    opening = re.compile(r"\w+\(").match(text, start)
    if opening is None:
        return start
    depth, position = 1, opening.end()
    while depth and position < len(text):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return position


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
