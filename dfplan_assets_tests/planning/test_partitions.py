"""A partitioned view is planned once for all of its partitions."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets.errors import ParameterError, PlanningError
from dfplan_assets.planning.bundle import ViewPlan
from dfplan_assets.planning.partitions import partition_parameters
from dfplan_assets.project.partitions import Partition, StaticPartitions, TimePartitions
from dfplan_assets_tests.small_projects import plan_of, write_project

_COLUMNS = {
    "d": "date32",
    "at": "timestamp[us]",
    "zoned": "timestamp[us, tz=UTC]",
    "region": "string",
    "n": "int64",
}
_BETWEEN = "select * from t where {by} >= $partition_start and {by} < $partition_end"
_VALUE = "select * from t where region = $partition_key"


def _plan(root: Path, partitions: str | None, query: str, **others: str) -> ViewPlan:
    views = {
        "v.sql": query if partitions is None else f"/* ---\npartitions: {{{partitions}}}\n--- */\n{query}"
    }
    views.update({f"{name}.sql": sql for name, sql in others.items()})
    source = {"path": "t.parquet", "columns": _COLUMNS}
    return plan_of(write_project(root, views, {"t": source})).views["v"]


def test_a_plan_has_the_names_of_the_parameters(tmp_path: Path) -> None:
    text = _plan(tmp_path, "by: d, every: day, from: 2024-01-01", _BETWEEN.format(by="d")).logical_plan
    assert "$partition_start" in text
    assert "2024-01-01" not in text


@pytest.mark.parametrize(
    ("by", "every"), [("d", "day"), ("at", "day"), ("zoned", "hour"), ("at", "hour"), ("zoned", "month")]
)
def test_where_partitions_begin_and_end_is_no_part_of_the_identity(
    tmp_path: Path, by: str, every: str
) -> None:
    query = _BETWEEN.format(by=by)
    plans = [
        _plan(tmp_path / str(number), f"by: {by}, every: {every}, {span}", query)
        for number, span in enumerate(["from: 2024-01-01", "from: 2020-02-01, to: 2030-01-01"])
    ]
    assert plans[0].identity == plans[1].identity
    assert plans[0].logical_plan == plans[1].logical_plan


def test_what_a_key_means_is_a_part_of_the_identity(tmp_path: Path) -> None:
    settings = (
        "by: d, every: day, from: 2024-01-01",
        "by: at, every: day, from: 2024-01-01",
        "by: d, every: month, from: 2024-01-01",
        "by: d, every: day, from: 2024-01-01, timezone: Europe/Berlin",
        "by: d, every: week, from: 2024-01-01",
        "by: d, every: week, from: 2024-01-02",
    )
    query = "select * from t where d >= cast($partition_key as date)"
    identities = [_plan(tmp_path / str(number), each, query).identity for number, each in enumerate(settings)]
    assert len({identity.fingerprint for identity in identities}) == len(settings)
    assert len({identity.parts["meaning"] for identity in identities}) == 1


def test_a_view_without_partitions_has_no_such_part(tmp_path: Path) -> None:
    assert "partitions" not in _plan(tmp_path, None, "select 1 as a").identity.parts


_DAY = Partition(TimePartitions("c", "day", datetime(2024, 1, 1), None, "America/New_York"), "2024-03-10")
_HOUR = Partition(TimePartitions("c", "hour", datetime(2024, 1, 1)), "2024-02-29-23:00")
_UTC = timezone.utc


@pytest.mark.parametrize(
    ("partition", "column", "start", "end"),
    [
        # The day on which New York's clocks go forward has 23 hours.
        (_DAY, pa.date32(), "2024-03-10", "2024-03-11"),
        (_DAY, pa.timestamp("us"), "2024-03-10 05:00:00", "2024-03-11 04:00:00"),
        (_DAY, pa.timestamp("ns", "Asia/Tokyo"), "2024-03-10 05:00:00+00:00", "2024-03-11 04:00:00+00:00"),
        (_HOUR, pa.timestamp("ms"), "2024-02-29 23:00:00", "2024-03-01 00:00:00"),
        (_HOUR, pa.timestamp("ms", "UTC"), "2024-02-29 23:00:00+00:00", "2024-03-01 00:00:00+00:00"),
    ],
)
def test_the_bounds_have_the_type_of_the_column(
    partition: Partition, column: pa.DataType, start: str, end: str
) -> None:
    values = partition_parameters(partition, column)
    assert {name: str(value) for name, value in values.items()} == {
        "partition_start": start,
        "partition_end": end,
        "partition_key": partition.key,
    }


def test_values_have_a_key_alone() -> None:
    partition = Partition(StaticPartitions("c", ("EU",)), "EU")
    assert partition_parameters(partition, pa.string()) == {"partition_key": "EU"}


@pytest.mark.parametrize(
    ("partitions", "query", "cause", "next_step"),
    [
        (
            "by: dd, every: day, from: 2024-01-01",
            _BETWEEN.format(by="d"),
            "it is partitioned by dd, but its result has no such column",
            "Did you mean d? The columns here are: d, at, zoned, region, n.",
        ),
        (
            "by: n, every: day, from: 2024-01-01",
            "select n from t where d = $partition_start",
            "it is partitioned by n into one part every day, but this column is int64",
            "cast it in the query",
        ),
        (
            "by: region, every: month, from: 2024-01-01",
            _BETWEEN.format(by="d"),
            "it is partitioned by region into one part every month, but this column is string_view",
            "cast it in the query",
        ),
        (
            "by: d, every: hour, from: 2024-01-01",
            _BETWEEN.format(by="at"),
            "it is partitioned by d into one part every hour, but this column is date32[day]: it has no "
            "hours",
            "or by day",
        ),
    ],
)
def test_a_column_that_tells_no_partitions_apart(
    tmp_path: Path, partitions: str, query: str, cause: str, next_step: str
) -> None:
    with pytest.raises(PlanningError) as raised:
        _plan(tmp_path, partitions, query)
    assert raised.value.cause == cause
    assert next_step in raised.value.next_step


@pytest.mark.parametrize(
    ("partitions", "query", "name"),
    [
        (None, _BETWEEN.format(by="d"), "partition_start"),
        ("by: region, values: [EU]", _BETWEEN.format(by="d"), "partition_start"),
    ],
)
def test_parameters_without_a_value(tmp_path: Path, partitions: str | None, query: str, name: str) -> None:
    with pytest.raises(ParameterError, match=rf"parameter \${name} has no value"):
        _plan(tmp_path, partitions, query)


def test_a_cadence_that_cannot_be_mapped_is_told_at_planning(tmp_path: Path) -> None:
    reader = (
        "/* ---\npartitions: {by: d, every: day, from: 2024-01-01, timezone: Asia/Tokyo}\n--- */\n"
        "select * from v where d = $partition_start"
    )
    with pytest.raises(PlanningError) as raised:
        _plan(tmp_path, "by: region, values: [EU]", _VALUE, reader=reader)
    assert "(view reader)" in raised.value.where
    assert raised.value.cause == (
        "it reads the partitioned view v: every day (Asia/Tokyo) cannot be mapped to the values EU of region"
    )


def test_it_is_told_through_a_view_that_is_inlined(tmp_path: Path) -> None:
    between = "/* ---\nmaterialized: view\n--- */\nselect * from v"
    reader = (
        "/* ---\npartitions: {by: d, every: day, from: 2024-01-01}\n--- */\n"
        "select * from between where d = $partition_start"
    ).replace("between where", "mid where")
    with pytest.raises(PlanningError, match="it reads the partitioned view v"):
        _plan(tmp_path, "by: region, values: [EU]", _VALUE, mid=between, reader=reader)
