"""What Dagster is told of sources and results, asked back from its instance."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    extract_data_provenance_from_entry,
    extract_data_version_from_entry,
)

from dfplan_assets.execution.source_versions import source_version
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop


def execute(
    shop: Path, instance: dg.DagsterInstance, *keys: str, stale: bool = False
) -> dg.ExecuteInProcessResult:
    job = project_definitions(plan_of(shop)).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
        tags={STALE_TAG: "true"} if stale else None,
        raise_on_error=False,
    )


def version_of(shop: Path, source: str) -> str | None:
    project = plan_of(shop).project
    return source_version(project.sources[source], project.root).version


def observed(instance: dg.DagsterInstance, source: str) -> str | None:
    record = instance.get_latest_data_version_record(dg.AssetKey(source), is_source=True)
    version = None if record is None else extract_data_version_from_entry(record.event_log_entry)
    return None if version is None else version.value


def later(file: Path) -> None:
    modified = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(modified, modified))


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def test_making_the_definitions_warns_of_nothing(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        project_definitions(plan)


def test_a_project_without_sources_has_nothing_to_observe(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_project(tmp_path, {"one.sql": "select 1 as x"})))
    assert {node.name for node in definitions.resolve_implicit_global_asset_job_def().nodes} == {"one"}


def test_a_view_may_have_the_name_of_the_op_that_observes(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = write_shop(tmp_path, observe_sources="select 1 as x")
    assert execute(shop, instance, "observe_sources", "orders").success


def test_observing_tells_the_versions_of_sources(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = write_shop(tmp_path)
    assert execute(shop, instance, "orders").success
    assert observed(instance, "orders") == version_of(shop, "orders")
    assert observed(instance, "nation") is None
    later(shop / "data/orders.parquet")
    assert observed(instance, "orders") != version_of(shop, "orders")
    assert execute(shop, instance, "orders", "nation").success
    assert observed(instance, "orders") == version_of(shop, "orders")


def test_a_source_that_cannot_tell_fails_the_observation_after_all_others(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = write_shop(tmp_path)
    document = (shop / "dfplan.yaml").read_text()
    told = '{"path": "data/nation.csv", "data_version": "absent_of_all:latest"}'
    (shop / "dfplan.yaml").write_text(document.replace('"data/nation.csv"', told))
    result = execute(shop, instance, "nation", "orders")
    assert not result.success
    (failure,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failure.user_failure_data is not None
    assert "the module absent_of_all of absent_of_all:latest cannot be imported" in str(
        failure.user_failure_data.description
    )
    assert observed(instance, "orders") == version_of(shop, "orders")


def test_a_materialisation_says_of_what_it_was_made(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = write_shop(tmp_path)
    result = execute(shop, instance, "revenue", "best")
    plan = plan_of(shop)
    published = {view: Warehouse.of(plan.project).current(view) for view in ("revenue", "best")}
    for event in result.get_asset_materialization_events():
        (view,) = event.materialization.asset_key.path
        publication = published[view]
        assert publication is not None
        assert publication.provenance is not None
        tags = event.materialization.tags or {}
        assert tags[DATA_VERSION_TAG] == publication.data_version
        assert tags[CODE_VERSION_TAG] == plan.views[view].identity.fingerprint
        record = instance.get_latest_data_version_record(dg.AssetKey(view))
        assert record is not None
        provenance = extract_data_provenance_from_entry(record.event_log_entry)
        assert provenance is not None
        told = {key.path[0]: version.value for key, version in provenance.input_data_versions.items()}
        assert told == publication.provenance.inputs
    assert observed(instance, "orders") == version_of(shop, "orders")


def test_a_step_observes_what_it_read_and_no_more_than_is_new(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = write_shop(tmp_path)

    def observations(*keys: str) -> set[str]:
        events = execute(shop, instance, *keys).get_asset_observation_events()
        return {event.asset_observation_data.asset_observation.asset_key.to_user_string() for event in events}

    assert observations("revenue") == {"orders", "nation"}
    assert observations("revenue", "mart/cheap") == set()
    later(shop / "data/nation.csv")
    assert observations("mart/cheap") == set()
    assert observations("revenue") == {"nation"}


def test_a_run_that_is_tagged_takes_older_results_and_says_so(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = write_shop(tmp_path)
    execute(shop, instance, "revenue", "best")
    warehouse = Warehouse.of(plan_of(shop).project)
    before = warehouse.current("revenue"), warehouse.current("best")
    result = execute(shop, instance, "revenue", "best", stale=True)
    assert result.success
    assert (warehouse.current("revenue"), warehouse.current("best")) == before
    for event in result.get_asset_materialization_events():
        metadata = event.materialization.metadata
        assert "Not run: neither its meaning nor anything that it reads changed" in str(
            metadata["dfplan/cached"].value
        )
        assert "dagster/column_lineage" in metadata
        assert "dfplan/wall_seconds" not in metadata
    later(shop / "data/nation.csv")
    assert execute(shop, instance, "revenue", "best", stale=True).success
    assert (warehouse.current("revenue"), warehouse.current("best")) != before


def test_checks_are_evaluated_on_the_older_result_too(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = write_shop(tmp_path)
    document = (shop / "dfplan.yaml").read_text()
    (shop / "dfplan.yaml").write_text(
        document.replace('"name": "test"', '"name": "test", "checks": {"result_schema": "block"}')
    )
    execute(shop, instance, "revenue")
    result = execute(shop, instance, "revenue", stale=True)
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.passed


def test_without_the_tag_every_view_runs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = write_shop(tmp_path)
    execute(shop, instance, "revenue")
    before = Warehouse.of(plan_of(shop).project).current("revenue")
    execute(shop, instance, "revenue")
    assert Warehouse.of(plan_of(shop).project).current("revenue") != before


def test_a_view_with_volatile_functions_has_a_code_version_that_no_view_has(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = write_shop(tmp_path, stamped="select now() as at, id from orders")
    (event,) = execute(shop, instance, "stamped").get_asset_materialization_events()
    fingerprint = plan_of(shop).views["stamped"].identity.fingerprint
    assert (event.materialization.tags or {})[
        CODE_VERSION_TAG
    ] == f"{fingerprint} never up to date: uses now()"
