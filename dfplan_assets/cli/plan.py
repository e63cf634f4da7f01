"""``dfplan plan``: the graph that the plans give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.planned import planned

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ViewPlan


@click.command()
@click.argument("view", required=False)
@project_options
def plan(view: str | None) -> None:
    """What VIEW reads, and its logical plan; the whole graph if none is named."""
    options = current_options()
    project, views = planned(options, view)
    plans = [project.views[name] for name in views]
    if options.format == "json":
        print_json({"views": {plan.view.name: _document(plan) for plan in plans}})
    elif view is None:
        print_text(_graph(plans))
    else:
        print_text(_graph(plans), "", Text(project.views[view].logical_plan.rstrip()))


def _document(plan: ViewPlan) -> dict[str, Any]:
    return {"tables": list(plan.lineage.tables)}


def _graph(plans: list[ViewPlan]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("view", "group", "reads"):
        grid.add_column(heading, overflow="fold")
    for plan in plans:
        grid.add_row(
            Text(plan.view.name, style="bold"),
            Text(plan.view.group or "", style="dim"),
            Text(", ".join(plan.lineage.tables)),
        )
    return grid
