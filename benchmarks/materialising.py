"""Materialising the demo in one process, against a bare loop of the same COPY statements.

The bare loop plans and copies each view in one DataFusion session, upstream first, and registers
each result for those downstream: what a script without this package would do. The product's time
runs from the start of Dagster's run to its end. Both alternate, in one process, on the same files.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import dfplan_assets.demo
from dfplan_assets.demo.data import make
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.planning.session import execution_context
from dfplan_assets.planning.sources import register_result, register_source
from dfplan_assets.project import load_project

ROUNDS = 3


class _Silent:
    def on_selected(self, views: tuple[str, ...]) -> None:
        """Says nothing."""

    def on_order(self, line: str) -> None:
        """Says nothing."""

    def on_start(self, view: str) -> None:
        """Says nothing."""

    def on_outcome(self, outcome: object) -> None:
        """Says nothing."""


def main() -> None:
    """Prints both times of each round and the median of the rounds' ratios."""
    scale = os.environ.get("DFPLAN_BENCH_SCALE", "1")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "demo"
        demo = Path(dfplan_assets.demo.__file__).parent
        shutil.copytree(
            demo, root, ignore=shutil.ignore_patterns("data", "warehouse", ".dfplan", "__pycache__")
        )
        # The bare loop knows no partitions.
        (root / "views/marts/sales/daily_revenue.sql").unlink()
        make(root, scale)
        os.environ.pop("DAGSTER_HOME", None)
        started = time.perf_counter()
        from dfplan_assets.orchestration.runs import run_views

        imported = time.perf_counter()
        plan = plan_project(load_project(root))
        planned = time.perf_counter()
        print(f"materialising the demo at scale {scale}: {len(plan.views)} views")
        print(f"  start-up apart: imports {imported - started:.2f} s, planning {planned - imported:.2f} s")
        bare, product = [], []
        for number in range(ROUNDS):
            bare.append(bare_loop(plan, Path(folder) / f"bare{number}"))
            started = time.perf_counter()
            report = run_views(plan, None, _Silent())
            product.append(time.perf_counter() - started)
            assert report.success
            print(f"  round {number + 1}: bare loop {bare[-1]:6.2f} s, run {product[-1]:6.2f} s")
        # Pair by pair, since the speed of a machine drifts from round to round.
        ratios = [run / loop for run, loop in zip(product, bare, strict=True)]
        print(f"  medians: bare loop {statistics.median(bare):.2f} s, run {statistics.median(product):.2f} s")
        print(
            f"  ratio of a round: median {statistics.median(ratios):.2f}, "
            f"{min(ratios):.2f} to {max(ratios):.2f}"
        )


def bare_loop(plan: ProjectPlan, output: Path) -> float:
    """Seconds that planning and copying each view takes in one session, into a folder that it removes."""
    output.mkdir()
    started = time.perf_counter()
    ctx = execution_context(plan.project.engine, None)
    for name, schema in plan.source_schemas.items():
        register_source(ctx, plan.project.sources[name], schema)
    for name, view_plan in plan.views.items():
        file = output / f"{name}.parquet"
        query = plan_query(ctx, view_plan.view, plan.project.params_of(view_plan.view))
        ctx.register_view("bare result", query)
        ctx.sql(f"COPY \"bare result\" TO '{file}' STORED AS PARQUET").collect()
        ctx.deregister_table("bare result")
        register_result(ctx, name, [str(file)], view_plan.schema)
    seconds = time.perf_counter() - started
    shutil.rmtree(output)
    return seconds
