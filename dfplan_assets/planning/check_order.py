"""Which views must have run before the checks of another view are made, when both run."""

from __future__ import annotations

from collections.abc import Mapping

import rustworkx

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.data_checks import Relationship


def checked_against(plan: ProjectPlan) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Of each planned view's relationships, by check, the stored views that are to run before that view.

    Else a check would compare new rows with another table's rows of yesterday. Left out is what would make a
    circle, since that other table reads the view, or has a relationship to it: it is compared with what is
    published then.
    """
    asking = [name for name in plan.views if _relationships(plan, name)]
    if not asking:
        return {}
    graph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()
    node = {name: graph.add_node(name) for name in plan.all_views}
    for name in plan.all_views:
        for table in plan.tables_of(name):
            if table in node:
                graph.add_edge(node[table], node[name], None)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in asking:
        for check, table in _relationships(plan, name).items():
            stored = plan.stored_tables(table) if plan.is_virtual(table) else (table,)
            before = []
            for other in stored:
                if other in plan.views and other != name and not _reaches(graph, node[name], node[other]):
                    graph.add_edge(node[other], node[name], None)
                    before.append(other)
            found.setdefault(name, {})[check] = tuple(before)
    return found


def _relationships(plan: ProjectPlan, view: str) -> Mapping[str, str]:
    """The planned views that a view's relationships name, by check."""
    return {
        check.name: check.rule.to
        for check in plan.views[view].view.checks
        if isinstance(check.rule, Relationship) and check.rule.to in plan.views
    }


def _reaches(graph: rustworkx.PyDiGraph[str, None], start: int, end: int) -> bool:
    return end in rustworkx.descendants(graph, start)
