"""Running a view to measure it: the same plan over the same tables as for good, nothing published."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from dfplan_assets.execution.analysis import cpu_seconds, walk
from dfplan_assets.execution.failures import reporting
from dfplan_assets.execution.input_sizes import input_sizes
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.materialise import RESULT, capture_bundle
from dfplan_assets.execution.memory import GAUGE
from dfplan_assets.execution.metrics import profile_operators
from dfplan_assets.execution.partition_checks import partition_to_run
from dfplan_assets.execution.profile import ESTIMATED_ROWS, InputSize, OperatorProfile, RunProfile
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import PlanBundle, ProjectPlan
from dfplan_assets.planning.catalog import file_url
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.partitions import at_partition
from dfplan_assets.planning.secrets import hider

_STATISTICS = re.compile(r", statistics=\[Rows=(?:(?:Exact|Inexact)\((\d+)\)|Absent)")


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
        with reporting(declared.where, inputs.locations(), hide):
            ctx = runtime.session()
            plan.functions.register(ctx)
            inputs.register(ctx)
            sizes = input_sizes(inputs)
            query = plan_query(ctx, declared, plan.project.params_of(declared))
            bundle = capture_bundle(ctx, plan, view_plan, query, capture_environment(plan))
            ctx.register_view(RESULT, query)
            # After the bundle, whose texts it would change.
            ctx.sql("SET datafusion.explain.show_statistics = true").collect()
            analyze = ctx.sql(f"EXPLAIN ANALYZE COPY \"{RESULT}\" TO '{file_url(file)}' STORED AS PARQUET")
            started_at = datetime.now(timezone.utc)
            started = time.monotonic()
            with GAUGE.measuring() as peak:
                explained = analyze.collect()
            wall_seconds = time.monotonic() - started
            (executed,) = analyze.execution_plan().children()
            inputs.check_present()
        output_bytes = file.stat().st_size
    text = "\n".join(str(row) for batch in explained for row in batch.column("plan").to_pylist())
    root = _with_estimates(profile_operators(executed, hide), text)
    profile = RunProfile(
        view=view,
        started_at=started_at,
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds(root),
        output_rows=root.metrics["rows_written"],
        output_bytes=output_bytes,
        root=root,
    )
    return Profiled(profile, bundle, sizes, peak.bytes)


def _with_estimates(root: OperatorProfile, explained: str) -> OperatorProfile:
    """The operators with the rows expected of them, which the text of the explained plan names in pre-order.

    As they were where the text names another number of them: a literal of the query may look alike.
    """
    estimates = [found.group(1) for found in _STATISTICS.finditer(explained)]
    if len(estimates) != sum(1 for _ in walk(root)):
        return root
    return _estimated(root, iter(estimates))


def _estimated(operator: OperatorProfile, estimates: Iterator[str | None]) -> OperatorProfile:
    rows = next(estimates)
    metrics = operator.metrics if rows is None else {**operator.metrics, ESTIMATED_ROWS: int(rows)}
    children = tuple(_estimated(child, estimates) for child in operator.children)
    return replace(operator, metrics=metrics, children=children)
