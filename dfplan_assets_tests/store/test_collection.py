"""A collection removes what no kept bundle or run refers to, and nothing else."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Collected, Store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)


def put_years(store: Store, view: str, years: range) -> list[str]:
    return [store.put_bundle(samples.bundle(view, year=year), at=MORNING + year * HOUR) for year in years]


def test_nothing_is_collected_while_everything_is_kept(store: Store) -> None:
    put_years(store, "revenue", range(3))
    store.put_run(samples.run())
    before = store.info()
    assert store.gc() == Collected(0, 0, 0, 0, 0, 0, 0)
    assert store.gc(keep_bundles=3, keep_runs=1) == Collected(0, 0, 0, 0, 0, 0, 0)
    assert store.info() == before


def test_the_bundles_planned_last_are_kept_for_each_view(store: Store) -> None:
    old = put_years(store, "revenue", range(3)) + put_years(store, "nations", range(1))
    collected = store.gc(keep_bundles=2)
    assert collected.bundles == 1
    with pytest.raises(StoreError, match="dfplan store gc removed it"):
        store.bundle(old[0])
    assert store.bundle(old[1]) == samples.bundle(year=1)
    assert store.bundle(old[2]) == samples.bundle(year=2)
    assert store.bundle(old[3]) == samples.bundle("nations", year=0)


def test_what_only_removed_bundles_refer_to_is_removed_with_them(store: Store) -> None:
    store.put_bundle(samples.bundle(year=2001, engine="56.0.0"), at=MORNING + HOUR)
    expected = store.info()
    store.put_bundle(samples.bundle(path="elsewhere.parquet"), at=MORNING)
    before = store.info()
    collected = store.gc(keep_bundles=1)
    after = store.info()
    assert (after.contents, after.stored_bytes) == (expected.contents, expected.stored_bytes)
    assert collected.contents == before.contents - expected.contents
    assert collected.stored_bytes == before.stored_bytes - expected.stored_bytes
    assert (collected.bundles, collected.environments, collected.topologies) == (1, 1, 1)


def test_the_bundle_of_the_latest_successful_run_is_kept(store: Store) -> None:
    first, _, last = put_years(store, "revenue", range(3))
    store.put_run(samples.run(bundle_key=first))
    store.put_run(samples.failed_run(started_at=MORNING + HOUR))
    assert store.gc(keep_bundles=1).bundles == 1
    assert [record.key for record in store.bundles("revenue")] == [last, first]


def test_runs_outlive_the_bundles_they_ran(store: Store) -> None:
    first, _ = put_years(store, "revenue", range(2))
    key = store.put_run(samples.run(bundle_key=first))
    store.put_run(samples.run(started_at=MORNING + HOUR))
    assert store.gc(keep_bundles=1).bundles == 1
    assert store.run(key) == samples.run(bundle_key=first)
    assert len(store.runs("revenue")) == 2


def test_the_latest_runs_are_kept_for_each_view(store: Store) -> None:
    for view in ("a", "b"):
        for hours in range(4):
            store.put_run(samples.run(view, started_at=MORNING + hours * HOUR, wall_seconds=1.0 + hours))
    collected = store.gc(keep_runs=1)
    assert collected.runs == 6
    # The displays are the same for all runs of a view, the metrics too in these.
    assert store.info().operators == 2 * 5
    assert {view: run.wall_seconds for view, run in store.latest_runs(["a", "b"]).items()} == {
        "a": 4.0,
        "b": 4.0,
    }


def test_the_error_texts_of_runs_go_with_them(store: Store) -> None:
    store.put_run(samples.failed_run())
    store.put_run(samples.run(started_at=MORNING + HOUR))
    assert store.gc(keep_runs=1).contents == 1


@pytest.mark.parametrize("keep", [{"keep_bundles": 0}, {"keep_runs": 0}, {"keep_bundles": -1}])
def test_keeping_nothing_is_refused(store: Store, keep: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="keep at least one"):
        store.gc(**keep)


def test_the_file_shrinks(sqlite_store: Store) -> None:
    path = sqlite_store._database.address.path
    assert path is not None
    for year in range(30):
        sqlite_store.put_bundle(samples.bundle(year=year, settings=1_000 + year), at=MORNING + year * HOUR)
    sqlite_store.gc()
    before = os.path.getsize(path)
    sqlite_store.gc(keep_bundles=1)
    assert os.path.getsize(path) * 3 < before
    assert sqlite_store.info().size_bytes == os.path.getsize(path)
