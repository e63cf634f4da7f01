"""A project as Dagster definitions."""

from __future__ import annotations

import dagster as dg

from dfplan_assets.orchestration.assets import source_assets, source_specs, view_assets
from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
from dfplan_assets.orchestration.executor import build_executor
from dfplan_assets.orchestration.runner import ProjectRunner
from dfplan_assets.orchestration.schedules import build_schedules
from dfplan_assets.orchestration.source_sensor import build_source_sensor
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan


def project_definitions(
    plan: ProjectPlan, translator: DfplanTranslator | None = None, *, observable: bool = True
) -> dg.Definitions:
    """The assets of a planned project, run as ``scheduling`` in its ``dfplan.yaml`` says.

    Without ``observable`` there is no op that observes sources, no schedule and no sensor, for a run here and
    now that makes views. Raises ProjectError for a schedule whose selection means nothing.
    """
    translator = translator or DfplanTranslator()
    sources = source_assets(plan, translator) if observable else source_specs(plan, translator).values()
    assets = dg.Definitions(
        assets=[*view_assets(plan, translator, ProjectRunner(plan)), *sources],
        executor=build_executor(plan.project.scheduling),
    )
    if not observable:
        return assets
    return dg.Definitions(
        assets=assets.assets,
        executor=assets.executor,
        schedules=build_schedules(plan, assets, translator),
        sensors=[build_drift_sensor(plan, translator), *build_source_sensor(plan, translator)],
    )
