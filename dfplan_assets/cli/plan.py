"""``dfplan plan``: the graph that the plans give, and what of it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.now import ViewState, view_states
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.planned import planned

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ViewPlan

_STATE_STYLE = {"new": "green", "changed": "yellow", "unchanged": "dim"}


@click.command()
@click.argument("view", required=False)
@project_options
def plan(view: str | None) -> None:
    """What VIEW reads, whether its plan changed since it was last stored and why, and its logical plan.

    If none is named: the whole graph. Nothing is run or written.
    """
    options = current_options()
    project, views = planned(options, view)
    states = view_states(project, views)
    plans = [project.views[name] for name in views]
    if options.format == "json":
        print_json({"views": {plan.view.name: _document(plan, states[plan.view.name]) for plan in plans}})
    elif view is None:
        print_text(_graph(plans, states))
    else:
        print_text(_graph(plans, states), "", Text(project.views[view].logical_plan.rstrip()))


def _document(plan: ViewPlan, state: ViewState) -> dict[str, Any]:
    return {
        "state": state.state,
        "why": list(state.why),
        "materialized": plan.view.materialized,
        "tables": list(plan.lineage.tables),
        "fingerprint": plan.identity.fingerprint,
        "parts": dict(plan.identity.parts),
    }


def _graph(plans: list[ViewPlan], states: Mapping[str, ViewState]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("view", "group", "state", "reads", "why"):
        grid.add_column(heading, overflow="fold")
    for plan in plans:
        state = states[plan.view.name]
        grid.add_row(
            Text(plan.view.name, style="bold"),
            Text(plan.view.group or "", style="dim"),
            Text.assemble(
                (state.state, _STATE_STYLE[state.state]),
                (", inlined" if plan.view.is_virtual else "", "dim"),
            ),
            Text(", ".join(plan.lineage.tables)),
            Text("; ".join(state.why) if state.state == "changed" or plan.view.is_virtual else ""),
        )
    return grid
