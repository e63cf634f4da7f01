from __future__ import annotations

import itertools
import random

import pytest

from benchmarks.regressions import NOISES, found
from dfplan_assets.regressions.statistics import (
    CAPPED_AT,
    FEWEST_RUNS,
    LEAST_RUNS,
    Comparison,
    compare,
)


def test_the_probability_is_that_of_all_ways_to_choose_the_later_runs() -> None:
    rng = random.Random(7)
    for _ in range(20):
        # Few different values, so that there are ties.
        earlier = [float(rng.randint(1, 6)) for _ in range(6)]
        later = [float(rng.randint(1, 9)) for _ in range(5)]
        found = compare(earlier, later, floor=100.0, false_alarms=0.02)
        assert found.probability == pytest.approx(_by_enumeration(earlier, later))


def _by_enumeration(earlier: list[float], later: list[float]) -> float:
    values = [*earlier, *later]
    cap = round(CAPPED_AT * len(values))
    ordered = sorted(values)

    def score(value: float) -> int:
        ranks = [min(rank, cap) for rank, each in enumerate(ordered, 1) if each == value]
        return 2 * sum(ranks) // len(ranks)

    scores = [score(value) for value in values]
    sums = [sum(choice) for choice in itertools.combinations(scores, len(later))]
    least = sum(scores[len(earlier) :])
    return sum(each >= least for each in sums) / len(sums)


def test_five_runs_of_each_that_do_not_overlap_are_worse_at_one_in_252() -> None:
    found = _compare([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.1, 2.2, 2.3, 2.4])
    assert found == Comparison(1.2, 2.2, 1 / 252, True)
    assert found.ratio == pytest.approx(2.2 / 1.2)


def test_four_runs_are_too_few_for_anything() -> None:
    assert FEWEST_RUNS == 5
    assert not _compare([1.0] * 20, [9.0] * 4).worse
    assert not _compare([1.0] * 4, [9.0] * 20).worse


def test_a_difference_below_the_floor_is_noise() -> None:
    millisecond = [0.001 + number / 1e6 for number in range(12)]
    assert not _compare(millisecond, [10 * each for each in millisecond]).worse
    assert _compare(millisecond, [100 * each for each in millisecond]).worse


def test_a_difference_that_is_sure_and_small_is_none() -> None:
    earlier = [10 + number / 1e6 for number in range(20)]
    assert not _compare(earlier, [1.1 * each for each in earlier[:12]]).worse
    assert _compare(earlier, [1.5 * each for each in earlier[:12]]).worse


def test_a_single_absurd_run_decides_nothing() -> None:
    earlier = [1.0 + number / 100 for number in range(12)]
    assert not _compare(earlier, [*earlier[:11], 1e9]).worse
    assert _compare([*earlier[:11], 1e9], [2 * each for each in earlier]).worse


def test_figures_that_were_zero_can_get_worse() -> None:
    found = compare([0.0] * 12, [5e9] * 12, floor=1e6, false_alarms=0.005)
    assert found.worse
    assert found.ratio == float("inf")
    assert not compare([0.0] * 12, [0.0] * 12, floor=1e6, false_alarms=0.005).worse


def test_a_history_that_grows_by_itself_is_continued() -> None:
    growing = [1.03**number for number in range(32)]
    found = _compare(growing[:20], growing[20:])
    assert not found.worse
    # From the middle of the earlier runs (9.5) to that of the later (25.5).
    assert found.trend == pytest.approx(1.03**16)
    assert _compare(growing[:20], [2 * each for each in growing[20:]]).worse


def test_a_history_that_falls_is_taken_as_it_is() -> None:
    falling = [1.03 ** (31 - number) for number in range(32)]
    assert _compare(falling[:20], falling[20:]).trend == 1.0


@pytest.mark.parametrize("noise", NOISES)
def test_unchanged_histories_are_called_worse_in_at_most_two_of_a_hundred(noise: str) -> None:
    # The rate is below 1 %; 300 histories show more than 2 % in less than one of 1,000 such tests.
    assert found(NOISES[noise], 1.0, LEAST_RUNS, LEAST_RUNS, trials=300) <= 0.02


@pytest.mark.parametrize("noise", NOISES)
def test_twice_the_time_is_found_in_ninety_five_of_a_hundred(noise: str) -> None:
    # Seeded; the table of the benchmark has more histories.
    assert found(NOISES[noise], 2.0, LEAST_RUNS, LEAST_RUNS, trials=300) >= 0.95


def _compare(earlier: list[float], later: list[float]) -> Comparison:
    return compare(earlier, later, floor=0.02, false_alarms=0.015)
