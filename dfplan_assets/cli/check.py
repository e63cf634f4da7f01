"""``dfplan check``: the checks of views over what they have published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.completion import complete_selection
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.errors import InputError

if TYPE_CHECKING:
    from dfplan_assets.execution.data_checks import Finding
    from dfplan_assets.planning.bundle import ProjectPlan

_STYLE = {"passed": "green", "failed": "bold red", "warned": "yellow", "cannot be told": "bold red"}


@click.command()
@click.argument("selection", required=False, shell_complete=complete_selection)
@click.option("--partition", metavar="KEY", help="Only this partition, of views with partitions.")
@project_options
@click.pass_context
def check(ctx: click.Context, selection: str | None, partition: str | None) -> None:
    """Make the checks of SELECTION over the last published results; of all views if none is given.

    Runs no view and publishes nothing. SELECTION is as for run. Of a view with partitions, all that are
    published count together; with --partition, only such views are checked. Exits with 1 where a check did
    not pass, unless its severity is warn, or could not be made.
    """
    options = current_options()
    from dfplan_assets.execution.data_checks import check_published
    from dfplan_assets.execution.runtime import open_runtime
    from dfplan_assets.execution.warehouse import Warehouse
    from dfplan_assets.project import load_project
    from dfplan_assets.store.plan_memory import plan_remembered

    project = load_project(options.project)
    plan = plan_remembered(project, keep=False)
    selected = _selected(plan, selection)
    checked = [name for name in plan.all_views if name in selected and project.views[name].checks]
    if partition is not None:
        checked = _partitioned(plan, checked, partition)
    warehouse = Warehouse.of(project)
    with open_runtime(project.engine, warehouse) as runtime:
        found = {name: check_published(plan, name, warehouse, runtime, partition) for name in checked}
    states = [_state(finding) for findings in found.values() for finding in findings]
    success = not {"failed", "cannot be told"}.intersection(states)
    if options.format == "json":
        print_json({"success": success, "views": {view: _document(each) for view, each in found.items()}})
    elif not found:
        print_text("Nothing to check: no view of the selection has checks: in its front matter.")
    else:
        print_text(_table(found), "", _summary(states))
    ctx.exit(0 if success else 1)


def _selected(plan: ProjectPlan, selection: str | None) -> frozenset[str]:
    if selection is None:
        return frozenset(plan.all_views)
    # Importing Dagster takes longer than all checks of a small project do.
    from dfplan_assets.orchestration.selectable import selected_views

    return selected_views(plan, selection)


def _partitioned(plan: ProjectPlan, views: Sequence[str], partition: str) -> list[str]:
    """Those of these views that have partitions; raises InputError where none has."""
    found = [name for name in views if plan.project.views[name].partitions is not None]
    if not found:
        raise InputError(
            f"--partition {partition}",
            "no view of the selection has both partitions and checks",
            "Check it without a partition.",
        )
    return found


def _state(finding: Finding) -> str:
    if finding.passed is None:
        return "cannot be told"
    if finding.passed:
        return "passed"
    return "warned" if finding.check.severity == "warn" else "failed"


def _document(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        finding.check.name: {
            "passed": finding.passed,
            "severity": finding.check.severity,
            "blocking": finding.check.blocking,
            "reason": finding.reason,
            "rows": finding.rows,
            "failing_rows": finding.failing_rows,
            "sample": _sample(finding),
            "sql": finding.sql,
            "seconds": finding.seconds,
        }
        for finding in findings
    }


def _sample(finding: Finding) -> list[dict[str, str | None]] | None:
    """Some rows that do not pass, every value as text."""
    if finding.sample is None:
        return None
    from dfplan_assets.execution.data_checks import sample_values

    names = finding.sample.column_names
    return [dict(zip(names, row, strict=True)) for row in sample_values(finding.sample)]


def _table(found: Mapping[str, Sequence[Finding]]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("view", "check", "", "found"):
        grid.add_column(heading, overflow="fold")
    for view, findings in found.items():
        for finding in findings:
            state = _state(finding)
            grid.add_row(
                Text(view), Text(finding.check.name), Text(state, style=_STYLE[state]), Text(finding.reason)
            )
    return grid


def _summary(states: Sequence[str]) -> str:
    counts = ", ".join(f"{states.count(state):,} {state}" for state in _STYLE if state in states)
    return f"{len(states):,} check{'' if len(states) == 1 else 's'}: {counts}"
