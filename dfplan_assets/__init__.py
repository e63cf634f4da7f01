"""A folder of SQL views becomes a Dagster project whose graph comes from DataFusion's query plans.

What stands in ``__all__`` is the package's Python interface. Nothing of it is imported before it is asked
for, so that what needs neither Dagster nor DataFusion starts without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dfplan_assets import errors
    from dfplan_assets.orchestration.building import build_definitions, build_view_assets
    from dfplan_assets.orchestration.component import DfplanProject
    from dfplan_assets.orchestration.datafusion_resource import DataFusionResource
    from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
    from dfplan_assets.orchestration.executor import dfplan_executor, with_measured_priorities
    from dfplan_assets.orchestration.io_manager import DfplanIOManager
    from dfplan_assets.orchestration.translator import DfplanTranslator, DfplanTranslatorSettings
    from dfplan_assets.planning.project_plan import plan_project
    from dfplan_assets.project import load_project
    from dfplan_assets.scheduling import simulate

__version__ = "0.1.0"

__all__ = [
    "DataFusionResource",
    "DfplanIOManager",
    "DfplanProject",
    "DfplanTranslator",
    "DfplanTranslatorSettings",
    "__version__",
    "build_definitions",
    "build_drift_sensor",
    "build_view_assets",
    "dfplan_executor",
    "errors",
    "load_project",
    "plan_project",
    "simulate",
    "with_measured_priorities",
]

# A name stands here, in __all__ and among the imports above; a test holds the three together.
_MODULES = {
    "DataFusionResource": "orchestration.datafusion_resource",
    "DfplanIOManager": "orchestration.io_manager",
    "DfplanProject": "orchestration.component",
    "DfplanTranslator": "orchestration.translator",
    "DfplanTranslatorSettings": "orchestration.translator",
    "build_definitions": "orchestration.building",
    "build_drift_sensor": "orchestration.drift_sensor",
    "build_view_assets": "orchestration.building",
    "dfplan_executor": "orchestration.executor",
    "load_project": "project",
    "plan_project": "planning.project_plan",
    "simulate": "scheduling",
    "with_measured_priorities": "orchestration.executor",
}


if not TYPE_CHECKING:  # or any name at all would seem to be there

    def __getattr__(name: str) -> object:
        if name == "errors":
            return import_module("dfplan_assets.errors")
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        # Every `dg` command imports all that is listed here to find components among it, so that what is
        # heavy, or might fail for a reason of its own, must not be.
        return sorted({*globals(), "DfplanProject"})
