"""The walk over a plan from its root to its leaves, and what the rule of a node can ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dfplan_assets.planning.lineage.expressions import ExpressionReader
from dfplan_assets.planning.lineage.plan_text import Node, PlanTextError
from dfplan_assets.planning.lineage.relation import Column, Relation, Use
from dfplan_assets.planning.lineage.scope import Item, Scope


@dataclass
class Walk:
    """A walk over one plan.

    ``rules`` say what each kind of node does. ``tables`` maps a table as the plan prints it to the
    project's name of it. ``literals`` are the string literals of the view, longest first.
    ``words_in_values`` are the words in its VALUES lists, of which a plan prints the first five
    rows. ``functions`` and ``scanned`` collect the names of functions called and tables read.
    """

    rules: Mapping[str, Callable[[Visit], Relation]]
    tables: Mapping[str, str]
    literals: Sequence[str]
    words_in_values: frozenset[str]
    functions: set[str] = field(default_factory=set)
    scanned: set[str] = field(default_factory=set)

    def relation(self, root: Node) -> Relation:
        """The rows and columns that a plan puts out, in terms of the tables it reads."""
        return self.visit(root, (), {})

    def visit(self, node: Node, outer: tuple[Scope, ...], recursive: Mapping[str, Relation]) -> Relation:
        """The output of one node, with the scopes around it and the recursive queries it is part of."""
        rule = self.rules.get(node.kind)
        if rule is None:
            raise PlanTextError(f"a plan node of an unknown kind, {node.kind!r}")
        relation = rule(Visit(self, node, outer, recursive))
        if tuple(column.name for column in relation.columns) != node.fields:
            found = ", ".join(column.name for column in relation.columns)
            raise PlanTextError(f"{node.kind} puts out {', '.join(node.fields)}; lineage found {found}")
        return relation


@dataclass
class Visit:
    """A node being visited, with what its rule needs."""

    walk: Walk
    node: Node
    outer: tuple[Scope, ...]
    recursive: Mapping[str, Relation]

    def input(self, index: int = -1, outer: tuple[Scope, ...] | None = None) -> Relation:
        """The relation of an input, counted from the end, since subqueries come first."""
        scopes = self.outer if outer is None else outer
        return self.walk.visit(self.node.children[index], scopes, self.recursive)

    def read(self, scope_columns: Sequence[Column], inputs: int) -> Expressions:
        """A reader of this node's expressions over the given columns; the node has so many inputs."""
        return Expressions(self, Scope(scope_columns), inputs)

    def names(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns under the names that the planner gives them here."""
        if len(columns) != len(self.node.fields):
            raise PlanTextError(
                f"{self.node.kind} puts out {len(self.node.fields)} fields, lineage found {len(columns)}"
            )
        return tuple(
            replace(column, name=name) for column, name in zip(columns, self.node.fields, strict=True)
        )


class Expressions:
    """The expressions of a node, read piece by piece, and the subqueries in them."""

    def __init__(self, visit: Visit, scope: Scope, inputs: int) -> None:
        self._visit = visit
        self._scope = scope
        self._subqueries = visit.node.children[: len(visit.node.children) - inputs]
        self._reader = ExpressionReader(scope, visit.outer, visit.walk.literals, visit.walk.functions)
        self._position = 0

    def skip(self, text: str) -> None:
        """Steps over fixed words of the node's line."""
        if not self._visit.node.detail.startswith(text, self._position):
            raise PlanTextError(f"{self._visit.node.detail!r} where {text!r} was expected")
        self._position += len(text)

    def items(self, closer: str = "", aliases: Sequence[str] = (), closer_required: bool = True) -> range:
        """Reads a list of expressions; the range numbers its items in what ``finish`` returns."""
        detail = self._visit.node.detail
        found, self._position = self._reader.read(detail, self._position, closer, aliases, closer_required)
        return found

    def at(self, text: str) -> bool:
        """Whether the unread part of the node's line begins with a text."""
        return self._visit.node.detail.startswith(text, self._position)

    def at_end(self) -> bool:
        """Whether the node's line is read."""
        return self._position >= len(self._visit.node.detail)

    def finish(self, or_direct_in: Sequence[int] = ()) -> list[Item]:
        """All items read, with their subqueries followed.

        Subqueries of expressions that the planner did not print count as values of the items given.
        """
        return self._reader.finish([self._follow(node) for node in self._subqueries], or_direct_in)

    def _follow(self, node: Node) -> Callable[[str], Use]:
        def use(kind: str) -> Use:
            visit = self._visit
            relation = visit.walk.visit(node, (self._scope, *visit.outer), visit.recursive)
            needed = relation.needed | relation.order
            if kind == "exists":  # which columns it selects does not matter
                return Use(indirect=relation.rows, needed=needed)
            if kind == "membership":
                return Use(indirect=relation.rows | relation.values, needed=needed)
            column = relation.columns[0]
            indirect = column.indirect | relation.rows | relation.hidden_duplicates
            return Use(column.direct, indirect, needed)

        return use
