"""What is told of a view of which one step made several partitions."""

from __future__ import annotations

from functools import reduce

import pytest

from dfplan_assets.orchestration.run_report import ViewOutcome

TWICE = ViewOutcome("daily", "materialised", rows=6, bytes=60, wall_seconds=1.0)
MADE = ViewOutcome("daily", "materialised", rows=3, bytes=30, wall_seconds=0.5)
STAYS = ViewOutcome("daily", "cached", rows=7, bytes=70)


@pytest.mark.parametrize(
    ("partitions", "whole"),
    [
        ((MADE, MADE), TWICE),
        ((STAYS, STAYS), ViewOutcome("daily", "cached", rows=14, bytes=140)),
        ((MADE, STAYS), MADE),
        ((STAYS, MADE), MADE),
        ((MADE, STAYS, STAYS, MADE), TWICE),
    ],
)
def test_new_partitions_count_together_and_those_that_stay_only_where_all_do(
    partitions: tuple[ViewOutcome, ...], whole: ViewOutcome
) -> None:
    assert reduce(ViewOutcome.with_partition, partitions) == whole


def test_a_record_that_the_store_does_not_have_is_told_whichever_partition_it_is_of() -> None:
    unstored = ViewOutcome("daily", "cached", rows=7, bytes=70, warning="The store is full.")
    for partitions in ((MADE, unstored), (unstored, MADE)):
        assert reduce(ViewOutcome.with_partition, partitions).warning == "The store is full."
