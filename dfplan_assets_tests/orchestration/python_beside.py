"""A shop with Python assets between its views, and what they were given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from dfplan_assets.orchestration.building import build_view_assets
from dfplan_assets.orchestration.io_manager import DfplanIOManager
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets_tests.small_projects import plan_of, write_shop

SCORES = {"asset": "models/scores", "columns": {"name": "string", "score": "float64"}}
RANKED = "select name, score from scores where score > 1"


def write_scored_shop(folder: Path, scores: Mapping[str, Any] = SCORES, **more_views: str) -> Path:
    """The shop, a table ``scores`` that the asset models/scores makes, and the view ``ranked`` over it."""
    write_shop(folder, ranked=RANKED, **more_views)
    change_project(folder, sources={"scores": scores})
    return folder


def change_project(folder: Path, **settings: Any) -> None:
    """Puts settings into the project's file; sources beside those that it has."""
    file = folder / "dfplan.yaml"
    document = json.loads(file.read_text(encoding="utf-8"))
    sources = {**document["sources"], **settings.pop("sources", {})}
    file.write_text(json.dumps({**document, **settings, "sources": sources}), encoding="utf-8")


def definitions(plan: ProjectPlan, *assets: dg.AssetsDefinition) -> dg.Definitions:
    """The views of a project beside Python assets, as a user writes it."""
    return dg.Definitions(
        assets=[*build_view_assets(plan), *assets], resources={"dfplan_io_manager": DfplanIOManager(plan)}
    )


def run(
    folder: Path,
    *assets: dg.AssetsDefinition,
    instance: dg.DagsterInstance | None = None,
    select: list[str] | None = None,
    **options: Any,
) -> dg.ExecuteInProcessResult:
    """One run, in this process, of all views and these assets, or of the assets of these keys."""
    job = definitions(plan_of(folder), *assets).resolve_implicit_global_asset_job_def()
    keys = None if select is None else [dg.AssetKey.from_user_string(key) for key in select]
    return job.execute_in_process(
        instance=instance or dg.DagsterInstance.ephemeral(),
        asset_selection=keys,
        raise_on_error=False,
        **options,
    )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step says, by its key."""
    found = {}
    for event in result.get_failed_step_keys():
        data = result.failure_data_for_node(event)
        assert data is not None
        said = data.user_failure_data
        found[event] = data.error_display_string if said is None else str(said.description)
    return found


def materialization(result: dg.ExecuteInProcessResult, key: str) -> dg.AssetMaterialization:
    """The event of an asset's new result."""
    (found,) = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == dg.AssetKey.from_user_string(key)
    ]
    return found
