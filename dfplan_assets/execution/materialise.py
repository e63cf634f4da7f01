"""Running a view once: its result published, and what the execution cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.failures import reporting
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.metrics import cpu_seconds, profile_operators
from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.secrets import hider
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.sources import file_url

# No view or source has a space in its name, so this hides none of them.
_RESULT = "result of the view"


@dataclass(frozen=True)
class Materialisation:
    """A view's new result, what it cost, and the physical plan that ran, as DataFusion's indented text.

    The values of secret parameters stand in none of it.
    """

    publication: Publication
    profile: RunProfile
    physical_plan: str


def materialise(plan: ProjectPlan, view: str, warehouse: Warehouse, runtime: Runtime) -> Materialisation:
    """Run a view once and publish its result.

    The query reads the results that the views upstream have when it starts. The profile's wall seconds count
    planning, executing and publishing. Several threads may materialise different views at once.

    Raises ExecutionError where the view fails while it runs or its result cannot be published, SourceError
    where a source is missing or unreadable, PlanningError where the query cannot be planned. Nothing is
    published then, and the last result stays.
    """
    started_at = datetime.now(timezone.utc)
    started = time.monotonic()
    inputs = Inputs.take(plan, view, warehouse)
    declared = plan.views[view].view
    hide = hider(plan.project, declared)
    with warehouse.stage(view) as stage:
        file = stage.folder / "part-0.parquet"
        with reporting(declared.where, inputs.locations(), hide):
            ctx = runtime.session()
            inputs.register(ctx)
            query = plan_query(ctx, declared, plan.project.params_of(declared))
            # The text of the view goes into no other statement: COPY names what the guard let through.
            ctx.register_view(_RESULT, query)
            copy = ctx.sql(f"COPY \"{_RESULT}\" TO '{file_url(file)}' STORED AS PARQUET")
            counts = copy.collect()
            # Taken after the execution: a plan taken before holds no metrics.
            executed = copy.execution_plan()
            inputs.check_present()
            rows = sum(count for batch in counts for count in batch.column(0).to_pylist())
            _check_whole(file, rows, declared.where)
        publication = warehouse.publish(stage, rows)
    wall_seconds = time.monotonic() - started
    root = profile_operators(executed, hide)
    profile = RunProfile(
        view=view,
        started_at=started_at,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds(root),
        output_rows=publication.rows,
        output_bytes=publication.bytes,
        root=root,
    )
    return Materialisation(publication, profile, hide(executed.display_indent()))


def _check_whole(file: Path, rows: int, where: str) -> None:
    """Read the footer back: the file is there, ends as it should and has the rows that were counted."""
    written = pq.read_metadata(file).num_rows
    if written != rows:
        raise ExecutionError(
            where,
            f"the written file has {written} rows, but DataFusion counted {rows}",
            "Check the disk of the output folder, then run the view again.",
        )
