"""The rules of lineage: what each kind of plan node does to the rows and columns of its inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dfplan_assets.planning.lineage.expressions import ExpressionReader, Item, Scope
from dfplan_assets.planning.lineage.plan_text import Node, PlanTextError, as_written
from dfplan_assets.planning.lineage.relation import NONE, Column, Origins, Relation, Use

_TABLE_FUNCTION = re.compile(r"(.+)\(.*\)$", re.DOTALL)
_UNNEST_LIST = re.compile(r"(.+)\|depth=\d+$", re.DOTALL)


@dataclass
class Walk:
    """A walk over one plan.

    ``tables`` maps a table as the plan prints it to the project's name of it. ``literals`` are the
    string literals of the view, longest first. ``words_in_values`` are the words in its VALUES
    lists, of which a plan prints the first five rows. ``functions`` and ``scanned`` collect the
    names of functions called and tables read.
    """

    tables: Mapping[str, str]
    literals: Sequence[str]
    words_in_values: frozenset[str]
    functions: set[str] = field(default_factory=set)
    scanned: set[str] = field(default_factory=set)

    def relation(self, root: Node) -> Relation:
        """The rows and columns that a plan puts out, in terms of the tables it reads."""
        return self._visit(root, (), {})

    def _visit(self, node: Node, outer: tuple[Scope, ...], recursive: Mapping[str, Relation]) -> Relation:
        rule = RULES.get(node.kind)
        if rule is None:
            raise PlanTextError(f"a plan node of an unknown kind, {node.kind!r}")
        relation = rule(_Visit(self, node, outer, recursive))
        if tuple(column.name for column in relation.columns) != node.fields:
            found = ", ".join(column.name for column in relation.columns)
            raise PlanTextError(f"{node.kind} puts out {', '.join(node.fields)}; lineage found {found}")
        return relation


@dataclass
class _Visit:
    """A node being visited, with what its rule needs."""

    walk: Walk
    node: Node
    outer: tuple[Scope, ...]
    recursive: Mapping[str, Relation]

    def input(
        self, index: int = -1, outer: tuple[Scope, ...] | None = None, **recursive: Relation
    ) -> Relation:
        """The relation of an input, counted from the end, since subqueries come first."""
        scopes = self.outer if outer is None else outer
        return self.walk._visit(self.node.children[index], scopes, {**self.recursive, **recursive})

    def read(self, scope_columns: Sequence[Column], inputs: int) -> _Expressions:
        """A reader of this node's expressions over the given columns; the node has so many inputs."""
        return _Expressions(self, Scope(scope_columns), inputs)

    def names(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns under the names that the planner gives them here."""
        if len(columns) != len(self.node.fields):
            raise PlanTextError(
                f"{self.node.kind} puts out {len(self.node.fields)} fields, lineage found {len(columns)}"
            )
        return tuple(
            replace(column, name=name) for column, name in zip(columns, self.node.fields, strict=True)
        )


class _Expressions:
    """The expressions of a node, read piece by piece, and the subqueries in them."""

    def __init__(self, visit: _Visit, scope: Scope, inputs: int) -> None:
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

    def list(self, closer: str = "", aliases: Sequence[str] = (), closer_required: bool = True) -> range:
        """Reads a list of expressions; the range numbers its items in what ``finish`` returns."""
        detail = self._visit.node.detail
        items, self._position = self._reader.read(detail, self._position, closer, aliases, closer_required)
        return items

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
            relation = visit.walk._visit(node, (self._scope, *visit.outer), visit.recursive)
            needed = relation.needed | relation.order
            if kind == "exists":  # which columns it selects does not matter
                return Use(indirect=relation.rows, needed=needed)
            if kind == "membership":
                return Use(indirect=relation.rows | relation.values, needed=needed)
            column = relation.columns[0]
            indirect = column.indirect | relation.rows | relation.hidden_duplicates
            return Use(column.direct, indirect, needed)

        return use


def _column(item: Item, qualifier: str | None = None) -> Column:
    return Column(qualifier, "", item.use.direct, item.use.indirect)


def _named_column(item: Item) -> Column:
    """The column of an expression that keeps its name where it is a bare column."""
    return _column(item, item.column.qualifier if item.column else item.alias_qualifier)


def _needed(items: Sequence[Item]) -> Origins:
    return NONE.union(*(item.use.needed for item in items))


def _any(items: Sequence[Item]) -> Origins:
    return NONE.union(*(item.use.any for item in items))


def _table_scan(visit: _Visit) -> Relation:
    printed = visit.node.detail
    known = visit.recursive.get(printed)
    if known is not None:  # a recursive query reads what it has produced so far
        return replace(known, columns=visit.names([replace(c, qualifier=printed) for c in known.columns]))
    table = visit.walk.tables.get(printed)
    if table is None:
        function = _TABLE_FUNCTION.match(printed)
        if function is None:
            raise PlanTextError(f"the plan reads {printed}, which the planner never resolved")
        visit.walk.functions.add(function.group(1))
        return Relation(tuple(Column(printed, name, NONE, NONE) for name in visit.node.fields))
    visit.walk.scanned.add(table)
    return Relation(
        tuple(
            Column(printed, name, frozenset({(table, as_written(name))}), NONE) for name in visit.node.fields
        )
    )


def _projection(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.list(aliases=visit.node.fields)
    items = expressions.finish()
    columns = [_named_column(item) for item in items]
    return replace(source, columns=visit.names(columns), needed=source.needed | _needed(items))


def _filter(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.list()
    items = expressions.finish()
    return replace(source, rows=source.rows | _any(items), needed=source.needed | _needed(items))


def _join(visit: _Visit) -> Relation:
    left = visit.input(-2)
    right = visit.input(-1, outer=(Scope(left.columns), *visit.outer))
    kind, _, condition = visit.node.detail.partition(":")
    visit = replace(visit, node=replace(visit.node, detail=condition.strip()))
    expressions = visit.read(left.columns + right.columns, inputs=2)
    is_using = expressions.at("Using ")
    if is_using:
        expressions.skip("Using ")
    keys = expressions.list(closer="Filter: ", closer_required=False)
    if expressions.at("Filter: "):
        expressions.skip("Filter: ")
        expressions.list()
    items = expressions.finish()
    needed = left.needed | left.order | right.needed | right.order | _needed(items)
    duplicates = left.duplicates | right.duplicates
    rows = left.rows | right.rows
    if kind not in ("LeftSemi", "LeftAnti", "RightSemi", "RightAnti"):
        columns = left.columns + right.columns
        return Relation(visit.names(columns), rows | _any(items), NONE, needed, duplicates)
    kept, tested = (left, right) if kind.startswith("Left") else (right, left)
    if len(keys) and not is_using:
        # INTERSECT and EXCEPT: the planner writes them as joins on all columns, while a join in the
        # query's text has a filter or USING. The left side gives the values, the right decides.
        rows |= tested.values
        duplicates |= kept.values
    else:
        rows |= _any(items)
    return Relation(visit.names(kept.columns), rows, NONE, needed, duplicates)


def _aggregate(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("groupBy=[[")
    groups = _group_keys(expressions)
    expressions.skip("]], aggr=[[")
    aggregates = expressions.list(closer="]]")
    items = expressions.finish()
    # A key that stands in several grouping sets is one output column, where it first stands.
    keys = list({items[index].text: items[index] for index in groups}.values())
    key_columns = [_named_column(key) for key in keys]
    if "__grouping_id" in visit.node.fields[len(keys) : len(keys) + 1]:
        key_columns.append(Column(None, "__grouping_id", NONE, NONE))
    columns = visit.names([*key_columns, *(_column(items[index]) for index in aggregates)])
    rows = source.rows | _any(keys)
    visible = NONE.union(*(column.direct for column in columns))
    return Relation(
        columns,
        # How often a row occurs is seen in an aggregate, but for columns that are shown anyway.
        rows=rows | (source.duplicates - visible),
        needed=source.needed | source.order | _needed(items),
        duplicates=source.duplicates & visible,
    )


def _group_keys(expressions: _Expressions) -> list[int]:
    """Reads ``a, b``, ``ROLLUP (a, b)``, ``CUBE (a, b)`` or ``GROUPING SETS ((a), (a, b))``."""
    for opening in ("ROLLUP (", "CUBE ("):
        if expressions.at(opening):
            expressions.skip(opening)
            keys = list(expressions.list(closer=")"))
            expressions.skip(")")
            return keys
    if not expressions.at("GROUPING SETS ("):
        return list(expressions.list(closer="]]"))
    expressions.skip("GROUPING SETS (")
    return _rows(expressions, closer=")")


def _rows(expressions: _Expressions, closer: str) -> list[int]:
    """Reads ``(a, b), (c, d)`` up to a closer, or to the end; the items of all rows."""
    items: list[int] = []
    separator = ""
    while not (expressions.at(closer) if closer else expressions.at_end()):
        expressions.skip(f"{separator}(")
        items.extend(expressions.list(closer=")"))
        expressions.skip(")")
        separator = ", "
    expressions.skip(closer)
    return items


def _window(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("windowExpr=[[")
    expressions.list(closer="]]")
    items = expressions.finish()
    columns = [*source.columns, *(_column(item) for item in items)]
    return replace(source, columns=visit.names(columns), needed=source.needed | _needed(items))


def _sort(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.list()
    items = expressions.finish()
    needed = source.needed | source.order | _needed(items)
    return replace(source, order=_any(items), needed=needed)


def _limit(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read((), inputs=1)
    expressions.skip("skip=")
    expressions.list(closer=", fetch=")
    expressions.skip(", fetch=")
    if not visit.node.detail.endswith("fetch=None"):
        expressions.list()
    items = expressions.finish()
    rows = source.rows | source.order | _any(items)
    return replace(source, rows=rows, needed=source.needed | _needed(items))


def _distinct(visit: _Visit) -> Relation:
    source = visit.input()
    return replace(source, duplicates=source.duplicates | source.values)


def _distinct_on(visit: _Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("on_expr=[[")
    keys = expressions.list(closer="]], select_expr=[[")
    expressions.skip("]], select_expr=[[")
    selected = expressions.list(closer="]], sort_expr=[[", aliases=visit.node.fields)
    expressions.skip("]], sort_expr=[[")
    sorted_by = expressions.list(closer="]]")
    items = expressions.finish()
    columns = [_named_column(items[index]) for index in selected]
    deciding = _any([items[i] for i in (*keys, *sorted_by)])
    return replace(
        source,
        columns=visit.names(columns),
        rows=source.rows | deciding,
        order=NONE,
        needed=source.needed | source.order | _needed(items),
    )


def _union(visit: _Visit) -> Relation:
    sources = [visit.input(index) for index in range(len(visit.node.children))]
    columns = [
        Column(None, "", NONE.union(*(c.direct for c in side)), NONE.union(*(c.indirect for c in side)))
        for side in zip(*(source.columns for source in sources), strict=True)
    ]
    return Relation(
        visit.names(columns),
        rows=NONE.union(*(source.rows for source in sources)),
        needed=NONE.union(*(source.needed | source.order for source in sources)),
        duplicates=NONE.union(*(source.duplicates for source in sources)),
    )


def _subquery_alias(visit: _Visit) -> Relation:
    alias = visit.node.detail
    child = visit.node.children[0]
    source = _recursive_query(visit, child, alias) if child.kind == "RecursiveQuery" else visit.input()
    columns = [replace(column, qualifier=alias) for column in source.columns]
    return replace(source, columns=visit.names(columns))


def _recursive_query(visit: _Visit, node: Node, name: str) -> Relation:
    """The least relation that holds the static term and whatever the recursive term makes of it."""
    static, step = node.children
    first = visit.walk._visit(static, visit.outer, visit.recursive)
    known = first
    while True:
        recursive = {**visit.recursive, name: known}
        next_ = visit.walk._visit(step, visit.outer, recursive)
        columns = tuple(
            Column(old.qualifier, old.name, old.direct | new.direct, old.indirect | new.indirect)
            for old, new in zip(known.columns, next_.columns, strict=True)
        )
        duplicates = known.duplicates | next_.duplicates
        grown = Relation(
            columns,
            rows=known.rows | next_.rows,
            needed=known.needed | next_.needed | first.order | next_.order,
            duplicates=duplicates,
        )
        if node.detail == "is_distinct=true":
            grown = replace(grown, duplicates=duplicates | grown.values)
        if grown == known:
            return grown
        known = grown


def _recursive_query_alone(visit: _Visit) -> Relation:
    raise PlanTextError("a recursive query without a name")


def _values(visit: _Visit) -> Relation:
    width = len(visit.node.fields)
    expressions = visit.read((), inputs=0)
    cut = visit.node.detail.endswith("...")  # the planner prints the first five rows
    outer_names = {column.name for scope in visit.outer for column in scope.columns}
    if cut and outer_names & visit.walk.words_in_values:
        raise PlanTextError(
            "a VALUES list of more than five rows may name columns of the enclosing query "
            f"({', '.join(sorted(outer_names & visit.walk.words_in_values))}), and the plan prints only five"
        )
    read = _rows(expressions, closer="..." if cut else "")
    items = expressions.finish(or_direct_in=read if cut else ())
    columns = []
    for position, name in enumerate(visit.node.fields):
        cells = [items[index].use for index in read[position::width]]
        direct = NONE.union(*(use.direct for use in cells))
        columns.append(Column(None, name, direct, NONE.union(*(use.indirect for use in cells))))
    return Relation(tuple(columns), needed=_needed(items))


def _unnest(visit: _Visit) -> Relation:
    source = visit.input()
    match = re.match(r"lists\[(.*)\] structs\[(.*)\]$", visit.node.detail, re.DOTALL)
    if match is None:
        raise PlanTextError(f"an Unnest of {visit.node.detail!r}")
    by_name = {column.name: column for column in source.columns}
    lists = _unnested(match.group(1), by_name, is_list=True)
    structs = _unnested(match.group(2), by_name, is_list=False)
    columns: list[Column] = []
    for name in visit.node.fields:
        kept = by_name.get(name)
        if kept is not None and name not in lists and name not in structs:
            columns.append(kept)
            continue
        origin = _unnest_origin(name, lists, structs)
        columns.append(Column(None, name, by_name[origin].direct, by_name[origin].indirect))
    unnested = NONE.union(*(by_name[name].any for name in lists))
    return replace(source, columns=tuple(columns), duplicates=source.duplicates | unnested)


def _unnested(text: str, by_name: Mapping[str, Column], is_list: bool) -> list[str]:
    """The input columns in the text of an Unnest's list, whose names may hold commas."""
    names: list[str] = []
    position = 0
    while position < len(text):
        fitting = [name for name in by_name if text.startswith(name, position)]
        fitting = [
            name
            for name in fitting
            if re.compile(r"\|depth=\d+(, |$)" if is_list else r"(, |$)").match(text, position + len(name))
        ]
        if not fitting:
            raise PlanTextError(f"{text[position:]!r} unnests no column of its input")
        name = max(fitting, key=len)
        names.append(name)
        end = re.compile(r"(\|depth=\d+)?(, |$)").match(text, position + len(name))
        assert end is not None
        position = end.end()
    return names


def _unnest_origin(name: str, lists: Sequence[str], structs: Sequence[str]) -> str:
    """The input column that an output of Unnest comes from.

    ``__unnest_placeholder(x)`` becomes ``__unnest_placeholder(x,depth=1)`` for a list, and
    ``__unnest_placeholder(x).f`` for field f of a struct.
    """
    for origin in lists:
        if re.fullmatch(re.escape(origin.removesuffix(")")) + r",depth=\d+\)", name):
            return origin
    for origin in sorted(structs, key=len, reverse=True):
        if name.startswith(f"{origin}."):
            return origin
    raise PlanTextError(f"an Unnest puts out {name!r}, which comes from none of {[*lists, *structs]}")


def _nothing(visit: _Visit) -> Relation:
    return Relation(tuple(Column(None, name, NONE, NONE) for name in visit.node.fields))


def _repartition(visit: _Visit) -> Relation:
    source = visit.input()
    match = re.match(r"(?:Hash|DistributeBy)\((.*)\)(?: partition_count=\d+)?$", visit.node.detail, re.DOTALL)
    if match is None:
        return source
    visit = replace(visit, node=replace(visit.node, detail=match.group(1)))
    expressions = visit.read(source.columns, inputs=1)
    expressions.list()
    items = expressions.finish()
    # Where a row is computed changes no value; the columns are needed all the same.
    return replace(source, needed=source.needed | _any(items) | _needed(items), order=NONE)


def _same(visit: _Visit) -> Relation:
    return visit.input()


def _explained(visit: _Visit) -> Relation:
    """An EXPLAIN puts out texts; its rows depend on whatever the explained query reads."""
    source = visit.input()
    columns = tuple(Column(None, name, NONE, NONE) for name in visit.node.fields)
    return Relation(columns, rows=source.rows | source.values, needed=source.needed | source.order)


RULES: Mapping[str, Callable[[_Visit], Relation]] = {
    "Aggregate": _aggregate,
    "Analyze": _explained,
    "Distinct": _distinct,
    "DistinctOn": _distinct_on,
    "EmptyRelation": _nothing,
    "Explain": _explained,
    "Filter": _filter,
    "Join": _join,
    "Limit": _limit,
    "Projection": _projection,
    "RecursiveQuery": _recursive_query_alone,
    "Repartition": _repartition,
    "Sort": _sort,
    "Subquery": _same,
    "SubqueryAlias": _subquery_alias,
    "TableScan": _table_scan,
    "Union": _union,
    "Unnest": _unnest,
    "Values": _values,
    "WindowAggr": _window,
}
