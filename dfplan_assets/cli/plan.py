"""``dfplan plan``: the graph that the plans give, and what of it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.now import StaleBecause, ViewState, staleness_of, view_states
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.planned import planned

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan

_STATE_STYLE = {"new": "green", "changed": "yellow", "unchanged": "dim"}


@click.command()
@click.argument("view", required=False, shell_complete=complete_view)
@project_options
def plan(view: str | None) -> None:
    """What VIEW reads, whether its plan changed since it was last stored and why, and its logical plan.

    If none is named: the whole graph. Nothing is run or written.
    """
    options = current_options()
    project, views = planned(options, view)
    states = view_states(project, views)
    plans = [project.views[name] for name in views]
    staleness = staleness_of(project, states)
    problems = _check_problems(project, views)
    if options.format == "json":
        documents = {
            name: {
                **_document(project.views[name], states[name], staleness),
                **({"check_problems": problems[name]} if name in problems else {}),
            }
            for name in views
        }
        print_json({"views": documents})
    elif view is None:
        print_text(_graph(plans, states, staleness))
    else:
        print_text(_graph(plans, states, staleness), "", Text(project.views[view].logical_plan.rstrip()))
    for each in problems.values():
        for problem in each.values():
            click.echo(f"Error: {problem}", err=True)
    if problems:
        click.get_current_context().exit(2)


def _check_problems(project: ProjectPlan, views: Sequence[str]) -> dict[str, dict[str, str]]:
    """Why checks of these views cannot be made, by view and check."""
    from dfplan_assets.planning.check_queries import plan_checks

    problems = {
        name: {check: str(error) for check, error in plan_checks(project, name).problems.items()}
        for name in views
        if project.project.views[name].checks
    }
    return {name: found for name, found in problems.items() if found}


def _document(plan: ViewPlan, state: ViewState, staleness: Mapping[str, StaleBecause]) -> dict[str, Any]:
    because = staleness.get(plan.view.name, StaleBecause(()))
    partitions = because.partitions
    return {
        "state": state.state,
        "why": list(state.why),
        "stale": bool(because.reasons),
        "stale_because": list(because.reasons),
        **(
            {}
            if partitions is None
            else {"stale_partitions": {key: list(reasons) for key, reasons in partitions.items()}}
        ),
        "materialized": plan.view.materialized,
        "tables": list(plan.lineage.tables),
        "fingerprint": plan.identity.fingerprint,
        "parts": dict(plan.identity.parts),
    }


def _graph(
    plans: list[ViewPlan], states: Mapping[str, ViewState], staleness: Mapping[str, StaleBecause]
) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("view", "group", "state", "reads", "why", "stale because"):
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
            Text("; ".join(staleness[plan.view.name].reasons if plan.view.name in staleness else ())),
        )
    return grid
