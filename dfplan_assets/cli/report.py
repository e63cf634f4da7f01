"""``dfplan report``: the project as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from dfplan_assets.cli.now import view_states
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.errors import ExecutionError, InputError, ProjectError, StoreError

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ProjectPlan
    from dfplan_assets.visual.report.collect import Standing
    from dfplan_assets.visual.report.model import CheckOutcome, Report
    from dfplan_assets.visual.report.past import Past


@click.command()
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    help="Where to write the page. Default: report.html in the current folder.",
)
@project_options
def report(output: Path) -> None:
    """Write one self-contained HTML page of the project.

    Graph, costs, critical path and search, and for each view its columns, plan, profile and history. The
    page opens from the disk, without a network. Nothing is run.
    """
    from dfplan_assets.visual.report.page import page

    made = _report()
    document = page(made).encode()
    try:
        output.write_bytes(document)
    except OSError as error:
        raise InputError(
            f"dfplan report --output {output}",
            f"the page cannot be written: {error.strerror}",
            "Name a file in a folder that exists and that you may write to.",
        ) from error
    if current_options().format == "json":
        print_json({"report": str(output.resolve()), "bytes": len(document), "views": len(made.views)})
    else:
        size = f"{len(document) / 1e6:,.1f} MB" if len(document) >= 1e6 else f"{len(document) / 1e3:,.0f} kB"
        print_text(Text(f"{output}  {size}, {len(made.views):,} views"))


def _report() -> Report:
    from dfplan_assets.forecast.measurements import stored_measurements
    from dfplan_assets.forecast.prediction import predict
    from dfplan_assets.project import load_project
    from dfplan_assets.scheduling.schedule import savings
    from dfplan_assets.store.plan_memory import plan_remembered
    from dfplan_assets.visual.report.collect import collect, standing_now
    from dfplan_assets.visual.report.past import Past

    plan = plan_remembered(load_project(current_options().project), keep=False)
    standing = standing_now(plan)
    measurements = stored_measurements(plan.project, plan.all_views)
    expected = predict(plan, plan.all_views, measurements, workers=None)
    notes = list(measurements.notes)
    past, why_changed = Past(), dict[str, tuple[str, ...]]()
    if not measurements.missing:
        try:
            past = _past(plan)
            why_changed = _why_changed(plan, standing)
        except StoreError as error:
            notes.append(f"The plan store cannot be read ({error.where}: {error.cause}).")
    outcomes: Mapping[tuple[str, str], CheckOutcome] = {}
    try:
        outcomes = _outcomes(plan)
    except (ExecutionError, ProjectError) as error:
        notes.append(f"What checks found is not known: {error.where}: {error.cause}. {error.next_step}")
    now = datetime.now(timezone.utc)
    return collect(plan, standing, why_changed, past, outcomes, expected, savings(expected), notes, now)


def _outcomes(plan: ProjectPlan) -> Mapping[tuple[str, str], CheckOutcome]:
    if not any(view.checks for view in plan.project.views.values()):
        return {}
    # Importing Dagster takes longer than all else of the report of a small project.
    from dfplan_assets.orchestration.check_outcomes import last_outcomes

    return last_outcomes(plan)


def _past(plan: ProjectPlan) -> Past:
    from dfplan_assets.store import find_store
    from dfplan_assets.visual.report.past import Past, read_past

    store = find_store(plan.project.store)
    if store is None:
        return Past()
    with store:
        return read_past(store, plan.all_views)


def _why_changed(plan: ProjectPlan, standing: Standing) -> dict[str, tuple[str, ...]]:
    return {view: state.why for view, state in view_states(plan, standing.changed).items()}
