"""What a view may say of its partitions, and how bad input is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from dfplan_assets.errors import InputError
from dfplan_assets.project import load_project
from dfplan_assets.project.model import View
from dfplan_assets.project.partitions import StaticPartitions, TimePartitions
from dfplan_assets_tests.small_projects import write_project


def _view(root: Path, front: str, params: Mapping[str, object] | None = None) -> View:
    write_project(root, {"v.sql": f"/* ---\n{front}\n--- */\nselect 1 as a"}, params=params or {})
    return load_project(root).views["v"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{by: d, every: day, from: 2024-01-01}", TimePartitions("d", "day", datetime(2024, 1, 1))),
        (
            "{by: d, every: hour, from: 2024-01-01 05:00:00, to: 2024-02-01, timezone: Europe/Berlin}",
            TimePartitions("d", "hour", datetime(2024, 1, 1, 5), datetime(2024, 2, 1), "Europe/Berlin"),
        ),
        ("{by: d, every: week, from: 2024-01-03}", TimePartitions("d", "week", datetime(2024, 1, 3))),
        ("{by: d, every: month, from: 2024-02-01}", TimePartitions("d", "month", datetime(2024, 2, 1))),
        ("{by: region, values: [EU, 'NO']}", StaticPartitions("region", ("EU", "NO"))),
    ],
)
def test_partitions_are_read(tmp_path: Path, written: str, read: object) -> None:
    view = _view(tmp_path, f"partitions: {written}")
    assert view.partitions == read
    assert view.backfill == "multi_run"


def test_a_view_has_no_partitions_unless_it_says_so(tmp_path: Path) -> None:
    assert _view(tmp_path, "description: plain").partitions is None


def test_a_backfill_may_be_one_run(tmp_path: Path) -> None:
    view = _view(tmp_path, "partitions: {by: d, every: day, from: 2024-01-01}\nbackfill: single_run")
    assert view.backfill == "single_run"


# Front matter, cause, next step.
BAD: list[tuple[str, str, str]] = [
    ("partitions: day", "partitions must be a mapping (key: value), not text", ""),
    ("partitions: {every: day, from: 2024-01-01}", "partitions has no by", "by: order_date"),
    ("partitions: {by: d}", "partitions has no every", "hour, day, week or month"),
    ("partitions: {by: d, every: day}", "partitions has no from", "from: for windows of time"),
    (
        "partitions: {by: d, every: daily, from: 2024-01-01}",
        "partitions.every cannot be 'daily'",
        "Did you mean day? The values of partitions.every here are: hour, day, week, month.",
    ),
    (
        "partitions: {by: d, every: day, from: yesterday}",
        "partitions.from must be a date, not text",
        "Write it as in 2024-01-01, without quotes.",
    ),
    ("partitions: {by: d, every: day, from: 2024-02-30}", "partitions.from", "Correct the value."),
    ("partitions: {by: d, every: day, from: 2024-01-01 05:00:00}", "must be a date, not a time", ""),
    ("partitions: {by: d, every: hour, from: 2024-01-01 05:30:00}", "partitions.from is no full hour", ""),
    ("partitions: {by: d, every: month, from: 2024-01-15}", "months begin on their first day", "2024-01-01"),
    ("partitions: {by: d, every: day, from: 2024-01-02, to: 2024-01-02}", "is not after partitions.from", ""),
    (
        "partitions: {by: d, every: day, from: 2024-01-01, timezone: Mars/Olympus}",
        "'Mars/Olympus' is no time zone",
        "Europe/Berlin",
    ),
    ("partitions: {by: d, every: day, from: 2024-01-01, zone: UTC}", "unknown key partitions.zone", ""),
    ("partitions: {by: d, values: []}", "partitions.values is empty", "values: [EU, US]"),
    ("partitions: {by: d, values: [EU, EU]}", "'EU' stands twice in partitions.values", "Remove one"),
    ("partitions: {by: d, values: [1]}", "partitions.values[0] must be text, not a whole number", "quotes"),
    ("partitions: {by: d, values: [a..b]}", "'a..b' cannot be the key of a partition", ""),
    ("partitions: {by: d, values: [a], every: day}", "partitions has both values and every", ""),
    ("backfill: single_run", "the view has backfill, but no partitions", "Declare partitions:"),
    (
        "partitions: {by: d, values: [a]}\nbackfill: once",
        "backfill cannot be 'once'",
        "multi_run, single_run",
    ),
    (
        "partitions: {by: d, values: [a]}\nmaterialized: view",
        "the view has partitions, but is not stored (materialized: view)",
        "Take one of the two out",
    ),
    ("params: {partition_key: EU}", "the parameter partition_key is that of partitions", "Rename it"),
]


@pytest.mark.parametrize(("front", "cause", "next_step"), BAD)
def test_bad_partitions(tmp_path: Path, front: str, cause: str, next_step: str) -> None:
    with pytest.raises(InputError) as raised:
        _view(tmp_path, front)
    error = raised.value
    assert "v.sql:" in error.where
    assert error.where.endswith("(view v)")
    assert cause in error.cause
    assert next_step in error.next_step


def test_a_project_cannot_declare_the_parameters_of_partitions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the parameter partition_start is that of partitions"):
        _view(tmp_path, "description: plain", params={"partition_start": "2024-01-01"})
