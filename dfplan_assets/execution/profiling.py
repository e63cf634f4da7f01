"""Running a view to measure it: the same plan over the same tables as for good, nothing published."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from dfplan_assets.execution.analysis import cpu_seconds
from dfplan_assets.execution.analyzed_copy import analyzed_copy, copied_operators, rows_written
from dfplan_assets.execution.failures import reporting
from dfplan_assets.execution.input_sizes import input_sizes
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.materialise import RESULT, capture_bundle
from dfplan_assets.execution.memory import GAUGE
from dfplan_assets.execution.partition_checks import partition_to_run
from dfplan_assets.execution.profile import InputSize, RunProfile
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import PlanBundle, ProjectPlan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.partitions import at_partition
from dfplan_assets.planning.secrets import hider


@dataclass(frozen=True)
class Profiled:
    """What a view cost, the bundle of its plan, its inputs and the memory it took at most.

    In ``profile`` the operators have the rows that the planner expected among their metrics.
    ``output_bytes`` are those of the file that was written and thrown away, ``peak_memory_bytes`` is None
    where the system cannot tell. The values of secret parameters stand in none of it.
    """

    profile: RunProfile
    bundle: PlanBundle
    inputs: tuple[InputSize, ...]
    peak_memory_bytes: int | None


def profile_view(
    plan: ProjectPlan,
    view: str,
    warehouse: Warehouse,
    runtime: Runtime,
    partition_key: str | None = None,
) -> Profiled:
    """Run a view, or one partition of it, once under EXPLAIN ANALYZE and throw its result away.

    What is explained is the COPY that a materialisation runs, so that the plan is that of a run: without it
    the engine leaves out, for one, the sort that nobody would see. The wall seconds count executing and
    writing. Raises what ``materialise`` raises.
    """
    partition = partition_to_run(plan.views[view].view, partition_key)
    if partition is not None:
        plan = at_partition(plan, view, partition.key)
    inputs = Inputs.take(plan, view, warehouse, partition)
    view_plan = plan.views[view]
    declared = view_plan.view
    hide = hider(plan.project, declared, plan.inlined_into(view))
    with warehouse.scratch(f"profiling {view}") as folder:
        file = folder / "part-0.parquet"
        with reporting(declared.where, inputs.locations(), hide, plan.called_functions(view)):
            ctx = runtime.session()
            plan.functions.register(ctx)
            inputs.register(ctx)
            sizes = input_sizes(inputs)
            query = plan_query(ctx, declared, plan.project.params_of(declared), functions=plan.functions)
            bundle = capture_bundle(ctx, plan, view_plan, query, capture_environment(plan))
            ctx.register_view(RESULT, query)
            copy = analyzed_copy(ctx, RESULT, file)
            started_at = datetime.now(timezone.utc)
            started = time.monotonic()
            with GAUGE.measuring() as peak:
                explained = copy.collect()
            wall_seconds = time.monotonic() - started
            inputs.check_present()
        output_bytes = file.stat().st_size
    root = copied_operators(copy, explained, hide)
    profile = RunProfile(
        view=view,
        started_at=started_at,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds(root),
        output_rows=rows_written(root),
        output_bytes=output_bytes,
        root=root,
    )
    return Profiled(profile, bundle, sizes, peak.bytes)
