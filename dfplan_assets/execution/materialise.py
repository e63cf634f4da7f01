"""Running a view once: its result published, and what the execution cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.analysis import cpu_seconds
from dfplan_assets.execution.analyzed_copy import analyzed_copy, copied_operators, rows_written
from dfplan_assets.execution.failures import reporting
from dfplan_assets.execution.input_sizes import input_sizes
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.memory import GAUGE
from dfplan_assets.execution.partition_checks import check_within, partition_to_run
from dfplan_assets.execution.permit import publishing
from dfplan_assets.execution.profile import InputSize, RunProfile
from dfplan_assets.execution.provenance import provenance_of
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.source_versions import SourceVersion, source_version
from dfplan_assets.execution.validation import validate
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import EnvironmentPart, PlanBundle, ProjectPlan, ViewPlan
from dfplan_assets.planning.capture import capture
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.partitions import at_partition
from dfplan_assets.planning.secrets import hider
from dfplan_assets.project.partitions import Partition

# No view or source has a space in its name, so this hides none of them.
RESULT = "result of the view"
"""The name under which the query of a view is registered, to be copied."""

READINGS = 2
"""How often a view is run at most while its sources change under it."""


@dataclass(frozen=True)
class Materialisation:
    """A view's new result, what it cost, the bundle of its plan, and how large its inputs were.

    ``peak_memory_bytes`` is what the execution added to the memory of its process at most, None where
    that cannot be told. The values of secret parameters stand in none of it.
    """

    publication: Publication
    profile: RunProfile
    bundle: PlanBundle
    inputs: tuple[InputSize, ...] = ()
    peak_memory_bytes: int | None = None


def materialise(
    plan: ProjectPlan,
    view: str,
    warehouse: Warehouse,
    runtime: Runtime,
    environment: Sequence[EnvironmentPart] | None = None,
    partition_key: str | None = None,
) -> Materialisation:
    """Run a view, or one partition of it, once and publish its result.

    The query reads the results that the views upstream have when it starts. The profile's wall seconds count
    executing and publishing; the bundle is captured beside that. ``environment`` is that of the project's
    plans, which one capture serves for all views; without one it is captured here. Several threads may
    materialise different views, or partitions of one, at once.

    Where a source changes while it is read, the view is run once more; what was read half old and half new is
    never published.

    Raises ExecutionError where the view fails while it runs or its result cannot be published, SourceError
    where a source is missing or unreadable, or its version cannot be told, PlanningError where the query
    cannot be planned or has no Substrait form. Nothing is published then, and the last result stays.
    """
    partition = partition_to_run(plan.views[view].view, partition_key)
    if partition is not None:
        plan = at_partition(plan, view, partition.key)
    versions = _versions(plan, view)
    for reading in range(1, READINGS + 1):
        try:
            return _read_once(plan, view, partition, warehouse, runtime, environment, versions)
        except (ExecutionError, InputError):
            # An error of the query may come from files that changed, too.
            before, versions = versions, _versions(plan, view)
            if reading == READINGS or versions == before:
                raise
    raise AssertionError  # the last reading returns or raises


def _versions(plan: ProjectPlan, view: str) -> dict[str, SourceVersion]:
    """The versions of the sources that a view reads from outside, itself and through inlined views."""
    project = plan.project
    return {
        table: source_version(project.sources[table], project.root)
        for table in plan.stored_tables(view)
        # Of a published table a snapshot is read, as of a view's result.
        if table in project.sources and not project.sources[table].is_published
    }


def _check_unchanged(plan: ProjectPlan, view: str, versions: Mapping[str, SourceVersion]) -> None:
    """Refuse a result whose sources changed while they were read: it may be half old and half new."""
    now = _versions(plan, view)
    changed = [name for name in sorted(now) if now[name] != versions[name]]
    if changed:
        sources = plan.project.sources
        raise ExecutionError(
            plan.views[view].view.where,
            f"{', '.join(f'source {name} ({sources[name].path})' for name in changed)} "
            f"changed while the view read it, {READINGS} times in a row",
            "Run the view again when nothing writes there, or let writers replace whole files.",
        )


def _read_once(
    plan: ProjectPlan,
    view: str,
    partition: Partition | None,
    warehouse: Warehouse,
    runtime: Runtime,
    environment: Sequence[EnvironmentPart] | None,
    versions: Mapping[str, SourceVersion],
) -> Materialisation:
    """``materialise``, which fails where the sources do not have these versions any more by the end."""
    inputs = Inputs.take(plan, view, warehouse, partition)
    view_plan = plan.views[view]
    declared = view_plan.view
    hide = hider(plan.project, declared, plan.inlined_into(view))
    with warehouse.stage(view, partition) as stage:
        file = stage.folder / "part-0.parquet"
        with reporting(declared.where, inputs.locations(), hide, plan.called_functions(view)):
            ctx = runtime.session()
            plan.functions.register(ctx)
            inputs.register(ctx)
            sizes = input_sizes(inputs)
            query = plan_query(ctx, declared, plan.project.params_of(declared), functions=plan.functions)
            if environment is None:
                environment = capture_environment(plan)
            started_at = datetime.now(timezone.utc)
            started = time.monotonic()
            # The text of the view goes into no other statement: COPY names what the guard let through.
            ctx.register_view(RESULT, query)
            copy = analyzed_copy(ctx, RESULT, file)
            # Python captures the plan while DataFusion executes it. Where the execution fails,
            # its error is the one that counts; where the capture fails, nothing is published.
            capturing = runtime.captures.submit(capture_bundle, ctx, plan, view_plan, query, environment)
            try:
                with GAUGE.measuring() as peak:
                    explained = copy.collect()
            finally:
                wait([capturing])
            bundle = capturing.result()
            # Taken after the execution: a plan taken before holds no metrics.
            root = copied_operators(copy, explained, hide)
            inputs.check_present()
            rows = rows_written(root)
            footer = _check_whole(file, rows, declared.where)
            if partition is not None:
                check_within(footer, declared, partition)
        _check_unchanged(plan, view, versions)
        provenance = provenance_of(plan, view, inputs.results, versions, [str(file)])
        with publishing(declared.where):
            publication = warehouse.publish(stage, rows, provenance)
    wall_seconds = time.monotonic() - started
    profile = RunProfile(
        view=view,
        started_at=started_at,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds(root),
        output_rows=publication.rows,
        output_bytes=publication.bytes,
        root=root,
    )
    return Materialisation(publication, profile, bundle, sizes, peak.bytes)


def capture_bundle(
    ctx: SessionContext,
    plan: ProjectPlan,
    view_plan: ViewPlan,
    query: DataFrame,
    environment: Sequence[EnvironmentPart],
) -> PlanBundle:
    """The bundle of a planned query, with the outcome of what ``planning.validate`` asks for."""
    captured = capture(ctx, plan, view_plan, query, environment)
    bundle = captured.bundle
    volatile = bundle.identity.volatile_functions
    mode = plan.project.planning.validate
    session, frame = captured.message_ctx, captured.message_frame
    if mode == "execute" and not volatile:
        session, frame = ctx, captured.frame  # over the real tables
    outcome = validate(mode, session, frame, bundle.substrait, volatile)
    return replace(bundle, substrait=replace(bundle.substrait, validation=outcome))


def _check_whole(file: Path, rows: int, where: str) -> pq.FileMetaData:
    """Read the footer back: the file is there, ends as it should and has the rows that were counted."""
    footer = pq.read_metadata(file)
    written = footer.num_rows
    if written != rows:
        raise ExecutionError(
            where,
            f"the written file has {written} rows, but DataFusion counted {rows}",
            "Check the disk of the output folder, then run the view again.",
        )
    return footer
