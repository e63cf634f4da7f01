"""One plan for one text, where DataFusion's planner leaves an order to chance.

``ORDER BY x + y`` over columns that are not selected makes the planner add them to the projection below
the sort, in the order of a hash set: another one at every planning. Nothing in a query or a session
decides about it, and it goes into the plan, its Substrait message and the physical plan. So a
text with such a sort is planned until the columns stand in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from datafusion import DataFrame

from dfplan_assets.planning.plan_tree import Node, parse_tree

# Two columns are in order at every second planning, three at every sixth; a planning takes a millisecond.
_PLANNINGS = 200
# What stands in one order so often was written in that order by the query.
_ALIKE = 20


def with_sort_columns_in_order(sql: str, plan: Callable[[], DataFrame]) -> DataFrame:
    """The frame of a query, ``sql``, that ``plan`` plans: the same each time, but by a chance of a millionth.

    The columns stand as the sort names them, whatever the tables are called. With many such columns that
    order may not come up; then it is the next to it that did.
    """
    best = plan()
    if "order" not in sql.lower():
        return best
    orders = [added_columns(best.logical_plan().display_indent())]
    while len(orders) < _PLANNINGS and any(places != sorted(places) for places in min(orders)):
        if len(orders) == _ALIKE and all(order == orders[0] for order in orders):
            break
        frame = plan()
        order = added_columns(frame.logical_plan().display_indent())
        if order < min(orders):
            best = frame
        orders.append(order)
    return best


def added_columns(text: str) -> list[list[int]]:
    """What may have been added to the projections below each sort: where the sort names it first.

    The planner adds at the end, and takes away again by a projection above the sort.

    >>> added_columns("Projection: v\\n  Sort: a.y + a.x ASC\\n    Projection: a.v AS v, a.x, a.y")
    [[6, 0]]
    """
    found: list[list[int]] = []
    waiting = [parse_tree(text)]
    while waiting:
        node = waiting.pop()
        waiting.extend(reversed(node.children))
        kept = len(node.detail.split(", "))
        for below in node.inputs if node.kind == "Projection" else ():
            if below.kind == "Sort":
                found.extend(_added(each, kept, below.detail) for each in _projections_below(below))
            elif below.kind == "Projection":  # the sort of a derived table goes, its columns stay
                columns = [item for item in below.detail.split(", ") if " AS " not in item]
                found.append(_added(below, kept, ", ".join(sorted(columns))))
    return found


def _projections_below(sort: Node) -> list[Node]:
    """The nearest projections below a sort: one, or those of a union's branches."""
    found: list[Node] = []
    waiting = list(sort.inputs)
    while waiting:
        node = waiting.pop(0)
        if node.kind == "Projection":
            found.append(node)
        elif node.kind not in ("TableScan", "SubqueryAlias"):
            waiting.extend(node.inputs)
    return found


def _added(projection: Node, kept: int, sorted_by: str) -> list[int]:
    """Where a sort names the last items of a projection, but for as many items as are kept above it."""
    places: list[int] = []
    for item in reversed(projection.detail.split(", ")[kept:]):
        named = re.search(rf"(?<![\w.]){re.escape(item)}(?!\w)", sorted_by)
        if named is None:
            break
        places.append(named.start())
    return places[::-1]
