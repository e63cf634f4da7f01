from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.regressions.elasticity import elasticity

Side = list[tuple[float, float]]


def test_the_upper_limit_is_the_slope_at_the_place_of_sens_table() -> None:
    # Five runs, inputs doubling, so logarithms to the base of 2 are 0, 1, 2, 3, 4; times 0, 0, 1, 1, 1.
    # The ten slopes, sorted: 0 0 0 0 1/4 1/3 1/3 1/2 1/2 1 (by hand). Kendall's variance is 5 x 4 x 15 / 18
    # = 16.67, so that the place is (10 + 1.645 x 4.08) / 2 = 8.4, rounded up 9: the tenth slope.
    side = [(1.0, 1.0), (2.0, 1.0), (4.0, 2.0), (8.0, 2.0), (16.0, 2.0)]
    assert elasticity(side, growth=2.0) == pytest.approx(1.0)
    # Two such sides: 20 slopes, each twice; (20 + 1.645 x 5.77) / 2 = 14.7, rounded up 15: the sixteenth.
    assert elasticity(side, side, growth=2.0) == pytest.approx(0.5)


def test_few_runs_tell_nothing() -> None:
    # Of three runs there are three slopes, and the place is (3 + 1.645 x 1.91) / 2 = 3.1: behind the last.
    assert elasticity([(1.0, 1.0), (2.0, 1.0), (4.0, 1.0)], growth=2.0) == 1.0


def test_inputs_that_never_differed_tell_nothing() -> None:
    side = [(5.0, 1.0 + number / 10) for number in range(12)]
    assert elasticity(side, side, growth=1.1) == 1.0


def test_inputs_far_beyond_those_seen_are_not_judged_by_those_seen() -> None:
    side = [(1.02**number, 1.0) for number in range(12)]
    assert elasticity(side, side, growth=1.02**12) == 0.0
    assert elasticity(side, side, growth=1 / 1.02**12) == 0.0
    assert elasticity(side, side, growth=3.0) == 1.0
    assert elasticity(side, side, growth=1 / 3) == 1.0


def test_a_jump_between_the_sides_says_nothing() -> None:
    # Twice the time comes with twice the inputs and the change of plan; within the sides time never moves.
    before = [(1.1**number, 1.0) for number in range(12)]
    after = [(2 * 1.1**number, 2.0) for number in range(12)]
    assert elasticity(before, after, growth=2.0) == 0.0


def test_some_runs_that_take_ten_times_as_long_do_not_change_what_follows() -> None:
    steady = [(1.1**number, 1.1**number * (10.0 if number in (3, 8) else 1.0)) for number in range(20)]
    assert elasticity(steady, growth=2.0) == 1.0
    idle = [(1.1**number, 10.0 if number in (3, 8) else 1.0) for number in range(20)]
    assert elasticity(idle, growth=2.0) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_is_below_the_truth_in_about_one_of_twenty(share: float) -> None:
    rng = random.Random(3)
    trials, below = 200, 0
    for _ in range(trials):
        runs = [
            (1.05**number, 1.05 ** (share * number) * rng.lognormvariate(0, 0.15)) for number in range(32)
        ]
        below += elasticity(runs[:20], runs[20:], growth=1.05**16) < share
    assert below / trials <= 0.08


_sides = st.lists(
    st.lists(st.tuples(st.floats(1, 1e12), st.floats(1e-3, 1e5)), min_size=1, max_size=8),
    min_size=1,
    max_size=2,
)


@settings(max_examples=60, deadline=None)
@given(_sides, st.floats(0.1, 10))
def test_it_is_a_share(sides: list[Side], growth: float) -> None:
    assert 0.0 <= elasticity(*sides, growth=growth) <= 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_units_do_not_matter(runs: list[tuple[int, int]]) -> None:
    # Powers of two, whose logarithms differ by whole units whatever the scale.
    side = [(2.0**size, 2.0**time) for size, time in runs]
    scaled = [(1024 * size, time / 64) for size, time in side]
    assert elasticity(scaled, growth=2.0) == pytest.approx(elasticity(side, growth=2.0))
