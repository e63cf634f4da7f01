"""Estimates for views that never ran, by hand."""

from __future__ import annotations

import math

import pytest

from dfplan_assets.scheduling.cost_model import UNIT_SECONDS, estimate, unit_estimate
from dfplan_assets.scheduling.model import Estimate, MeasuredRun, OperatorCost, Task
from dfplan_assets_tests.scheduling.samples import past_run, shape, task


def estimates(
    tasks: list[Task], runs: list[MeasuredRun] | None = None, costs: list[OperatorCost] | None = None
) -> dict[str, Estimate]:
    return estimate(tasks, runs or [], costs or [], history_runs=10, cores=2)


def cost(name: str, operators: int, seconds: float) -> OperatorCost:
    return OperatorCost(name=name, operators=operators, rows=1000, seconds=seconds)


COSTS = [cost("DataSourceExec", 10, 5.0), cost("HashJoinExec", 4, 8.0), cost("ProjectionExec", 6, 1.0)]


def test_without_any_measurement_all_views_cost_a_unit() -> None:
    found = estimates([task("a"), task("b", "a")])
    assert {name: each.seconds for name, each in found.items()} == {"a": UNIT_SECONDS, "b": UNIT_SECONDS}
    assert found["a"].kind == found["a"].source == "topology"
    assert found["a"].low_seconds == UNIT_SECONDS / 10
    assert found["a"].high_seconds == UNIT_SECONDS * 10
    assert unit_estimate().seconds == UNIT_SECONDS


def test_without_measurement_plans_cost_more_where_they_must_wait_more() -> None:
    found = estimates(
        [task("plain", shape=shape()), task("wide", shape=shape(joins=2, aggregates=1)), task("unplanned")]
    )
    assert found["plain"].seconds == pytest.approx(UNIT_SECONDS)
    assert found["wide"].seconds == pytest.approx(4 * UNIT_SECONDS)
    assert found["unplanned"].seconds == pytest.approx(2.5 * UNIT_SECONDS)  # their mean


def test_without_measurement_larger_scans_cost_more() -> None:
    found = estimates([task("s", shape=shape(scan_bytes=100)), task("l", shape=shape(scan_bytes=300))])
    assert found["l"].seconds == pytest.approx(3 * found["s"].seconds)


def test_a_view_without_history_and_plan_costs_what_the_others_do() -> None:
    runs = [past_run("a", 2.0), past_run("b", 4.0), past_run("c", 30.0)]
    found = estimates([task("a"), task("b"), task("c"), task("new")], runs)
    assert found["new"].seconds == 4.0
    assert found["new"].kind == "topology"
    assert found["new"].figures == {"units": 1.0, "seconds a unit": 4.0}
    assert (found["new"].low_seconds, found["new"].high_seconds) == (1.0, 16.0)


def test_operators_count_what_such_operators_have_cost() -> None:
    found = estimates([task("v", shape=shape(scans=2, joins=1, operators=6))], costs=COSTS)["v"]
    # 2 scans of 0.5 s, a join of 2 s, 3 others of 1/6 s; nothing says how CPU time becomes wall time.
    assert found.seconds == pytest.approx(3.5)
    assert found.kind == found.source == "operators"
    assert found.figures["CPU seconds"] == pytest.approx(3.5)
    assert found.figures["operators measured in this store"] == 20
    assert [found.low_seconds, found.high_seconds] == pytest.approx([3.5 / 3, 10.5])


def test_operators_of_a_kind_that_was_never_measured_cost_the_mean_of_all() -> None:
    found = estimates([task("v", shape=shape(scans=0, sorts=1))], costs=COSTS)["v"]
    assert found.seconds == pytest.approx(14.0 / 20)


def test_cpu_seconds_become_wall_seconds_by_all_measured_runs() -> None:
    runs = [past_run("elsewhere", 1.0, cpu_seconds=2.0)]
    found = estimates([task("v", shape=shape(joins=1))], runs, COSTS)["v"]
    assert found.seconds == pytest.approx(2.5 / 2)
    assert found.figures["wall seconds for a CPU second"] == 0.5


def test_three_views_with_history_and_plan_calibrate_the_formula() -> None:
    planned = [task(name, shape=shape()) for name in ("a", "b", "c", "new")]  # 0.5 CPU seconds each
    runs = [past_run("a", 1.0), past_run("b", 2.0), past_run("c", 8.0)]
    found = estimates(planned, runs, COSTS)["new"]
    assert found.seconds == pytest.approx(2.0)  # the median of 2, 4, 16, times 0.5
    assert [found.low_seconds, found.high_seconds] == pytest.approx([1.0, 5.0])


def test_operator_estimates_follow_the_bytes_scanned() -> None:
    runs = [past_run("elsewhere", 1.0, input_bytes=1000)]
    views = [task(f"v{size}", shape=shape(scan_bytes=size)) for size in (1000, 3000, 10**9, 1)]
    found = estimates(views, runs, COSTS)
    assert [found[view.name].figures["size factor"] for view in views] == [1.0, 3.0, 10.0, 0.1]
    assert found["v3000"].seconds == pytest.approx(3 * found["v1000"].seconds)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("operators", [0, -3, 5])
def test_absurd_operator_costs_are_left_out(seconds: float, operators: int) -> None:
    absurd = [cost("DataSourceExec", operators, seconds)]
    assert estimates([task("v", shape=shape())], costs=absurd)["v"].kind == "topology"
    assert estimates([task("v", shape=shape())], costs=absurd + COSTS)["v"].seconds == pytest.approx(0.5)


def test_an_own_history_comes_before_the_plan() -> None:
    found = estimates([task("v", shape=shape(joins=3))], [past_run("v", 7.0)], COSTS)["v"]
    assert (found.kind, found.seconds) == ("history", 7.0)
