"""Which past runs count, and what they say."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest

from dfplan_assets.scheduling.history import History, cadence, quartiles
from dfplan_assets.scheduling.model import Estimate, MeasuredRun
from dfplan_assets_tests.scheduling.samples import DAY, past_run, task


def estimate(
    *runs: MeasuredRun, history_runs: int = 10, cores: int = 2, **of_task: int | str
) -> Estimate | None:
    wanted = task("v", **of_task)  # type: ignore[arg-type]
    return History(runs, history_runs=history_runs, cores=cores).estimate(wanted)


def known(*runs: MeasuredRun, history_runs: int = 10, cores: int = 2, **of_task: int | str) -> Estimate:
    found = estimate(*runs, history_runs=history_runs, cores=cores, **of_task)
    assert found is not None
    return found


def test_the_median_of_the_last_runs() -> None:
    runs = [past_run("v", seconds, day=day) for day, seconds in enumerate([100.0, 100.0, 1.0, 2.0, 9.0])]
    found = known(*reversed(runs), history_runs=3)
    assert (found.seconds, found.kind, found.source) == (2.0, "history", "history n=3")
    assert found.figures["runs"] == 3


def test_quartiles_lie_between_the_nearest_values() -> None:
    assert quartiles([4.0, 1.0, 3.0, 2.0, 5.0]) == (2.0, 3.0, 4.0)
    assert quartiles([1.0, 2.0]) == (1.25, 1.5, 1.75)
    assert quartiles([7.0]) == (7.0, 7.0, 7.0)


def test_the_spread_is_the_quartiles_but_never_too_sure() -> None:
    wide = known(
        *(past_run("v", seconds, day=day) for day, seconds in enumerate([1.0, 2.0, 10.0, 40.0, 50.0]))
    )
    assert (wide.low_seconds, wide.high_seconds) == (2.0, 40.0)
    one = known(past_run("v", 3.0))
    assert (one.low_seconds, one.high_seconds) == (2.0, 4.5)  # one run: a factor of 1.5 to either side
    four = known(*(past_run("v", 5.0, day=day) for day in range(4)))
    assert [four.low_seconds, four.high_seconds] == pytest.approx(
        [5 / 1.125, 5.625]
    )  # four: a factor of 1.125


@pytest.mark.parametrize(
    "wall_seconds", [None, math.nan, math.inf, -math.inf, -1.0, 0.0, 8 * 24 * 3600.0, 1e300]
)
def test_times_that_cannot_be_are_left_out(wall_seconds: float | None) -> None:
    assert estimate(past_run("v", wall_seconds)) is None
    found = known(past_run("v", wall_seconds, day=1), past_run("v", 2.0))
    assert found.seconds == 2.0
    assert [value for name, value in found.figures.items() if name.startswith("runs left out")] == [1]


def test_a_clock_that_was_set_back_shows_in_the_cpu_time() -> None:
    found = known(past_run("v", 0.5, cpu_seconds=60.0), past_run("v", 31.0, cpu_seconds=60.0))
    assert found.seconds == 31.0
    assert found.figures["runs left out: more CPU time than its cores could give"] == 1


@pytest.mark.parametrize("status", ["failed", "canceled", "cached", "unheard of"])
def test_only_runs_that_did_the_work_count(status: str) -> None:
    assert estimate(past_run("v", 1.0, status=status)) is None
    found = known(past_run("v", 1.0, status=status), past_run("v", 3.0))
    assert found.seconds == 3.0
    assert found.figures[f"runs left out: {status}"] == 1


def test_retries_do_not_count() -> None:
    assert estimate(past_run("v", 1.0, attempt=2)) is None


def test_profiled_runs_count_where_there_is_no_other() -> None:
    alone = known(past_run("v", 1.0, status="profiled"))
    assert (alone.seconds, alone.source) == (1.0, "history n=1, profiled")
    assert known(past_run("v", 1.0, status="profiled"), past_run("v", 3.0)).seconds == 3.0


def test_the_same_query_comes_before_the_same_name() -> None:
    renamed = known(past_run("old_name", 5.0, fingerprint="f-v"), past_run("v", 1.0, fingerprint="f-before"))
    assert (renamed.seconds, renamed.source) == (5.0, "history n=1")
    edited = known(past_run("v", 1.0, fingerprint="f-before"))
    assert (edited.seconds, edited.source) == (1.0, "history n=1, of another query")
    assert known(past_run("v", 1.0, fingerprint=None)).seconds == 1.0


def test_input_that_grew_scales_the_time() -> None:
    runs = [past_run("v", 2.0, day=day, input_bytes=1000) for day in range(3)]
    found = known(*runs, input_bytes=1800)
    assert found.seconds == pytest.approx(3.6)
    assert (found.kind, found.source) == ("scaled", "scaled ×1.8, history n=3")
    assert found.figures["input bytes then"] == 1000
    assert found.figures["input bytes now"] == 1800
    assert found.low_seconds <= 2.0 < 3.6 <= found.high_seconds
    shrunk = known(*runs, input_bytes=100)
    assert shrunk.seconds == pytest.approx(0.2)
    assert shrunk.source == "scaled ×0.1, history n=3"


def test_each_run_is_scaled_by_its_own_input() -> None:
    grown = known(
        past_run("v", 1.0, input_bytes=1000), past_run("v", 4.0, input_bytes=4000), input_bytes=2000
    )
    assert grown.seconds == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("then", "now"),
    [(1000, 1200), (1000, 850), (None, 5000), (0, 5000), (-5, 5000), (1000, None), (1000, -1)],
)
def test_input_that_hardly_moved_or_is_unknown_leaves_the_time(then: int | None, now: int | None) -> None:
    found = known(past_run("v", 2.0, input_bytes=then), input_bytes=now)  # type: ignore[arg-type]
    assert (found.seconds, found.kind) == (2.0, "history")


def test_absurd_growth_scales_by_a_hundred_at_most() -> None:
    assert known(past_run("v", 1.0, input_bytes=1), input_bytes=10**15).seconds == 100.0


def test_runs_on_as_many_cores_come_first() -> None:
    found = known(past_run("v", 1.0, cores=16, day=2), past_run("v", 4.0, cores=2), cores=2)
    assert found.seconds == 4.0
    assert found.figures["runs left out: made on other cores"] == 1


def test_runs_on_more_cores_take_at_least_their_cpu_time_here() -> None:
    found = known(past_run("v", 1.0, cpu_seconds=12.0, cores=16), cores=2)
    assert (found.seconds, found.source) == (6.0, "history n=1, made on other cores")
    assert known(past_run("v", 1.0, cpu_seconds=1.5, cores=16), cores=2).seconds == 1.0
    assert known(past_run("v", 3.0, cpu_seconds=6.0, cores=2), cores=16).seconds == 3.0


@pytest.mark.parametrize("cores", [None, 0, -4])
def test_unknown_cores_leave_the_time(cores: int | None) -> None:
    assert known(past_run("v", 3.0, cpu_seconds=100.0, cores=cores)).seconds == 3.0


def test_the_same_partition_comes_before_similar_ones() -> None:
    runs = [
        past_run("v", 1.0, partition_key="2026-01-01"),
        past_run("v", 2.0, partition_key="2026-01-02"),
        past_run("v", 50.0, partition_key="2025-12"),
        past_run("v", 900.0),
    ]
    again = known(*runs, partition_key="2026-01-02")
    assert (again.seconds, again.source) == (2.0, "history n=1, of this partition")
    new = known(*runs, partition_key="2026-01-03")
    assert (new.seconds, new.source) == (1.5, "history n=2, of similar partitions")
    assert known(*runs).seconds == 900.0  # the whole view
    odd = known(*runs, partition_key="eu|2026")
    assert odd.source == "history n=4, of other partitions"


def test_partition_keys_are_alike_by_their_look() -> None:
    assert cadence("2026-01-31") == cadence("1999-12-01") != cadence("2026-01")
    assert cadence("eu|2026-01") == cadence("asia|2025-02") != cadence("eu")


def test_cpu_and_memory_come_with_it() -> None:
    found = known(
        past_run("v", 2.0, cpu_seconds=3.0, peak_memory_bytes=100, day=0),
        past_run("v", 2.0, cpu_seconds=3.0, peak_memory_bytes=300, day=1),
        past_run("v", 2.0, cpu_seconds=-1.0, peak_memory_bytes=-5, day=2),
        past_run("v", 2.0, cpu_seconds=math.nan, day=3),
    )
    assert found.parallelism == 1.5
    assert found.peak_memory_bytes == 300
    assert known(past_run("v", 2.0)).parallelism is None


def test_moments_with_and_without_zones_and_at_the_ends_of_time_sort() -> None:
    moments = [
        datetime.min,
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        DAY.replace(tzinfo=None),
        DAY,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ]
    runs = [past_run("v", 1.0 + place, started_at=moment) for place, moment in enumerate(moments)]
    assert known(*runs, history_runs=1).seconds == 2.0


def test_looking_at_no_runs_finds_none() -> None:
    assert estimate(past_run("v", 1.0), history_runs=0) is None
