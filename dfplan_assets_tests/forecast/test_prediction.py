from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.forecast.measurements import Measurements, stored_measurements
from dfplan_assets.forecast.prediction import predict
from dfplan_assets.store import PredictionRecord, ScheduleRecord, open_store
from dfplan_assets_tests.run_history import LONG_AHEAD, put_history
from dfplan_assets_tests.small_projects import plan_of, write_shop

SECONDS = {"revenue": [2.0], "best": [1.0], "mart.cheap": [2.5]}


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfplan_assets.forecast.prediction.usable_cores", lambda: 4)


def test_what_steps_take_beside_their_views_is_in_the_timeline(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, SECONDS)
    measured = stored_measurements(plan.project, plan.all_views)
    beside = Measurements(measured.runs, measured.operators, step_overhead_seconds=0.25)
    without = predict(plan, plan.all_views, measured, workers=2)
    with_overhead = predict(plan, plan.all_views, beside, workers=2)
    assert without.timeline.makespan_seconds == pytest.approx(3.0)
    assert with_overhead.timeline.makespan_seconds == pytest.approx(3.5)  # revenue and best
    assert any("0.250 s more" in reason for reason in with_overhead.reasons)


def test_the_overhead_is_that_of_the_last_run_without_its_first_steps(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))

    def step(position: int, view: str, start: float, end: float) -> PredictionRecord:
        return PredictionRecord(
            view=view,
            position=position,
            priority=1,
            estimated_seconds=1.0,
            low_seconds=1.0,
            high_seconds=1.0,
            source="history n=1",
            bottom_level_seconds=1.0,
            slack_seconds=0.0,
            actual_start_seconds=start,
            actual_end_seconds=end,
            attempt=1,
        )

    put_history(plan, SECONDS, dagster_run_id="run")
    steps = (step(0, "revenue", 0.0, 9.0), step(1, "best", 9.0, 10.25), step(2, "mart.cheap", 10.25, 13.0))
    with open_store(plan.project.store) as store:
        store.put_schedule(
            ScheduleRecord(
                dagster_run_id="run",
                started_at=LONG_AHEAD,
                mode="measured",
                workers=1,
                views=3,
                actual_makespan_seconds=13.0,
                predictions=steps,
            )
        )
        # best took 1 s in a step of 1.25 s, mart.cheap 2.5 s in one of 2.75 s; revenue came first.
        assert store.step_overheads() == pytest.approx((0.25, 0.25))
    assert stored_measurements(plan.project, plan.all_views).step_overhead_seconds == pytest.approx(0.25)


def test_a_store_without_schedules_knows_no_overhead(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, SECONDS)
    assert stored_measurements(plan.project, plan.all_views).step_overhead_seconds == 0.0
