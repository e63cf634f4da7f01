"""A project as Dagster definitions."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

import dagster as dg

from dfplan_assets.orchestration.assets import source_assets, source_specs, view_assets
from dfplan_assets.orchestration.executor import build_executor
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import PythonAssets, python_assets
from dfplan_assets.orchestration.runner import ProjectRunner
from dfplan_assets.orchestration.translator import DfplanTranslator, check_keys
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Scheduling


def project_definitions(plan: ProjectPlan, translator: DfplanTranslator | None = None) -> dg.Definitions:
    """The assets of a planned project, run as its ``dfplan.yaml`` says: how, and when by themselves.

    With them are the Python assets of the modules under ``extends:``, and their resources. Without a
    translator the project's own is taken. Raises ProjectError for a schedule whose selection means nothing,
    for a translator that gives two tables one key, and as ``python_assets`` does.
    """
    # A run here and now, which needs none of these, need not wait for their imports.
    from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
    from dfplan_assets.orchestration.schedules import build_schedules
    from dfplan_assets.orchestration.source_sensor import build_source_sensor

    translator = translator or translator_of(plan.project)
    check_keys(plan, translator)
    assets = _definitions(plan, translator, None, source_assets(plan, translator))
    scheduled = build_schedules(plan, assets, translator, python=_whole(python_assets(plan, translator)))
    return dg.Definitions(
        assets=assets.assets,
        asset_checks=assets.asset_checks,
        resources=assets.resources,
        executor=assets.executor,
        schedules=scheduled.schedules,
        sensors=[
            build_drift_sensor(plan, translator),
            *build_source_sensor(plan, translator),
            *scheduled.sensors,
        ],
    )


def run_definitions(
    plan: ProjectPlan, translator: DfplanTranslator, views: Collection[str] | None = None
) -> dg.Definitions:
    """What a run needs that makes these views with their checks, or anything; no op observes sources, the
    views' own do.

    Making the assets of a thousand views takes seconds, which a run of a few need not wait for.
    """
    check_keys(plan, translator)
    return _definitions(plan, translator, views, source_specs(plan, translator).values())


def _definitions(
    plan: ProjectPlan,
    translator: DfplanTranslator,
    views: Collection[str] | None,
    sources: Iterable[dg.AssetsDefinition | dg.AssetSpec],
) -> dg.Definitions:
    python = python_assets(plan, translator)
    if views is not None:
        python = python.checks_of(map(translator.get_asset_key, views))
    return dg.Definitions(
        assets=[*view_assets(plan, translator, ProjectRunner(plan), views), *sources, *python.assets],
        asset_checks=python.checks,
        resources=python.resources,
        executor=executor_for(plan.project.scheduling),
    )


def _whole(python: PythonAssets) -> frozenset[dg.AssetKey]:
    """The Python assets that a schedule can run: those without partitions."""
    return frozenset(key for key in python.keys if python.partitions_of(key) is None)


@functools.lru_cache
def executor_for(scheduling: Scheduling) -> dg.ExecutorDefinition:
    """One executor for all projects with these settings: Dagster merges definitions that have the same."""
    return build_executor(scheduling)
