"""``dfplan profile``: what a view costs, measured without publishing it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from dfplan_assets.cli.completion import complete_view
from dfplan_assets.cli.options import current_options, project_options
from dfplan_assets.cli.output import print_json, print_text
from dfplan_assets.cli.planned import planned
from dfplan_assets.cli.sections import section
from dfplan_assets.errors import InputError

if TYPE_CHECKING:
    from dfplan_assets.execution.profiling import Profiled
    from dfplan_assets.planning.bundle import ProjectPlan
    from dfplan_assets.store import RunRecord


@click.command()
@click.argument("view", shell_complete=complete_view)
@click.option("--partition", metavar="KEY", help="The partition to measure, of a view with partitions.")
@project_options
def profile(view: str, partition: str | None) -> None:
    """What VIEW costs, operator by operator; nothing is published.

    Runs its query once over the tables as they are (EXPLAIN ANALYZE) and throws the result away. What was
    measured is kept in the plan store, apart from the runs that schedules and regressions look at.
    """
    options = current_options()
    plan, _ = planned(options, view)
    if plan.is_virtual(view):
        raise InputError(
            plan.views[view].view.where,
            "it is not run by itself: it is not stored (materialized: view), but inlined into the views that "
            "read it",
            "Profile a view that reads it.",
        )
    measured = _measure(plan, view, partition)
    run = _record(plan, view, partition, measured)
    from dfplan_assets.cli import profile_view

    if options.format == "json":
        print_json({"view": view, "bundle_key": run.bundle_key, **profile_view.run_document(run)})
        return
    root = f"{plan.project.root.as_posix().lstrip('/')}/"

    def inside(text: str) -> str:
        return text.replace(root, "")

    print_text(
        *section(f"{view}, measured without publishing", profile_view.run_facts(run)),
        *section("Where the time went", *profile_view.costliest(measured.profile, inside)),
        *section("Rows that the planner misjudged", *profile_view.misjudged(measured.profile, inside)),
        *section("Operators", *profile_view.operator_tree(measured.profile, inside)),
    )


def _measure(plan: ProjectPlan, view: str, partition: str | None) -> Profiled:
    from dfplan_assets.execution.profiling import profile_view
    from dfplan_assets.execution.runtime import open_runtime
    from dfplan_assets.execution.warehouse import Warehouse

    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        return profile_view(plan, view, warehouse, runtime, partition)


def _record(plan: ProjectPlan, view: str, partition: str | None, measured: Profiled) -> RunRecord:
    """Keep what was measured; where the store cannot take it, the reason goes to standard error."""
    from dfplan_assets.store import Recorder, RunRecord
    from dfplan_assets.store.bundle_format import encode_bundle
    from dfplan_assets.store.queue import queue_of

    started_at = measured.profile.started_at
    run = RunRecord(
        view=view,
        status="profiled",
        started_at=started_at,
        profile=measured.profile,
        # Its plan is named, and not stored: `dfplan plan` compares with the plans of what was published.
        bundle_key=encode_bundle(measured.bundle).key,
        fingerprint=measured.bundle.identity.fingerprint,
        inputs=measured.inputs,
        partition_key=partition,
        cores=os.cpu_count(),
        peak_memory_bytes=measured.peak_memory_bytes,
    )
    recorder = Recorder(plan.project.store, queue_of(plan.project))
    try:
        recorded = recorder.record(run, bundle=None, at=started_at)
    finally:
        recorder.close()
    if recorded.lost is not None:
        click.echo(f"Warning: what was measured is not kept: {recorded.lost}", err=True)
    elif recorded.deferred is not None:
        click.echo(f"Warning: what was measured waits in the queue: {recorded.deferred}", err=True)
    return run
