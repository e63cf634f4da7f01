"""A project as Dagster definitions."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import dagster as dg

from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.assets import source_specs, view_assets
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan


class ProjectRunner:
    """Materialises the views of one planned project, all of them over one runtime.

    Nothing is opened or written before the first view runs. May be called from several threads.
    """

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._lock = Lock()

    def __call__(self, view: str) -> Materialisation:
        """Runs a view and publishes its result."""
        with self._lock:
            runtime = self._runtime
        return materialise(self._plan, view, Warehouse.of(self._plan.project), runtime)

    @cached_property
    def _runtime(self) -> Runtime:
        return Runtime(self._plan.project.engine)


def project_definitions(plan: ProjectPlan, translator: DfplanTranslator | None = None) -> dg.Definitions:
    """The assets of a planned project, run one after the other in the process of the run.

    Raises ViewError where Dagster does not take what a view's front matter declares.
    """
    translator = translator or DfplanTranslator()
    return dg.Definitions(
        assets=[*view_assets(plan, translator, ProjectRunner(plan)), *source_specs(plan, translator)],
        # DataFusion uses all cores for one view; a process for each step costs seconds in imports.
        executor=dg.in_process_executor,
    )
