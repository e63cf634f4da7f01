from __future__ import annotations

from datetime import datetime, timezone

import pytest

from dfplan_assets.forecast.comparison import Ran, compare
from dfplan_assets.forecast.records import recorded_comparison, recorded_timeline, schedule_record
from dfplan_assets.scheduling.model import Slot
from dfplan_assets_tests.schedules import schedule_of

SLOTS = [Slot("a", 0, 0.0, 2.0), Slot("b", 1, 0.0, 1.0), Slot("c", 0, 2.0, 4.0)]
SCHEDULE = schedule_of(SLOTS, critical=["a", "c"], upstream={"c": ("a",)})
RAN = [Ran("a", 0.0, 3.0, True), Ran("b", 0.0, 0.5, True), Ran("c", 3.0, 5.0, True)]


def test_each_estimate_has_its_error() -> None:
    compared = compare(SCHEDULE, RAN)
    assert (compared.predicted_seconds, compared.actual_seconds) == (4.0, 5.0)
    assert {view.name: view.ratio for view in compared.views} == {"a": 1.5, "b": 0.5, "c": 1.0}
    assert compared.median_error == 1.5  # of 1.5, 2 and 1


def test_the_bound_is_the_longest_path_of_what_was_measured() -> None:
    assert compare(SCHEDULE, RAN).actual_lower_bound_seconds == 5.0  # a and c


def test_the_bound_is_the_work_where_that_is_more() -> None:
    ran = [Ran("a", 0.0, 3.0, True), Ran("b", 0.0, 9.0, True), Ran("c", 3.0, 7.0, True)]
    one_worker = schedule_of(SLOTS, workers=1)
    assert compare(one_worker, ran).actual_lower_bound_seconds == 16.0


def test_a_retry_counts_as_work_and_not_as_error() -> None:
    ran = [Ran("a", 0.0, 8.0, False), Ran("a", 8.0, 10.0, True, attempt=2), *RAN[1:]]
    compared = compare(SCHEDULE, ran)
    assert compared.views[0].actual_seconds == 2.0
    assert compared.actual_lower_bound_seconds == 12.0  # both attempts, then c


def test_what_failed_or_never_ran_has_no_actual_time() -> None:
    compared = compare(SCHEDULE, [Ran("a", 0.0, 1.0, False)])
    assert [view.actual_seconds for view in compared.views] == [None, None, None]
    assert compared.median_error is None


def test_a_clock_that_jumped_back_makes_no_negative_time() -> None:
    assert compare(SCHEDULE, [Ran("a", 5.0, 1.0, True)]).views[0].actual_seconds == 0.0


def test_nothing_ran() -> None:
    compared = compare(SCHEDULE, [])
    assert (compared.actual_seconds, compared.actual_lower_bound_seconds) == (0.0, 0.0)


def test_what_is_recorded_says_the_same_later() -> None:
    record = schedule_record(
        SCHEDULE,
        RAN,
        dagster_run_id="run",
        started_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
        mode="measured",
        notes=["one.", "two."],
    )
    assert record.note == "one. two."
    now, later = compare(SCHEDULE, RAN), recorded_comparison(record)
    assert later.views == now.views
    assert (later.predicted_seconds, later.actual_seconds) == (now.predicted_seconds, now.actual_seconds)
    schedule, ran = recorded_timeline(record)
    assert schedule.critical_path == ("a", "c")
    assert {(slot.name, slot.start_seconds, slot.end_seconds) for slot in schedule.timeline.slots} == {
        (slot.name, slot.start_seconds, slot.end_seconds) for slot in SLOTS
    }
    assert sorted(ran, key=lambda each: each.name) == RAN
    assert schedule.timeline.makespan_seconds == pytest.approx(4.0)
