"""Which views a change reaches, by the lineage of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dfplan_assets.planning.bundle import ProjectPlan

# Nodes in which a column's values decide how often a row occurs, which shows in all columns.
_ROWS_BY_VALUE = re.compile(r"^\s*(?:Distinct|Unnest|LeftSemi Join|LeftAnti Join)", re.MULTILINE)


def counts_by_value(logical_plan: str) -> bool:
    """Whether a column's values decide how often a row occurs, as DISTINCT and UNION have it."""
    return _ROWS_BY_VALUE.search(logical_plan) is not None


def reached_views(plan: ProjectPlan, view: str, columns: Iterable[str] | None) -> tuple[str, ...]:
    """The views downstream of a view that a change of these columns reaches, upstream first.

    ``columns`` is None where rows may differ: then all that reads the view is reached, however far.
    """
    # Per table the columns that may differ; None stands for all of them, and for the rows.
    changed: dict[str, frozenset[str] | None] = {view: None if columns is None else frozenset(columns)}
    reached: list[str] = []
    if changed[view] == frozenset():
        return ()
    for name, found in plan.views.items():
        sources = [table for table in found.lineage.tables if table in changed]
        if name == view or not sources:
            continue
        if any(changed[table] is None for table in sources):
            reached.append(name)
            changed[name] = None
            continue
        needed = {
            (table, column) for table in sources for column in found.lineage.required_columns.get(table, ())
        }
        if not any(column in (changed[table] or ()) for table, column in needed):
            continue
        reached.append(name)
        affected = frozenset(
            column
            for column, origins in found.lineage.columns.items()
            if any(origin.column in (changed.get(origin.table) or ()) for origin in origins)
        )
        if affected:
            changed[name] = None if counts_by_value(found.logical_plan) else affected
    for name, unplanned in plan.unplanned.items():
        # Nothing more than names is known of these.
        if any(table in reached or table == view for table in unplanned.tables) and name != view:
            reached.append(name)
    return tuple(reached)
