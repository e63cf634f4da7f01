"""Whatever the types allow comes back equal, from the store and from the queue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store import Queue, RunRecord, Store
from dfplan_assets.store.bundle_format import encode_bundle
from dfplan_assets_tests.store import samples, strategies
from dfplan_assets_tests.store.samples import MORNING

# The store is the same for all examples: what is in it already must make no difference.
SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(bundle=strategies.bundles)
def test_every_bundle_comes_back_equal(store: Store, bundle: PlanBundle) -> None:
    expected = replace(bundle, planning_seconds=0.0)
    read = store.bundle(store.put_bundle(expected, at=MORNING))
    assert read == expected
    assert read.schema.equals(expected.schema, check_metadata=True)
    assert list(read.lineage.columns) == list(expected.lineage.columns)


@SHARED
@given(run=strategies.runs())
def test_every_run_comes_back_equal(store: Store, run: RunRecord) -> None:
    assert store.run(store.put_run(run)) == run


@settings(SHARED, max_examples=25)
@given(bundle=strategies.bundles, run=strategies.runs())
def test_the_queue_keeps_them_equal_too(
    sqlite_store: Store, tmp_path: Path, bundle: PlanBundle, run: RunRecord
) -> None:
    queue = Queue(tmp_path / "queue")
    expected = replace(bundle, planning_seconds=0.0)
    bundle_key, run_key = queue.add_bundle(expected, at=MORNING), queue.add_run(run)
    drained = queue.drain(sqlite_store)
    assert (drained.stored, drained.unreadable, drained.stopped) == (2, (), None)
    assert sqlite_store.bundle(bundle_key) == expected
    assert sqlite_store.run(run_key) == run


@pytest.mark.parametrize(
    "change",
    [
        {"view": "other"},
        {"sql": "select 1"},
        {"schema": samples.bundle().schema.remove_metadata()},
        {"schema": pa.schema([pa.field("name", pa.string())])},
        {"logical_plan": "Projection"},
        {"optimized_plan": "Projection"},
        {"physical_plan": "ProjectionExec"},
        {"tree": "ProjectionExec"},
        {"tree_refusal": "too wide"},
        {"rules": None},
        {"rules": ()},
        {"topology": ()},
        {"parameters": ()},
        {"environment": ()},
        {"lineage": replace(samples.bundle().lineage, unused_tables=())},
        {"substrait": replace(samples.bundle().substrait, message=None)},
        {"substrait": replace(samples.bundle().substrait, refusal="no")},
        {"identity": replace(samples.bundle().identity, complete="0" * 64)},
    ],
)
def test_every_difference_is_another_key(change: dict[str, Any]) -> None:
    assert encode_bundle(replace(samples.bundle(), **change)).key != encode_bundle(samples.bundle()).key


def test_the_key_of_a_bundle_stays_what_it_was() -> None:
    # A change here orphans what users have stored: it needs a new format beside this one.
    assert encode_bundle(samples.bundle()).key == (
        "69bede7517f2b2c7abf29c0a07a0f2c37fbebbebcab3298a9b68dfdf696231b6"
    )


def test_the_order_of_a_mapping_without_order_is_no_difference() -> None:
    bundle = samples.bundle()
    parts = dict(sorted(bundle.identity.parts.items(), reverse=True))
    required = dict(sorted(bundle.lineage.required_columns.items(), reverse=True))
    turned = replace(
        bundle,
        identity=replace(bundle.identity, parts=parts),
        lineage=replace(bundle.lineage, required_columns=required),
    )
    assert turned == bundle
    assert encode_bundle(turned).key == encode_bundle(bundle).key
