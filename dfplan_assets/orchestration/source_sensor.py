"""The sensor that tells Dagster of changed sources, so that ``automation`` can react to them."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG, extract_data_version_from_entry

from dfplan_assets.execution.source_versions import source_versions
from dfplan_assets.orchestration.project_on_disk import listed
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import sources_read

SOURCE_SENSOR = "dfplan_sources"


def build_source_sensor(
    plan: ProjectPlan, translator: DfplanTranslator, chosen: Collection[str] | None = None
) -> list[dg.SensorDefinition]:
    """A sensor that observes sources without a run; none where no view, of those chosen, runs by itself.

    Dagster evaluates ``automation`` by what it was told. Without observations it would wait for sources that
    it never heard of.
    """
    declared = plan.project.sources
    sources = tuple(name for name in sources_read(plan) if not declared[name].is_published)
    views = [view for name, view in plan.project.views.items() if chosen is None or name in chosen]
    if not sources or not any(translator.get_automation_condition(plan, view) for view in views):
        return []
    key_of = translator.get_asset_key

    def observe(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        observations, untold = [], []
        for name, version in source_versions(plan.project, sources).items():
            if version.version is None:
                untold.append(f"{name}: {version.problem}")
                continue
            record = context.instance.get_latest_data_version_record(key_of(name), is_source=True)
            known = None if record is None else extract_data_version_from_entry(record.event_log_entry)
            if known is None or known.value != version.version:
                observations.append(
                    dg.AssetObservation(key_of(name), tags={DATA_VERSION_TAG: version.version})
                )
        if observations:
            return dg.SensorResult(asset_events=observations)
        said = f" Those that cannot be told: {listed(untold, '; ')}." if untold else ""
        return dg.SensorResult(skip_reason=f"None of {len(sources)} sources changed.{said}")

    return [
        dg.SensorDefinition(
            name="_".join([*translator.settings.asset_key_prefix, SOURCE_SENSOR]),
            evaluation_fn=observe,
            minimum_interval_seconds=plan.project.drift_sensor.every_seconds,
            description="Observes sources that changed, for views with automation.",
        )
    ]
