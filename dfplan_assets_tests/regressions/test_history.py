from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfplan_assets.regressions.cause import plan_change
from dfplan_assets.regressions.history import history_of, read_histories
from dfplan_assets.regressions.verdict import judge
from dfplan_assets.store import BundleRecord, open_store
from dfplan_assets_tests.regressions.simulated import noisy, store_runs, summaries
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

BUNDLES = [
    BundleRecord(f"bundle of {plan}", "revenue", MORNING, MORNING, 0.01, samples.identity(meaning=plan))
    for plan in ("a", "b")
]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "failed", "wall_seconds": None},
        {"status": "canceled"},
        {"status": "cached"},
        {"status": "profiled"},
        {"attempt": 2},
        {"wall_seconds": None},
        {"wall_seconds": 0.0},
        {"wall_seconds": -1.0},
        {"wall_seconds": float("nan")},
        {"wall_seconds": float("inf")},
    ],
)
def test_what_is_no_measured_first_attempt_does_not_count(change: dict[str, object]) -> None:
    runs = summaries("a", [1.0, 2.0, 3.0])
    runs[1] = replace(runs[1], **change)  # type: ignore[arg-type]
    found = history_of("revenue", runs, BUNDLES)
    assert [each.wall_seconds for each in found.runs] == [1.0, 3.0]


def test_runs_come_in_the_order_of_time() -> None:
    runs = summaries("a", [1.0, 2.0, 3.0])
    found = history_of("revenue", [runs[2], runs[0], runs[1]], BUNDLES)
    assert [each.wall_seconds for each in found.runs] == [1.0, 2.0, 3.0]


def test_other_cores_and_other_partitions_are_kept_apart() -> None:
    runs = [
        *summaries("a", [9.0, 9.0], cores=1),
        *summaries("a", [8.0], first=2, partition_key="2026-03-01"),
        *summaries("a", [1.0, 2.0], first=3),
    ]
    found = history_of("revenue", runs, BUNDLES)
    assert [each.wall_seconds for each in found.runs] == [1.0, 2.0]
    assert (found.cores, found.partition_key, found.elsewhere) == (2, None, 3)
    assert "3 on other cores or for other partitions do not count" in judge(found).reason


def test_runs_of_plans_that_are_gone_are_counted_and_left_out() -> None:
    found = history_of("revenue", summaries("gone", [1.0, 2.0]) + summaries("a", [3.0], first=2), BUNDLES)
    assert [each.wall_seconds for each in found.runs] == [3.0]
    assert found.unknown_plan == 2


def test_a_stored_history_gives_the_verdict_with_the_cause_of_the_change(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/plans.db") as store:
        before = store_runs(store, samples.bundle(year=1994), noisy(1.0, 12), input_bytes=500)
        after = store_runs(store, samples.bundle(year=1995), noisy(2.0, 12), first=12, input_bytes=500)
        store_runs(store, samples.bundle("quiet"), noisy(1.0, 3))
        found = read_histories(store, ["revenue", "quiet", "never ran"])
        verdict = judge(found["revenue"])
        change = plan_change(store, verdict)
    assert verdict.kind == "regression"
    assert verdict.before is not None
    assert verdict.current is not None
    assert (verdict.before.bundle_key, verdict.current.bundle_key) == (before, after)
    assert verdict.before.input_bytes == 500
    assert change is not None
    assert "1994" in change.cause
    assert "1995" in change.cause
    assert len(found["quiet"].runs) == 3
    assert found["never ran"].runs == ()


def test_plans_that_differ_in_file_paths_alone_are_one(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/plans.db") as store:
        for number, path in enumerate(["v1.parquet", "v2.parquet"]):
            bundle = replace(samples.bundle(), physical_plan=f"DataSourceExec: {path}")
            store_runs(store, bundle, noisy(1.0, 12, seed=number), first=12 * number)
        verdict = judge(read_histories(store, ["revenue"])["revenue"])
    assert (verdict.kind, verdict.plan_changed) == ("steady", False)
    assert verdict.current is not None
    assert verdict.current.runs == 12
