"""How many views run at once."""

from __future__ import annotations

import pytest

from dfplan_assets.errors import InputError
from dfplan_assets.scheduling.model import Estimate, Task
from dfplan_assets.scheduling.parallelism import Parallelism, decide
from dfplan_assets_tests.scheduling.samples import shape, task


def measured(seconds: float, parallelism: float | None = None, peak: int | None = None) -> Estimate:
    return Estimate(
        seconds=seconds,
        kind="history",
        source="history n=1",
        low_seconds=seconds,
        high_seconds=seconds,
        figures={},
        parallelism=parallelism,
        peak_memory_bytes=peak,
    )


def divided(
    *estimates: Estimate,
    tasks: tuple[Task, ...] = (),
    configured: int | None = None,
    cores: int = 8,
    memory_limit_bytes: int | None = None,
    partitions: int | None = None,
) -> Parallelism:
    return decide(
        tasks,
        estimates,
        configured=configured,
        cores=cores,
        memory_limit_bytes=memory_limit_bytes,
        partitions=partitions,
    )


def test_views_that_keep_one_core_busy_run_on_all_cores_at_once() -> None:
    assert divided(measured(1.0, 0.7), measured(2.0, 1.0)).workers == 8


def test_views_that_keep_all_cores_busy_run_one_by_one() -> None:
    assert divided(measured(1.0, 8.0)).workers == 1


def test_long_views_count_for_more_than_short_ones() -> None:
    mixed = divided(measured(99.0, 3.0), measured(1.0, 1.0))
    assert mixed.workers == 3  # 8 / 2.98, rounded up
    assert "a view keeps 3.0 of 8 cores busy (as measured)" in mixed.reasons[0]


def test_without_measurement_the_partitions_tell() -> None:
    unknown = divided(measured(1.0), partitions=4)
    assert unknown.workers == 4  # 8 / sqrt(4)
    assert "not measured, taken from 4 partitions" in unknown.reasons[0]


def test_two_cores_take_two_views_while_nothing_is_known() -> None:
    assert divided(cores=2).workers == 2
    assert divided(cores=1).workers == 1


def test_a_configured_number_is_taken_but_never_above_the_cores() -> None:
    assert divided(measured(1.0, 8.0), configured=3).workers == 3
    limited = divided(configured=50)
    assert limited.workers == 8
    assert limited.reasons[-1] == "no more than 8 at once, since there are 8 cores"


def test_the_largest_views_must_fit_into_memory_together() -> None:
    views = [measured(1.0, 1.0, peak) for peak in (100, 60, 30, 10)]
    assert divided(*views, memory_limit_bytes=1000).workers == 8
    assert divided(*views, memory_limit_bytes=195).workers == 3
    assert divided(*views, memory_limit_bytes=160).workers == 2
    assert divided(*views, memory_limit_bytes=50).workers == 1
    assert divided(*views, configured=4, memory_limit_bytes=160).workers == 2


def test_views_of_unknown_memory_count_as_the_typical_one() -> None:
    views = [measured(1.0, 1.0, 100), measured(1.0, 1.0), measured(1.0, 1.0)]
    assert divided(*views, memory_limit_bytes=250).workers == 2
    assert divided(measured(1.0, 1.0), measured(1.0, 1.0), memory_limit_bytes=1).workers == 8


def test_partitions_stay_as_configured_or_as_the_plans_have_them() -> None:
    planned = tuple(task(f"v{at}", shape=shape(partitions=at)) for at in (2, 4, 4))
    assert divided(measured(1.0, 8.0), tasks=planned, partitions=3).partitions == 3
    assert divided(measured(1.0, 8.0), tasks=planned).partitions == 4
    assert divided(measured(1.0, 8.0)).partitions == 8


def test_less_than_one_is_refused() -> None:
    with pytest.raises(InputError, match="max_concurrent"):
        divided(configured=0)
    with pytest.raises(InputError, match="cores"):
        divided(cores=0)
