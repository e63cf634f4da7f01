"""The order of a run is kept as it was predicted, and replaced when the run has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dfplan_assets.errors import StoreError
from dfplan_assets.store import PredictionRecord, Queue, Recorder, ScheduleRecord, Store, open_store
from dfplan_assets_tests.store import samples, strategies
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)
SHARED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ended(schedule: ScheduleRecord, seconds: float = 1.5) -> ScheduleRecord:
    first, *others = schedule.predictions
    ran = replace(first, actual_start_seconds=0.0, actual_end_seconds=seconds, attempt=2)
    return replace(schedule, actual_makespan_seconds=seconds, predictions=(ran, *others))


@SHARED
@given(schedule=strategies.schedules())
def test_every_schedule_comes_back_equal(store: Store, schedule: ScheduleRecord) -> None:
    store.put_schedule(schedule)
    expected = store.schedule(schedule.dagster_run_id)
    # Another example may have put one that has ended, of the same run.
    if expected is not None and expected.actual_makespan_seconds == schedule.actual_makespan_seconds:
        assert expected == schedule
    else:
        assert schedule.actual_makespan_seconds is None


@SHARED
@given(schedule=strategies.schedules())
def test_the_queue_keeps_them_equal_too(
    sqlite_store_url: str, tmp_path: Path, schedule: ScheduleRecord
) -> None:
    queue = Queue(tmp_path / "queue")
    queue.add_schedule(schedule)
    with open_store(sqlite_store_url) as store:
        store.put_schedule(replace(schedule, note="replaced", actual_makespan_seconds=None, predictions=()))
        before = store.schedule(schedule.dagster_run_id)
        assert before is not None
        drained = queue.drain(store)
        assert (drained.stored, drained.unreadable, drained.stopped) == (1, (), None)
        if before.actual_makespan_seconds is None:
            assert store.schedule(schedule.dagster_run_id) == schedule


def test_there_is_no_schedule_of_a_run_that_had_none(store: Store) -> None:
    assert store.schedule("nowhere") is None
    assert store.latest_schedule() is None


def test_a_schedule_replaces_that_of_the_same_run_as_a_whole(store: Store) -> None:
    store.put_schedule(samples.schedule(views=3))
    store.put_schedule(samples.schedule(views=2))
    assert store.schedule("run") == samples.schedule(views=2)


def test_how_a_run_ended_is_not_replaced_by_what_was_expected_of_it(store: Store) -> None:
    before = samples.schedule()
    store.put_schedule(ended(before))
    store.put_schedule(before)
    assert store.schedule("run") == ended(before)
    store.put_schedule(ended(before, 2.5))
    assert store.schedule("run") == ended(before, 2.5)


def test_the_latest_schedule_is_of_the_run_that_started_last(store: Store) -> None:
    for run, hours in (("a", 1), ("b", 2), ("c", 0)):
        store.put_schedule(samples.schedule(run, started_at=MORNING + hours * HOUR))
    latest = store.latest_schedule()
    assert latest is not None
    assert latest.dagster_run_id == "b"


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf")])
def test_a_schedule_of_seconds_that_are_no_finite_number_is_kept_without_them(
    store: Store, seconds: float
) -> None:
    first = samples.schedule().predictions[0]
    broken = replace(first, estimated_seconds=seconds, predicted_end_seconds=seconds)
    store.put_schedule(replace(samples.schedule(), lower_bound_seconds=seconds, predictions=(broken,)))
    found = store.schedule("run")
    assert found is not None
    assert found.lower_bound_seconds is None
    assert found.predictions[0].estimated_seconds != found.predictions[0].estimated_seconds
    assert found.predictions[0].predicted_end_seconds is None


def test_a_schedule_that_cannot_be_kept_is_refused_with_the_value(store: Store) -> None:
    with pytest.raises(StoreError, match="has no time zone"):
        store.put_schedule(samples.schedule(started_at=datetime(2026, 3, 1)))
    with pytest.raises(StoreError, match=r"dfplan_schedule\.workers cannot hold the number"):
        store.put_schedule(replace(samples.schedule(), workers=1 << 40))
    assert store.latest_schedule() is None


def test_a_recorder_queues_a_schedule_while_the_store_is_away_and_stores_it_later(tmp_path: Path) -> None:
    home = tmp_path / "kept"
    home.write_text("in the way of the folder", encoding="utf-8")
    recorder = Recorder(
        f"sqlite:///{home}/plans.db", tmp_path / "queue", clock=iter(range(0, 999, 60)).__next__
    )
    deferred = recorder.record_schedule(samples.schedule())
    assert deferred.deferred is not None
    assert deferred.lost is None
    home.unlink()
    after = recorder.record_schedule(ended(samples.schedule()))
    assert after.drained is not None
    assert (after.deferred, after.drained.stored) == (None, 1)
    recorder.close()
    with open_store(f"sqlite:///{home}/plans.db") as store:
        assert store.schedule("run") == ended(samples.schedule())


def test_a_collection_takes_the_schedules_of_dagster_runs_that_it_takes_the_last_runs_of(
    store: Store,
) -> None:
    for run in ("old", "half", "new", "failed before any view"):
        store.put_schedule(samples.schedule(run))
    for run, view, hours in (("old", "a", 0), ("half", "a", 1), ("half", "b", 1), ("new", "a", 2)):
        store.put_run(replace(samples.run(view, started_at=MORNING + hours * HOUR), dagster_run_id=run))
    assert store.gc(keep_runs=1).schedules == 1
    assert store.schedule("old") is None
    assert all(store.schedule(run) is not None for run in ("half", "new", "failed before any view"))


def test_the_fields_of_a_prediction_are_all_stored(store: Store) -> None:
    prediction = PredictionRecord(
        view="v",
        partition_key="2026-03-01",
        position=0,
        priority=7,
        estimated_seconds=1.0,
        low_seconds=0.5,
        high_seconds=2.0,
        source="scaled ×1.8",
        bottom_level_seconds=3.0,
        slack_seconds=0.25,
        predicted_start_seconds=0.125,
        predicted_end_seconds=1.125,
        actual_start_seconds=0.0625,
        actual_end_seconds=1.0625,
        attempt=1,
    )
    store.put_schedule(replace(samples.schedule(), predictions=(prediction,)))
    found = store.schedule("run")
    assert found is not None
    assert found.predictions == (prediction,)
