"""Column lineage over chains of views: which source columns an output column comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dfplan_assets.planning.lineage.model import ColumnOrigin

if TYPE_CHECKING:  # a project's plan holds lineages; at run time only this direction is imported
    from dfplan_assets.planning.bundle import ProjectPlan


def source_columns(plan: ProjectPlan, view: str) -> Mapping[str, tuple[ColumnOrigin, ...]]:
    """For each output column of a view, the source columns it comes from through all views between.

    An origin is ``direct`` where every step of some path is direct; it is ``indirect`` where some
    path has an indirect step. Both can hold, and are then listed as two origins.
    """
    known: dict[tuple[str, str], frozenset[ColumnOrigin]] = {}
    order = [name for name in plan.views if name in _upstream(plan, view)]
    for name in order:
        for column, origins in plan.views[name].lineage.columns.items():
            reached: set[ColumnOrigin] = set()
            for origin in origins:
                before = known.get((origin.table, origin.column))
                if origin.table not in plan.views or before is None:
                    reached.add(origin)
                elif origin.kind == "direct":
                    reached.update(before)
                else:
                    reached.update(ColumnOrigin(step.table, step.column, "indirect") for step in before)
            known[name, column] = frozenset(reached)
    return {column: tuple(sorted(known[view, column])) for column in plan.views[view].lineage.columns}


def _upstream(plan: ProjectPlan, view: str) -> set[str]:
    """The view and all views that it depends on, however far."""
    seen: set[str] = set()
    waiting = [view]
    while waiting:
        name = waiting.pop()
        if name in plan.views and name not in seen:
            seen.add(name)
            waiting.extend(plan.views[name].lineage.tables)
    return seen
