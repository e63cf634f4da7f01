"""A project as Dagster definitions."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from threading import Lock

import dagster as dg

from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.assets import source_specs, view_assets
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan


class ProjectRunner:
    """Materialises the views of one planned project, all of them over one runtime.

    Nothing is opened or written before the first view runs; the runtime is closed when the process
    ends. May be called from several threads.
    """

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._warehouse = Warehouse.of(plan.project)
        self._opening = Lock()
        self._opened: Runtime | None = None

    def __call__(self, view: str) -> Materialisation:
        """Runs a view and publishes its result."""
        return materialise(self._plan, view, self._warehouse, self._runtime())

    def _runtime(self) -> Runtime:
        with self._opening:
            if self._opened is None:
                self._warehouse.sweep(())  # a view prunes its own results when it publishes
                resources = ExitStack()
                atexit.register(resources.close)
                self._opened = resources.enter_context(
                    open_runtime(self._plan.project.engine, self._warehouse)
                )
            return self._opened


def project_definitions(plan: ProjectPlan, translator: DfplanTranslator | None = None) -> dg.Definitions:
    """The assets of a planned project, run one after the other in the process of the run."""
    translator = translator or DfplanTranslator()
    return dg.Definitions(
        assets=[*view_assets(plan, translator, ProjectRunner(plan)), *source_specs(plan, translator)],
        # DataFusion uses all cores for one view; a process for each step costs seconds in imports.
        executor=dg.in_process_executor,
    )
