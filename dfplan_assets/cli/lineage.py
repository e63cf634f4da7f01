"""``dfplan lineage``: tables, columns and functions of views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.planned import planned

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
    from dfplan_assets.planning.lineage.model import ColumnOrigin


@click.command()
@click.argument("view", required=False, shell_complete=complete_view)
@click.option("--sources", is_flag=True, help="Follow columns through all views, down to the sources.")
@project_options
def lineage(view: str | None, sources: bool) -> None:
    """Where the columns of VIEW come from; of all views if none is named.

    A direct origin gives the values, an indirect one decides which rows, groups or branch they
    come from.
    """
    options = current_options()
    from dfplan_assets.planning.lineage.across_views import source_columns

    project, views = planned(options, view)
    if sources:
        found = {name: source_columns(project, name) for name in views}
        if options.format == "json":
            print_json({"views": {name: {"source_columns": _columns(found[name])} for name in views}})
        else:
            print_text(*(_block(name, [], found[name]) for name in views))
        return
    plans = [project.views[name] for name in views]
    if options.format == "json":
        print_json({"views": {plan.view.name: _document(plan) for plan in plans}})
    else:
        print_text(*(_block(plan.view.name, _facts(project, plan), plan.lineage.columns) for plan in plans))


def _document(plan: ViewPlan) -> dict[str, Any]:
    found = plan.lineage
    return {
        "tables": list(found.tables),
        "columns": _columns(found.columns),
        "required_columns": {table: list(names) for table, names in found.required_columns.items()},
        "functions": list(found.functions),
    }


def _columns(columns: Mapping[str, Sequence[ColumnOrigin]]) -> dict[str, list[dict[str, str]]]:
    return {
        column: [{"table": o.table, "column": o.column, "kind": o.kind} for o in origins]
        for column, origins in columns.items()
    }


def _facts(project: ProjectPlan, plan: ViewPlan) -> list[tuple[str, str]]:
    readers = ", ".join(project.readers_of(plan.view.name)) or "no stored view"
    facts = [
        ("is not stored, but inlined into", readers if plan.view.is_virtual else ""),
        ("reads", ", ".join(plan.lineage.tables)),
        ("names, but does not read", ", ".join(plan.lineage.unused_tables)),
        ("calls", ", ".join(plan.lineage.functions)),
    ]
    return [(label, text) for label, text in facts if text]


def _block(
    view: str, facts: Sequence[tuple[str, str]], columns: Mapping[str, Sequence[ColumnOrigin]]
) -> Table:
    """A view's name, facts, and a row for each column, as one grid with room below."""
    outer = Table.grid()
    outer.add_row(Text(view, style="bold"))
    for label, text in facts:
        outer.add_row(Text.assemble("  ", (f"{label} ", "dim"), text))
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("  column", "direct", "indirect"):
        grid.add_column(heading, overflow="fold")
    for column, origins in columns.items():
        grid.add_row(Text(f"  {column}"), _names(origins, "direct"), _names(origins, "indirect"))
    outer.add_row(grid)
    outer.add_row("")
    return outer


def _names(origins: Sequence[ColumnOrigin], kind: str) -> Text:
    return Text(", ".join(f"{o.table}.{o.column}" for o in origins if o.kind == kind))
