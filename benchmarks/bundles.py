"""Capturing whole bundles of the demo's views over their real tables: milliseconds a view."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import dfplan_assets.demo
from dfplan_assets.demo.data import make
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.validation import validate
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.capture import capture
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project

ROUNDS = 3


def main() -> None:
    """Prints the median and the largest time of a capture, and of the validation by decoding."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "demo"
        ignored = shutil.ignore_patterns("data", "warehouse", ".dfplan", "__pycache__")
        shutil.copytree(Path(dfplan_assets.demo.__file__).parent, root, ignore=ignored)
        make(root, "0.01")
        plan = plan_project(load_project(root))
        warehouse = Warehouse.of(plan.project)
        environment = capture_environment(plan)
        captures, validations = [], []
        with open_runtime(plan.project.engine, warehouse) as runtime:
            # One that is made by partition has no plan but that of a partition.
            views = {name: each for name, each in plan.views.items() if each.view.partitions is None}
            for view in views:
                materialise(plan, view, warehouse, runtime, environment)
            for view, view_plan in [*views.items()] * ROUNDS:
                ctx = runtime.session()
                Inputs.take(plan, view, warehouse).register(ctx)
                frame = plan_query(ctx, view_plan.view, plan.project.params_of(view_plan.view))
                started = time.perf_counter()
                captured = capture(ctx, plan, view_plan, frame, environment)
                middle = time.perf_counter()
                validate("decode", ctx, captured.frame, captured.bundle.substrait, ())
                captures.append(1000 * (middle - started))
                validations.append(1000 * (time.perf_counter() - middle))
    print(f"capturing a bundle: {len(views)} views of the demo, {ROUNDS} times each")
    print(f"  median {statistics.median(captures):.1f} ms, largest {max(captures):.1f} ms")
    print(f"  validation by decoding: median {statistics.median(validations):.1f} ms")
