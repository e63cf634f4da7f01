from __future__ import annotations

import doctest

import pytest

from dfplan_assets.forecast.comparison import Comparison
from dfplan_assets.scheduling.model import Slot
from dfplan_assets.visual import durations, sentences
from dfplan_assets_tests.schedules import schedule_of


@pytest.mark.parametrize("module", [durations, sentences])
def test_the_examples_in_the_documentation_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_order_is_told_in_one_line() -> None:
    slots = [Slot("a", 0, 0.0, 3.0), Slot("b", 1, 0.0, 1.0), Slot("c", 0, 3.0, 5.0)]
    assert sentences.order_sentence(schedule_of(slots, critical=["a", "c"])) == (
        "order: measured, 3 of 3 views have history; critical path a → c 5.0 s; predicted 5.0 s on 2 workers"
    )


def test_steps_that_make_no_view_are_counted_apart() -> None:
    slots = [Slot("a", 0, 0.0, 3.0), Slot("checks of a", 0, 3.0, 4.0)]
    line = sentences.order_sentence(schedule_of(slots, critical=["a"]), others=["checks of a"])
    assert line.startswith("order: measured, 1 of 1 view and 1 of 1 other step have history; ")


def test_the_outcome_is_told_in_one_line() -> None:
    comparison = Comparison(
        workers=2, predicted_seconds=5.1, actual_seconds=5.6, actual_lower_bound_seconds=5.2, views=()
    )
    assert sentences.outcome_sentence(comparison) == (
        "predicted 5.1 s, took 5.6 s; no order could have been faster than 5.2 s"
    )
