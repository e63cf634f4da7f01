"""Running a selection of views here and now, as runs that Dagster's UI shows."""

from __future__ import annotations

import dagster as dg

from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.local_run import names_of, report_of, run_here
from dfplan_assets.orchestration.partition_runs import PartitionRange
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import python_assets
from dfplan_assets.orchestration.python_runs import planned_with_python
from dfplan_assets.orchestration.run_report import RunListener, RunReport, ViewOutcome
from dfplan_assets.orchestration.selectable import selected_views
from dfplan_assets.orchestration.selection import select_with_python
from dfplan_assets.planning.bundle import ProjectPlan


def run_views(project: ProjectPlan, selection: str | None, listener: RunListener) -> RunReport:
    """Materialises the selected views in this process; what depends on a failed view is skipped.

    Raises InputError for a selection that means nothing, or has views with partitions. A view that fails is
    no error of the run.
    """
    (report,) = run_partitions(project, selection, None, listener)
    return report


def run_partitions(
    project: ProjectPlan, selection: str | None, asked: PartitionRange | None, listener: RunListener
) -> tuple[RunReport, ...]:
    """Materialises the selected views, those with partitions for the ones that are asked for.

    The Python assets of the project that are selected run with them.
    Gives the runs that ``planned_runs`` says. A partition that fails leaves the other ones; what reads
    all of them is skipped then. Raises InputError as ``run_views`` and ``planned_runs`` do.
    """
    translator = translator_of(project.project)
    python, key_of = python_assets(project, translator), translator.get_asset_key
    built: frozenset[str] | None = None
    keys: frozenset[dg.AssetKey] = frozenset()
    if selection is None or python.keys:
        definitions = run_definitions(project, translator)
        selected, keys = select_with_python(selection, project, definitions, key_of, python.keys)
    else:
        selected = built = selected_views(project, selection)
        definitions = run_definitions(project, translator, built)
    reports: list[RunReport] = []
    runs = planned_with_python(project, selected, keys, asked, python, definitions, key_of)
    listener.on_selected(tuple(name for run in runs for name in names_of(project, run)))
    for run in runs:
        # Runs for partitions wait for none but the one before them all, the last one waits for all.
        waits_for = reports if run.partitions is None else [each for each in reports if not each.partitions]
        if all(report.success for report in waits_for):
            reports.append(run_here(project, definitions, translator, run, listener, built=built))
        else:
            outcomes = {
                name: ViewOutcome(name, "skipped", error="waits for runs that failed")
                for name in names_of(project, run)
            }
            reports.append(report_of(run, "", False, outcomes))
    return tuple(reports)
