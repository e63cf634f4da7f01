"""``dfplan run``: materialise views."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.completion import complete_selection
from dfplan_assets.cli.options import Options, current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.progress import progress_display
from dfplan_assets.errors import InputError
from dfplan_assets.orchestration.heap import garbage_left_alone

if TYPE_CHECKING:
    from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
    from dfplan_assets.planning.bundle import ProjectPlan

_STATE_STYLE = {"materialised": "green", "cached": "dim", "failed": "bold red", "skipped": "yellow"}


@click.command()
@click.argument("selection", required=False, shell_complete=complete_selection)
@click.option("--partition", metavar="KEY", help="The partition to run, of views with partitions.")
@click.option("--partition-range", metavar="FIRST..LAST", help="All partitions from the first to the last.")
@click.option(
    "--stale", is_flag=True, help="Only what is stale, and what lies behind it as far as it has to run."
)
@project_options
@click.pass_context
def run(
    ctx: click.Context,
    selection: str | None,
    partition: str | None,
    partition_range: str | None,
    stale: bool,
) -> None:
    """Materialise the views of SELECTION; all of them if none is given.

    SELECTION is Dagster's asset selection syntax: revenue, +revenue (with everything upstream),
    group:marts, tag:domain=sales, 'key:"a" or key:"b"'. The run is one that Dagster's UI shows.

    Views with partitions need a partition, or a range of them, which takes one run for each unless all
    of them have backfill: single_run.
    """
    options = current_options()
    asked = _range(partition, partition_range)
    # A process that ends need not look for garbage first, which takes seconds after a large run.
    atexit.register(gc.freeze)
    from dfplan_assets.planning.project_plan import plan_project
    from dfplan_assets.project import load_project
    from dfplan_assets.store.plan_memory import PlanMemory

    project = load_project(options.project)
    memory = PlanMemory.of(project)
    plan = plan_project(project, memory)
    if stale and asked is not None:
        raise InputError(
            "--stale", "it takes no partition", "Run the partition without --stale, or leave it out."
        )
    reports = _run_stale(plan, selection) if stale else _run(plan, selection, asked)
    memory.save(project)
    if not reports:
        _print_nothing_to_do(options, plan)
        return
    outcomes = [
        outcome for report in reports for outcome in (*report.views.values(), *report.assets.values())
    ]
    if options.format == "json":
        print_json(_document(reports[0]) if len(reports) == 1 else _documents(reports))
    else:
        print_text(_table(reports, {name for name, view in project.views.items() if view.partitions}))
        for outcome in outcomes:
            if outcome.state == "failed":
                click.echo(f"Error: {outcome.error}", err=True)
    for note in (note for report in reports for note in report.notes):
        click.echo(f"Note: {note}", err=True)
    for check, views in _failed_checks(outcomes).items():
        click.echo(f"Warning: {check}\n  Of: {', '.join(views)}", err=True)
    for warning in dict.fromkeys(outcome.warning for outcome in outcomes):
        if warning is not None:
            click.echo(f"Warning: {warning}", err=True)
    ctx.exit(0 if all(report.success for report in reports) else 1)


def _range(partition: str | None, partition_range: str | None) -> tuple[str, str] | None:
    """The first and the last key that are asked for."""
    if partition is not None and partition_range is not None:
        raise InputError(
            "--partition and --partition-range", "only one of them can be asked for", "Take one of them out."
        )
    if partition_range is None:
        return None if partition is None else (partition, partition)
    first, dots, last = partition_range.partition("..")
    if not first or not dots or not last:
        raise InputError(
            f"--partition-range {partition_range}",
            "a range is two keys with .. between them",
            "Write it as in 2024-01-01..2024-01-31; both are a part of the range.",
        )
    return first, last


def _run(plan: ProjectPlan, selection: str | None, asked: tuple[str, str] | None) -> tuple[RunReport, ...]:
    # Importing Dagster takes longer than all other commands do.
    with garbage_left_alone():
        from dfplan_assets.orchestration.partition_runs import PartitionRange
        from dfplan_assets.orchestration.runs import run_partitions

    with progress_display() as display:
        return run_partitions(plan, selection, None if asked is None else PartitionRange(*asked), display)


def _run_stale(plan: ProjectPlan, selection: str | None) -> tuple[RunReport, ...]:
    """Runs what is stale; nothing where nothing is, which is known before Dagster is imported.

    With a selection it is not: Dagster reads that.
    """
    from dfplan_assets.staleness.look import staleness_now
    from dfplan_assets.staleness.staleness import left_out, to_run

    staleness = staleness_now(plan)
    parts = to_run(staleness)
    reports: tuple[RunReport, ...] = ()
    if parts or selection is not None:
        with garbage_left_alone():
            from dfplan_assets.orchestration.stale_views import run_stale_views

        with progress_display() as display:
            reports = run_stale_views(plan, selection, display, staleness)
    if selection is None or not reports:
        for view, why in left_out(staleness, parts).items():
            click.echo(f"Not run: {view}: {why}", err=True)
    return reports


def _print_nothing_to_do(options: Options, plan: ProjectPlan) -> None:
    if options.format == "json":
        print_json({"run_id": None, "success": True, "views": {}})
    else:
        partitioned = any(view.partitions for view in plan.project.views.values())
        but = " but what waits for a backfill" if partitioned else ""
        said = "`dfplan plan` says of each view what it was made of."
        print_text(f"Nothing to do: nothing is stale{but}. {said}")


def _failed_checks(outcomes: Sequence[ViewOutcome]) -> dict[str, list[str]]:
    """What checks that did not pass say, with the views of which they say it; not what stopped a view."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.state in ("materialised", "cached"):
            for name, reason in outcome.failed_checks.items():
                views = found.setdefault(f"{name}: {reason}", [])
                if outcome.view not in views:
                    views.append(outcome.view)
    return found


def _documents(reports: Sequence[RunReport]) -> dict[str, Any]:
    return {
        "success": all(report.success for report in reports),
        "runs": [_document(report) for report in reports],
    }


def _document(report: RunReport) -> dict[str, Any]:
    failed_checks = {
        name: dict(outcome.failed_checks) for name, outcome in report.views.items() if outcome.failed_checks
    }
    return {
        "run_id": report.run_id or None,
        **({} if report.partitions is None else {"partition": str(report.partitions)}),
        "success": report.success,
        "views": {name: _figures(outcome) for name, outcome in report.views.items()},
        **(
            {"assets": {name: _figures(outcome) for name, outcome in report.assets.items()}}
            if report.assets
            else {}
        ),
        **({"failed_checks": failed_checks} if failed_checks else {}),
    }


def _figures(outcome: ViewOutcome) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "rows": outcome.rows,
        "bytes": outcome.bytes,
        "wall_seconds": outcome.wall_seconds,
        "error": outcome.error,
    }


def _table(reports: Sequence[RunReport], partitioned: Collection[str]) -> Table:
    with_partitions = any(report.partitions for report in reports)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("view", overflow="fold")
    if with_partitions:
        grid.add_column("partition", overflow="fold")
    for heading in ("rows", "bytes", "wall seconds"):
        grid.add_column(heading, justify="right")
    grid.add_column("", overflow="fold")
    rows = [(run, each) for run in reports for each in (*run.views.values(), *run.assets.values())]
    for run, outcome in rows:
        of = str(run.partitions) if run.partitions and outcome.view in partitioned else ""
        grid.add_row(
            Text(outcome.view),
            *((Text(of),) if with_partitions else ()),
            "" if outcome.rows is None else f"{outcome.rows:,}",
            "" if outcome.bytes is None else f"{outcome.bytes:,}",
            "" if outcome.wall_seconds is None else f"{outcome.wall_seconds:.3f}",
            _state(outcome),
        )
    return grid


def _state(outcome: ViewOutcome) -> Text:
    if outcome.state == "materialised":
        return Text("")
    if outcome.state == "cached":
        return Text("unchanged, its last result stays", style=_STATE_STYLE["cached"])
    text = outcome.state if outcome.state == "failed" else f"skipped: {outcome.error}"
    return Text(text, style=_STATE_STYLE[outcome.state])
