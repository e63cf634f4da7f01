"""What past runs cost is read at once for all views."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from dataclasses import fields, replace
from datetime import timedelta, timezone

import pytest

from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost
from dfplan_assets.store import RunRecord, Store, open_store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)


def put_runs(store: Store, view: str, *hours: int, **changes: object) -> None:
    for hour in hours:
        run = samples.run(view, started_at=MORNING + hour * HOUR, wall_seconds=1.0 + hour)
        store.put_run(replace(run, **changes))  # type: ignore[arg-type]


def seconds_of(found: dict[str, tuple[MeasuredRun, ...]]) -> dict[str, list[float | None]]:
    return {view: [run.wall_seconds for run in runs] for view, runs in found.items()}


def test_the_runs_that_started_last_are_given_for_each_view_the_newest_first(store: Store) -> None:
    put_runs(store, "a", 2, 0, 3, 1)
    put_runs(store, "b", 5)
    put_runs(store, "not asked for", 1)
    found = store.measured_runs(["a", "b", "never ran"], runs_each=3)
    assert seconds_of(found) == {"a": [4.0, 3.0, 2.0], "b": [6.0]}


def test_runs_of_another_status_do_not_count(store: Store) -> None:
    put_runs(store, "a", 0, 1, 2)
    put_runs(store, "a", 3, 4, status="profiled")
    store.put_run(samples.failed_run("a", started_at=MORNING + 5 * HOUR))
    found = store.measured_runs(["a"], runs_each=2, status="succeeded")
    assert seconds_of(found) == {"a": [3.0, 2.0]}
    assert [run.status for run in store.measured_runs(["a"], runs_each=2)["a"]] == ["failed", "profiled"]


def test_of_runs_that_started_at_once_no_more_are_given_than_asked_for(store: Store) -> None:
    for number in range(4):
        store.put_run(replace(samples.run("a"), dagster_run_id=str(number)))
    found = store.recent_runs(["a"], runs_each=2)
    assert [run.dagster_run_id for run in found["a"]] == ["3", "2"]


def test_both_ways_of_reading_runs_say_the_same(store: Store) -> None:
    put_runs(store, "a", 0, 1)
    put_runs(store, "b", 2, attempt=2, partition_key="2026-03-01", cores=None, inputs=())
    store.put_run(samples.failed_run("b", started_at=MORNING.astimezone(timezone(timedelta(hours=5)))))
    measured = store.measured_runs(["a", "b"], runs_each=9)
    recent = store.recent_runs(["a", "b"], runs_each=9)
    assert list(measured) == list(recent)
    for view, runs in recent.items():
        same = [
            MeasuredRun(**{field.name: getattr(run, field.name) for field in fields(MeasuredRun)})
            for run in runs
        ]
        assert list(measured[view]) == same
        assert {run.started_at.tzinfo for run in measured[view]} == {timezone.utc}
    assert recent["a"][0] == store.latest_runs(["a"])["a"]


@pytest.mark.parametrize("runs_each", [0, -1])
def test_asking_for_no_runs_is_refused(store: Store, runs_each: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        store.recent_runs(["a"], runs_each=runs_each)


def test_views_may_be_more_than_one_statement_takes(sqlite_store: Store) -> None:
    put_runs(sqlite_store, "a", 0)
    names = [*(f"view {number}" for number in range(20_001)), "a"]
    assert seconds_of(sqlite_store.measured_runs(names, runs_each=1)) == {"a": [1.0]}


def test_the_cost_of_operators_is_summed_by_name_with_the_rows_that_they_took_in(store: Store) -> None:
    put_runs(store, "a", 0, 1)
    store.put_run(samples.failed_run("a", started_at=MORNING + 2 * HOUR))
    put_runs(store, "a", 3, status="profiled")
    # In each run, microseconds as many as rows that come out: 25 rows aggregated from 1,500 that were
    # joined from 25 and 1,500 scanned. The sink counts no time.
    assert store.operator_costs() == (
        OperatorCost(name="AggregateExec", operators=2, rows=2 * 1_500, seconds=2 * 25e-6),
        OperatorCost(name="DataSourceExec", operators=4, rows=2 * 1_525, seconds=2 * 1_525e-6),
        OperatorCost(name="HashJoinExec", operators=2, rows=2 * 1_525, seconds=2 * 1_500e-6),
    )


def test_only_the_successful_runs_that_were_stored_last_count(store: Store) -> None:
    put_runs(store, "a", 0, 1, 2)
    store.put_run(samples.failed_run("a", started_at=MORNING + 9 * HOUR))
    assert {cost.name: cost.operators for cost in store.operator_costs(latest_runs=2)} == {
        "AggregateExec": 2,
        "DataSourceExec": 4,
        "HashJoinExec": 2,
    }


def test_a_store_without_runs_has_no_costs(store: Store) -> None:
    assert store.operator_costs() == ()
    assert store.measured_runs(["a"], runs_each=1) == {}


def spilling_run() -> RunRecord:
    """A run of two scans of Parquet files under a sort that spilled."""

    def operator(name: str, metrics: dict[str, int], *children: OperatorProfile) -> OperatorProfile:
        return OperatorProfile(name, name, 1, None, None, metrics, None, None, children)

    def scan(read: int, pruned: int, matched: int) -> OperatorProfile:
        counts = {"bytes_scanned": read, "row_groups_pruned": pruned, "row_groups_matched": matched}
        return operator("DataSourceExec", counts)

    root = operator("SortExec", {"spilled_bytes": 70}, scan(100, 3, 1), scan(20, 0, 5))
    run = samples.run()
    assert run.profile is not None
    return replace(run, profile=replace(run.profile, root=root))


def test_a_run_is_summed_up_with_what_it_spilled_scanned_and_skipped(store: Store) -> None:
    store.put_run(spilling_run())
    (found,) = store.recent_runs(["revenue"], runs_each=1)["revenue"]
    assert (found.spilled_bytes, found.bytes_scanned) == (70, 120)
    assert (found.row_groups_pruned, found.row_groups_matched) == (3, 6)
    frame = store.runs("revenue")
    assert frame[["spilled_bytes", "bytes_scanned", "row_groups_pruned", "row_groups_matched"]].iloc[
        0
    ].tolist() == [70, 120, 3, 6]


def test_what_no_operator_counted_is_not_known_but_nothing_was_spilled(store: Store) -> None:
    store.put_run(samples.run())
    store.put_run(samples.failed_run(started_at=MORNING + HOUR))
    failed, succeeded = store.recent_runs(["revenue"], runs_each=2)["revenue"]
    assert (succeeded.spilled_bytes, succeeded.bytes_scanned, succeeded.row_groups_pruned) == (0, None, None)
    assert (failed.spilled_bytes, failed.bytes_scanned) == (None, None)


def test_an_infinity_that_something_else_stored_is_read_as_unknown(sqlite_store_url: str) -> None:
    url = sqlite_store_url
    schedule = samples.schedule()
    with open_store(url) as store:
        key = store.put_run(samples.run())
        store.put_schedule(schedule)
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("update dfplan_run set wall_seconds = 9e999, cpu_seconds = -9e999")
        connection.execute("update dfplan_schedule set lower_bound_seconds = 9e999")
        connection.execute("update dfplan_prediction set estimated_seconds = 9e999, slack_seconds = 9e999")
    with open_store(url) as store:
        (summary,) = store.recent_runs(["revenue"], runs_each=1)["revenue"]
        profile = store.run(key).profile
        read = store.schedule(schedule.dagster_run_id)
    assert (summary.wall_seconds, summary.cpu_seconds) == (None, None)
    assert profile is not None
    assert math.isnan(profile.wall_seconds)
    assert math.isnan(profile.cpu_seconds)
    assert read is not None
    assert read.lower_bound_seconds is None
    assert all(math.isnan(each.estimated_seconds) for each in read.predictions)
