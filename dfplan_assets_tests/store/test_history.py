"""The history of a view as DataFrames, and what a store says of itself."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from dfplan_assets.store import Store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)


@pytest.fixture
def busy_store(store: Store) -> Store:
    """A view with two plans, runs of both and one that failed; and another view."""
    first = store.put_bundle(samples.bundle(), at=MORNING)
    second = store.put_bundle(samples.bundle(year=2001), at=MORNING + 2 * HOUR)
    for hours, wall_seconds in ((0, 1.0), (1, 3.0)):
        run = samples.run(started_at=MORNING + hours * HOUR, wall_seconds=wall_seconds, bundle_key=first)
        store.put_run(run)
    third = samples.run(started_at=MORNING + 2 * HOUR, wall_seconds=0.25, bundle_key=second)
    store.put_run(third)
    store.put_run(samples.failed_run(started_at=MORNING + 3 * HOUR))
    store.put_run(samples.run("nations"))
    return store


def test_the_runs_of_a_view_come_oldest_first_with_types(busy_store: Store) -> None:
    runs = busy_store.runs("revenue")
    assert runs["started_at"].tolist() == [MORNING + hours * HOUR for hours in range(4)]
    assert runs["status"].tolist() == ["succeeded"] * 3 + ["failed"]
    assert runs["wall_seconds"].tolist()[:3] == [1.0, 3.0, 0.25]
    assert runs["wall_seconds"].isna().tolist() == [False, False, False, True]
    assert runs["output_rows"].tolist() == [25, 25, 25, pd.NA]
    assert runs["failure"].tolist()[3] == "Arrow error: Divide by zero error"
    assert str(runs["started_at"].dtype) == "datetime64[us, UTC]"
    assert str(runs["output_rows"].dtype) == "Int64"


def test_each_row_of_the_runs_names_a_run_that_can_be_read(busy_store: Store) -> None:
    runs = busy_store.runs("revenue")
    assert [busy_store.run(key).started_at for key in runs["key"]] == runs["started_at"].tolist()


def test_the_plans_of_a_view_say_what_changed_and_how_their_runs_went(busy_store: Store) -> None:
    plans = busy_store.history("revenue")
    assert plans["fingerprint"].tolist() == [
        samples.bundle(year=year).identity.fingerprint for year in (1994, 2001)
    ]
    # The year is a literal of the query and a parameter; the display of the plan does not name it.
    assert plans["changed_parts"].tolist() == ["", "meaning, parameters"]
    assert plans["runs"].tolist() == [2, 1]
    assert plans["succeeded"].tolist() == [2, 1]
    assert plans["median_wall_seconds"].tolist() == [2.0, 0.25]
    assert plans["last_run_at"].tolist() == [MORNING + HOUR, MORNING + 2 * HOUR]


def test_the_plans_carry_the_figures_of_their_topology(busy_store: Store) -> None:
    first = busy_store.history("revenue").iloc[0]
    figures = {"operators": 3, "hash_repartitions": 1, "round_robin_repartitions": 0, "pipeline_breakers": 1}
    figures |= {"sort_preserving_merges": 0, "scans": 1, "scan_files": 1, "scan_bytes": 123_456}
    assert {name: first[name] for name in figures} == figures
    assert first["output_partitions"] == 2


def test_a_view_without_history_has_empty_frames_with_the_same_columns(busy_store: Store) -> None:
    for read in (busy_store.runs, busy_store.history):
        empty, filled = read("unknown"), read("revenue")
        assert len(empty) == 0
        assert dict(empty.dtypes) == dict(filled.dtypes)


def test_a_store_says_what_it_holds(busy_store: Store) -> None:
    info = busy_store.info()
    assert (info.version, info.views, info.bundles, info.runs, info.operators) == (2, 2, 2, 5, 20)
    assert info.size_bytes > info.stored_bytes > 0
    assert (info.first_planned_at, info.last_planned_at) == (MORNING, MORNING + 2 * HOUR)
    assert info.last_run_at == MORNING + 3 * HOUR


def test_an_empty_store_says_so(store: Store) -> None:
    info = store.info()
    assert (info.views, info.bundles, info.runs, info.contents, info.stored_bytes) == (0, 0, 0, 0, 0)
    assert (info.first_planned_at, info.last_planned_at, info.last_run_at) == (None, None, None)
