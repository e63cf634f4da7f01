"""Keys, windows and mappings of partitions are those of Dagster, which is asked in each case."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise

import dagster as dg
import pytest

from dfplan_assets.orchestration.partitions import partition_mapping, partitions_definition
from dfplan_assets.project.partitions import (
    Partition,
    StaticPartitions,
    TimePartitions,
    Window,
    partitions_folder,
    unmappable,
    upstream_keys,
)

_NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)
_REGIONS = StaticPartitions("region", ("EU", "US"))


def _days(start: str, end: str | None = None, zone: str = "UTC") -> TimePartitions:
    return _time("day", start, end, zone)


def _time(every: str, start: str, end: str | None = None, zone: str = "UTC") -> TimePartitions:
    last = None if end is None else datetime.fromisoformat(end)
    return TimePartitions("at", every, datetime.fromisoformat(start), last, zone)  # type: ignore[arg-type]


# Partitions, how many there are, and some keys among them.
KEYS: list[tuple[TimePartitions, int, tuple[str, ...]]] = [
    (_days("2024-02-27", "2024-03-02"), 4, ("2024-02-28", "2024-02-29", "2024-03-01")),
    (_days("2023-02-27", "2023-03-02"), 3, ("2023-02-28", "2023-03-01")),
    (_days("2024-12-30"), 2, ("2024-12-30", "2024-12-31")),
    (_days("2024-03-29", "2024-04-02", "Europe/Berlin"), 4, ("2024-03-31",)),
    (_days("2018-11-03", "2018-11-06", "America/Sao_Paulo"), 3, ("2018-11-03", "2018-11-05")),
    (_time("week", "2024-01-01", "2024-02-15"), 6, ("2024-01-01", "2024-02-05")),
    (_time("week", "2024-02-25", "2024-03-31", "Europe/Berlin"), 5, ("2024-02-25", "2024-03-24")),
    (_time("month", "2024-01-01", "2024-05-15"), 4, ("2024-01-01", "2024-02-01", "2024-04-01")),
    (_time("hour", "2024-02-28T22:00", "2024-03-01T00:00"), 26, ("2024-02-29-23:00",)),
    (
        _time("hour", "2024-03-31", "2024-04-01", "Europe/Berlin"),
        23,
        ("2024-03-31-01:00", "2024-03-31-03:00"),
    ),
    (
        _time("hour", "2024-10-27", "2024-10-28", "Europe/Berlin"),
        25,
        ("2024-10-27-02:00", "2024-10-27-02:00+0100", "2024-10-27-03:00"),
    ),
    (_time("hour", "2024-11-03", "2024-11-04", "America/New_York"), 25, ("2024-11-03-01:00-0500",)),
]


@pytest.mark.parametrize(("partitions", "count", "some"), KEYS)
def test_keys_and_windows_are_those_of_dagster(
    partitions: TimePartitions, count: int, some: tuple[str, ...]
) -> None:
    keys = partitions.keys(_NOW)
    assert len(keys) == count
    assert set(some) <= set(keys)
    definition = partitions_definition(partitions)
    assert isinstance(definition, dg.TimeWindowPartitionsDefinition)
    assert list(keys) == definition.get_partition_keys(current_time=_NOW)
    for key in keys:
        window = definition.time_window_for_partition_key(key)
        assert partitions.window(key) == Window(
            window.start.astimezone(timezone.utc), window.end.astimezone(timezone.utc)
        )
        assert partitions.has(key, _NOW)


@pytest.mark.parametrize("partitions", [partitions for partitions, _, _ in KEYS])
def test_windows_follow_each_other_without_a_gap(partitions: TimePartitions) -> None:
    windows = [partitions.window(key) for key in partitions.keys(_NOW)]
    assert all(before.end == after.start for before, after in pairwise(windows))


@pytest.mark.parametrize(
    ("partitions", "key"),
    [
        (_days("2024-02-27"), "2023-02-29"),
        (_days("2024-02-27"), "2024-02-26"),
        (_days("2024-02-27"), "2024-3-1"),
        (_days("2024-02-27"), "2024-03-01-00:00"),
        (_days("2024-02-27"), "2025-01-01"),  # has only begun
        (_days("2024-02-27", "2024-03-01"), "2024-03-01"),
        (_time("week", "2024-01-01"), "2024-01-02"),
        (_time("month", "2024-01-01"), "2024-02-02"),
        (_time("hour", "2024-03-31", zone="Europe/Berlin"), "2024-03-31-02:00"),  # the clock skips it
        (_time("hour", "2024-10-27", zone="Europe/Berlin"), "2024-10-27-05:00+0100"),
        (_time("hour", "2024-01-01"), "2024-01-01-00:30"),
        (_days("2024-02-27"), "yesterday"),
        (_REGIONS, "eu"),
    ],
)
def test_what_is_no_key(partitions: TimePartitions | StaticPartitions, key: str) -> None:
    assert not partitions.has(key, _NOW)
    assert key not in partitions_definition(partitions).get_partition_keys(current_time=_NOW)


# Reader, upstream, the reader's key, the keys upstream.
MAPPINGS: list[tuple[TimePartitions, TimePartitions, str, tuple[str, ...]]] = [
    (_days("2024-01-01"), _days("2024-01-01"), "2024-02-29", ("2024-02-29",)),
    (_days("2024-02-01"), _days("2024-01-01"), "2024-02-29", ("2024-02-29",)),
    (_days("2024-01-01"), _time("month", "2024-01-01"), "2024-02-29", ("2024-02-01",)),
    (_days("2024-01-01"), _time("week", "2024-01-01"), "2024-01-07", ("2024-01-01",)),
    (_days("2024-01-01"), _time("week", "2024-01-01"), "2024-01-08", ("2024-01-08",)),
    (
        _time("week", "2024-02-26"),
        _days("2024-01-01"),
        "2024-02-26",
        tuple(f"2024-02-{day}" for day in range(26, 30)) + tuple(f"2024-03-0{day}" for day in range(1, 4)),
    ),
    (
        _time("month", "2024-01-01"),
        _time("week", "2024-01-01"),
        "2024-02-01",
        ("2024-01-29", "2024-02-05", "2024-02-12", "2024-02-19", "2024-02-26"),
    ),
    (
        _time("month", "2024-01-01"),
        _days("2024-01-01"),
        "2024-02-01",
        tuple(f"2024-02-{day:02}" for day in range(1, 30)),
    ),
    (
        _days("2024-10-01", zone="Europe/Berlin"),
        _time("hour", "2024-10-01", zone="Europe/Berlin"),
        "2024-10-27",
        (
            *(f"2024-10-27-0{hour}:00" for hour in range(3)),
            "2024-10-27-02:00+0100",
            *(f"2024-10-27-{hour:02}:00" for hour in range(3, 24)),
        ),
    ),
    (
        _time("hour", "2024-10-01", zone="Europe/Berlin"),
        _days("2024-10-01", zone="Europe/Berlin"),
        "2024-10-27-02:00+0100",
        ("2024-10-27",),
    ),
]


@pytest.mark.parametrize(("reader", "upstream", "key", "expected"), MAPPINGS)
def test_partitions_are_mapped_as_dagster_maps_them(
    reader: TimePartitions, upstream: TimePartitions, key: str, expected: tuple[str, ...]
) -> None:
    assert upstream_keys(key, reader, upstream) == expected
    mapping = partition_mapping(reader, upstream)
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    theirs, ours = partitions_definition(upstream), partitions_definition(reader)
    result = mapping.get_upstream_mapped_partitions_result_for_partitions(
        ours.empty_subset().with_partition_keys([key]), ours, theirs, current_time=_NOW
    )
    assert tuple(sorted(result.partitions_subset.get_partition_keys())) == tuple(sorted(expected))


def test_values_are_mapped_to_themselves() -> None:
    assert upstream_keys("EU", _REGIONS, StaticPartitions("area", ("US", "EU"))) == ("EU",)
    assert isinstance(partition_mapping(_REGIONS, _REGIONS), dg.IdentityPartitionMapping)


def test_a_view_without_partitions_reads_all() -> None:
    assert isinstance(partition_mapping(None, _REGIONS), dg.AllPartitionMapping)
    assert partition_mapping(_REGIONS, None) is None


@pytest.mark.parametrize(
    ("reader", "upstream", "reason"),
    [
        (
            _days("2024-01-01"),
            _days("2024-01-01", zone="Europe/Berlin"),
            "windows in UTC cannot be mapped to windows in Europe/Berlin",
        ),
        (_days("2024-01-01"), _REGIONS, "every day cannot be mapped to the values EU, US of region"),
        (_REGIONS, _days("2024-01-01"), "the values EU, US of region cannot be mapped to every day"),
        (
            _REGIONS,
            StaticPartitions("region", ("EU",)),
            "the values EU, US of region cannot be mapped to the values EU of region: they must be the same "
            "values",
        ),
    ],
)
def test_what_cannot_be_mapped(
    reader: TimePartitions | StaticPartitions, upstream: TimePartitions | StaticPartitions, reason: str
) -> None:
    assert unmappable(reader, upstream) == reason
    with pytest.raises(ValueError, match="cannot be mapped"):
        upstream_keys("2024-01-01", reader, upstream)


def test_other_partitions_have_other_folders() -> None:
    day = _days("2024-01-01")
    others: list[TimePartitions | StaticPartitions] = [
        _time("month", "2024-01-01"),
        _days("2024-01-01", zone="Europe/Berlin"),
        TimePartitions("shipped_at", "day", datetime(2024, 1, 1)),
        _time("week", "2024-01-01"),
        _time("week", "2024-01-02"),
        _REGIONS,
    ]
    assert len({partitions_folder(each) for each in (day, *others)}) == 7
    assert partitions_folder(_days("2020-01-01", "2030-01-01")) == partitions_folder(day)


def test_a_key_stays_inside_its_folder() -> None:
    for key in ("..", ".", "a/b", "EU", "Ä ö", "~"):
        folder, _, name = Partition(StaticPartitions("region", (key,)), key).folder.partition("/")
        assert "/" not in name
        assert name not in (".", "..")
        assert folder.startswith("values-")
