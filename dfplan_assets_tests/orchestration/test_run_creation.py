from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.snap import JobSnap

from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.run_creation import create_run, run_events, run_job
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets_tests.small_projects import plan_of, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def definitions(shop: Path) -> dg.Definitions:
    return run_definitions(plan_of(shop), DfplanTranslator())


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path) as instance:
        yield instance


_ALL = frozenset({dg.AssetKey("revenue"), dg.AssetKey("best"), dg.AssetKey(["mart", "cheap"])})


def _planned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[tuple[str | None, dg.AssetKey | None]]:
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    return [(entry.step_key, entry.get_dagster_event().asset_key) for entry in events]


def _snapshot(instance: dg.DagsterInstance, run: dg.DagsterRun) -> JobSnap:
    assert run.job_snapshot_id is not None
    return instance.get_job_snapshot(run.job_snapshot_id)


def test_a_run_of_some_views_is_the_run_that_dagster_would_create(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    selected = frozenset({dg.AssetKey("revenue"), dg.AssetKey("best")})
    job = run_job(definitions, selected)
    ours = create_run(instance, job)
    dagsters = instance.create_run_for_job(
        job_def=definitions.resolve_implicit_global_asset_job_def(),
        run_config=ours.run_config,
        asset_selection=set(selected),
        remote_job_origin=ours.remote_job_origin,
    )
    # The ids of the snapshots are hashes of texts in which a set's members stand in any order.
    apart = {"run_id": "", "job_snapshot_id": "", "execution_plan_snapshot_id": ""}
    assert ours._replace(**apart) == dagsters._replace(**apart)
    assert _snapshot(instance, ours) == _snapshot(instance, dagsters)
    assert _snapshot(instance, ours).lineage_snapshot is not None
    assert _planned(instance, ours) == _planned(instance, dagsters)


def test_a_run_of_all_views_names_each_and_is_cut_out_of_nothing(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    run = create_run(instance, run_job(definitions, _ALL))
    assert run.asset_selection == _ALL
    assert {key for _, key in _planned(instance, run)} == _ALL
    assert _snapshot(instance, run).lineage_snapshot is None


def test_a_run_makes_what_it_selects_and_no_more(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    job = run_job(definitions, frozenset({dg.AssetKey("revenue")}))
    run = create_run(instance, job)
    frozen = {gc.get_freeze_count() > 0 for _ in run_events(instance, job, run)}
    assert frozen == {True}
    assert gc.get_freeze_count() == 0
    stored = instance.get_run_by_id(run.run_id)
    assert stored is not None
    assert stored.is_success
    assert {stats.step_key for stats in instance.get_run_step_stats(run.run_id)} == {"revenue"}
