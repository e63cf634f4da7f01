"""The time of day, as a test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo

import pytest
from dagster._core.test_utils import freeze_time

_WHERE_TIME_DECIDES_PARTITIONS = (
    "dfplan_assets.staleness.results",
    "dfplan_assets.execution.warehouse",
    "dfplan_assets.execution.partition_checks",
    "dfplan_assets.orchestration.partition_runs",
    "dfplan_assets_tests.staleness.world",
)


class _IsAnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


@contextmanager
def at(now: datetime) -> Iterator[None]:
    """It is and stays ``now`` for whoever asks which partitions are over, and for Dagster."""

    class Stopped(datetime, metaclass=_IsAnyDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now.astimezone(tz)

    with pytest.MonkeyPatch.context() as patch, freeze_time(now):
        for module in _WHERE_TIME_DECIDES_PARTITIONS:
            patch.setattr(f"{module}.datetime", Stopped)
        yield
