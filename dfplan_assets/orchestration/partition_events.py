"""What Dagster is told of several partitions that one step made.

Dagster gives all partitions that a step returns one data version and one provenance. A partition is compared
with its own last result and needs its own, or another range would make each of them look new. So the step
logs the materialisations itself, with the tags that Dagster would have put on each of them alone, and returns
a result for which Dagster logs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.execution.plan.execute_step import (
    _build_data_version_tags,
    _get_input_provenance_data,
)

from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.data_versions import provenance_tags
from dfplan_assets.planning.bundle import ProjectPlan

ALREADY_LOGGED: Mapping[str, bool] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""Metadata of a result whose events the step has logged: Dagster, which has it for the like, logs no more."""


def log_materialisations(
    context: dg.AssetExecutionContext,
    project: ProjectPlan,
    spec: dg.AssetSpec,
    key_of: Callable[[str], dg.AssetKey],
    done: Iterable[tuple[Publication, Mapping[str, dg.MetadataValue]]],
) -> None:
    """Logs a materialisation for each result, with its metadata, its data version and what it was made of."""
    step = context.op_execution_context._step_execution_context
    code_version = spec.code_version or context.run_id
    read = _get_input_provenance_data(spec.key, step)
    for publication, metadata in done:
        version = dg.DataVersion(publication.data_version)
        context.log_event(
            dg.AssetMaterialization(
                spec.key,
                metadata=metadata,
                partition=publication.partition_key,
                tags={
                    **_build_data_version_tags(version, code_version, read, True),
                    **provenance_tags(project, publication.view, key_of, publication),
                },
            )
        )
