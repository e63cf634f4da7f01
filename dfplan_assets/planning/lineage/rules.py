"""The rules of lineage: what each kind of plan node does to the rows and columns of its inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dfplan_assets.planning.lineage.plan_text import Node, PlanTextError, as_written
from dfplan_assets.planning.lineage.relation import NONE, Column, Origins, Relation
from dfplan_assets.planning.lineage.scope import Item, Scope
from dfplan_assets.planning.lineage.unnest import unnest
from dfplan_assets.planning.lineage.walk import Expressions, Visit

_TABLE_FUNCTION = re.compile(r"(.+)\(.*\)$", re.DOTALL)


def _column(item: Item, qualifier: str | None = None) -> Column:
    return Column(qualifier, "", item.use.direct, item.use.indirect)


def _named_column(item: Item) -> Column:
    """The column of an expression that keeps its name where it is a bare column."""
    return _column(item, item.column.qualifier if item.column else item.alias_qualifier)


def _needed(items: Sequence[Item]) -> Origins:
    return NONE.union(*(item.use.needed for item in items))


def _any(items: Sequence[Item]) -> Origins:
    return NONE.union(*(item.use.any for item in items))


def _table_scan(visit: Visit) -> Relation:
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


def _projection(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.items(aliases=visit.node.fields)
    items = expressions.finish()
    columns = [_named_column(item) for item in items]
    return replace(source, columns=visit.names(columns), needed=source.needed | _needed(items))


def _filter(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.items()
    items = expressions.finish()
    return replace(source, rows=source.rows | _any(items), needed=source.needed | _needed(items))


def _join(visit: Visit) -> Relation:
    left = visit.input(-2)
    right = visit.input(-1, outer=(Scope(left.columns), *visit.outer))
    kind, _, condition = visit.node.detail.partition(":")
    visit = replace(visit, node=replace(visit.node, detail=condition.strip()))
    expressions = visit.read(left.columns + right.columns, inputs=2)
    is_using = expressions.at("Using ")
    if is_using:
        expressions.skip("Using ")
    keys = expressions.items(closer="Filter: ", closer_required=False)
    if expressions.at("Filter: "):
        expressions.skip("Filter: ")
        expressions.items()
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


def _aggregate(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("groupBy=[[")
    groups = _group_keys(expressions, visit.node.fields)
    expressions.skip("]], aggr=[[")
    aggregates = expressions.items(closer="]]")
    items = expressions.finish()
    # A key that stands in several grouping sets is one output column, where it first stands.
    # Subqueries print alike, whatever they are.
    keys = list(
        {
            (items[index].text, index if "<subquery>" in items[index].text else 0): items[index]
            for index in groups
        }.values()
    )
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


def _group_keys(expressions: Expressions, names: Sequence[str]) -> list[int]:
    """Reads ``a, b``, ``ROLLUP (a, b)``, ``CUBE (a, b)`` or ``GROUPING SETS ((a), (a, b))``.

    ``names`` are those of the output: ``GROUP BY ALL`` keeps the aliases of the keys.
    """
    for opening in ("ROLLUP (", "CUBE ("):
        if expressions.at(opening):
            expressions.skip(opening)
            keys = list(expressions.items(closer=")"))
            expressions.skip(")")
            return keys
    if not expressions.at("GROUPING SETS ("):
        return list(expressions.items(closer="]]", aliases=names))
    expressions.skip("GROUPING SETS (")
    return _rows(expressions, closer=")")


def _rows(expressions: Expressions, closer: str) -> list[int]:
    """Reads ``(a, b), (c, d)`` up to a closer, or to the end; the items of all rows."""
    items: list[int] = []
    separator = ""
    while not (expressions.at(closer) if closer else expressions.at_end()):
        expressions.skip(f"{separator}(")
        items.extend(expressions.items(closer=")"))
        expressions.skip(")")
        separator = ", "
    expressions.skip(closer)
    return items


def _window(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("windowExpr=[[")
    expressions.items(closer="]]")
    items = expressions.finish()
    columns = [*source.columns, *(_column(item) for item in items)]
    return replace(source, columns=visit.names(columns), needed=source.needed | _needed(items))


def _sort(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.items()
    items = expressions.finish()
    needed = source.needed | source.order | _needed(items)
    return replace(source, order=_any(items), needed=needed)


def _limit(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read((), inputs=1)
    expressions.skip("skip=")
    expressions.items(closer=", fetch=")
    expressions.skip(", fetch=")
    if not visit.node.detail.endswith("fetch=None"):
        expressions.items()
    items = expressions.finish()
    rows = source.rows | source.order | _any(items)
    return replace(source, rows=rows, needed=source.needed | _needed(items))


def _distinct(visit: Visit) -> Relation:
    source = visit.input()
    return replace(source, duplicates=source.duplicates | source.values)


def _distinct_on(visit: Visit) -> Relation:
    source = visit.input()
    expressions = visit.read(source.columns, inputs=1)
    expressions.skip("on_expr=[[")
    keys = expressions.items(closer="]], select_expr=[[")
    expressions.skip("]], select_expr=[[")
    selected = expressions.items(closer="]], sort_expr=[[", aliases=visit.node.fields)
    expressions.skip("]], sort_expr=[[")
    sorted_by = expressions.items(closer="]]")
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


def _branches(union: Node) -> list[Node]:
    """The inputs of a union and of the unions that are its inputs: hundreds of branches nest as deep."""
    branches: list[Node] = []
    waiting = [*reversed(union.children)]
    while waiting:
        node = waiting.pop()
        if node.kind == "Union":
            waiting.extend(reversed(node.children))
        else:
            branches.append(node)
    return branches


def _union(visit: Visit) -> Relation:
    sources = [visit.walk.visit(node, visit.outer, visit.recursive) for node in _branches(visit.node)]
    widths = sorted({len(source.columns) for source in sources})
    if len(widths) > 1:  # the planner writes such a union for an ORDER BY of what one branch alone has
        raise PlanTextError(f"the branches of a union put out {' and '.join(map(str, widths))} columns")
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


def _subquery_alias(visit: Visit) -> Relation:
    alias = visit.node.detail
    child = visit.node.children[0]
    source = _recursive_query(visit, child, alias) if child.kind == "RecursiveQuery" else visit.input()
    columns = [replace(column, qualifier=alias) for column in source.columns]
    return replace(source, columns=visit.names(columns))


def _recursive_query(visit: Visit, node: Node, name: str) -> Relation:
    """The least relation that holds the static term and whatever the recursive term makes of it."""
    static, step = node.children
    first = visit.walk.visit(static, visit.outer, visit.recursive)
    known = first
    while True:
        recursive = {**visit.recursive, name: known}
        next_ = visit.walk.visit(step, visit.outer, recursive)
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


def _recursive_query_alone(visit: Visit) -> Relation:
    raise PlanTextError("a recursive query without a name")


def _values(visit: Visit) -> Relation:
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


def _nothing(visit: Visit) -> Relation:
    return Relation(tuple(Column(None, name, NONE, NONE) for name in visit.node.fields))


def _repartition(visit: Visit) -> Relation:
    source = visit.input()
    match = re.match(r"(?:Hash|DistributeBy)\((.*)\)(?: partition_count=\d+)?$", visit.node.detail, re.DOTALL)
    if match is None:
        return source
    visit = replace(visit, node=replace(visit.node, detail=match.group(1)))
    expressions = visit.read(source.columns, inputs=1)
    expressions.items()
    items = expressions.finish()
    # Where a row is computed changes no value; the columns are needed all the same.
    return replace(source, needed=source.needed | _any(items) | _needed(items), order=NONE)


def _same(visit: Visit) -> Relation:
    return visit.input()


def _explained(visit: Visit) -> Relation:
    """An EXPLAIN puts out texts; its rows depend on whatever the explained query reads."""
    source = visit.input()
    columns = tuple(Column(None, name, NONE, NONE) for name in visit.node.fields)
    return Relation(columns, rows=source.rows | source.values, needed=source.needed | source.order)


RULES: Mapping[str, Callable[[Visit], Relation]] = {
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
    "Unnest": unnest,
    "Values": _values,
    "WindowAggr": _window,
}
