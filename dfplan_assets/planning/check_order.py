"""Which checks of a view are made in a step of their own, since they need the new rows of another view."""

from __future__ import annotations

from collections.abc import Mapping

import rustworkx

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.data_checks import DataCheck, Relationship


def upstream_of(plan: ProjectPlan, view: str) -> frozenset[str]:
    """All views that a view reads, directly or through others."""
    found: set[str] = set()
    waiting = [view]
    while waiting:
        for table in plan.tables_of(waiting.pop()):
            if table in plan.project.views and table not in found:
                found.add(table)
                waiting.append(table)
    return frozenset(found)


def views_behind(plan: ProjectPlan, table: str) -> tuple[str, ...]:
    """The stored views whose results a table has: itself, or those that one that is not stored reads."""
    stored = plan.stored_tables(table) if plan.is_virtual(table) else (table,)
    return tuple(name for name in stored if name in plan.views)


def checks_apart(plan: ProjectPlan) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Of each planned view, the checks that wait for other tables, by name, with the tables they wait for:
    stored views, and what Python assets publish.

    These are relationships to what the view does not read: made in the view's own step, they would compare
    its new rows with what the other view had published before. One that blocks makes all that reads the view
    wait for the other view too; where that would be a circle, it is left out, and compares with what is
    published when the view has run. So does one that blocks and is held against what a Python asset
    publishes, since nobody knows here what that asset reads.
    """
    relationships = {
        name: [check for check in each.view.checks if _waits_for(plan, name, check)]
        for name, each in plan.views.items()
    }
    if not any(relationships.values()):
        return {}
    graph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()
    node = {name: graph.add_node(name) for name in plan.all_views}
    readers: dict[str, list[str]] = {}
    for name in plan.all_views:
        for table in plan.tables_of(name):
            if table in node:
                graph.add_edge(node[table], node[name], None)
                readers.setdefault(table, []).append(name)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, checks in relationships.items():
        for check in checks:
            others = _waits_for(plan, name, check)
            if check.blocking and any(other not in node for other in others):
                continue
            if check.blocking:
                waiting = readers.get(name, [])
                reached = {each for reader in waiting for each in rustworkx.descendants(graph, node[reader])}
                if reached.union(node[reader] for reader in waiting) & {node[other] for other in others}:
                    continue
                graph.add_edges_from_no_data(
                    [(node[other], node[reader]) for other in others for reader in waiting]
                )
            found.setdefault(name, {})[check.name] = others
    return found


def _waits_for(plan: ProjectPlan, view: str, check: DataCheck) -> tuple[str, ...]:
    """The tables that a check compares with, and that may be made after its own view."""
    rule = check.rule
    if not isinstance(rule, Relationship):
        return ()
    before = upstream_of(plan, view)
    if rule.to in plan.views:
        return tuple(name for name in views_behind(plan, rule.to) if name != view and name not in before)
    source = plan.project.sources.get(rule.to)
    read = {table for name in (view, *before) for table in plan.tables_of(name)}
    return (rule.to,) if source is not None and source.is_published and rule.to not in read else ()
