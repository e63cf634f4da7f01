"""Partitions are made, published, kept and read one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.analysis import walk
from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.partitions import Partition
from dfplan_assets_tests.partitioned import DAILY, DAYS, ORDERS, WHOLE, write_daily, write_orders
from dfplan_assets_tests.small_projects import plan_of, write_project

Make = Callable[..., Materialisation]


@contextmanager
def _making(root: Path) -> Iterator[Make]:
    """What makes a view, or a partition of it, of the project as it is now."""
    plan = plan_of(root)
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        yield lambda view, key=None: materialise(plan, view, warehouse, runtime, partition_key=key)


def _make(root: Path, view: str, *keys: str) -> Materialisation:
    with _making(root) as make:
        for key in keys or (None,):
            made = make(view, key)
    return made


def _rows(publication: Publication) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(publication.files[0]).to_pylist()
    return rows


def _published(root: Path, view: str = "daily") -> dict[str, Publication]:
    project = plan_of(root).project
    partitions = project.views[view].partitions
    assert partitions is not None
    return Warehouse.of(project).published(view, partitions)


def test_a_partition_has_the_rows_of_its_day(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    for day in DAYS:
        made = _make(root, "daily", day)
        expected = [amount for when, amount in ORDERS if when == day]
        assert sorted(row["amount"] for row in _rows(made.publication)) == expected
        assert {row["order_date"] for row in _rows(made.publication)} <= {date.fromisoformat(day)}
        assert (made.publication.partition_key, made.publication.rows) == (day, len(expected))


def test_each_partition_has_a_manifest_that_says_what_it_was_made_of(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    made = _make(root, "daily", *DAYS).publication
    manifests = sorted((root / "warehouse" / "daily").glob("*/*/published.json"))
    assert [json.loads(path.read_text())["partition"] for path in manifests] == list(DAYS)
    provenance = made.provenance
    assert provenance is not None
    assert provenance.fingerprint == plan_of(root).views["daily"].identity.fingerprint
    assert set(provenance.inputs) == {"orders"}


def test_a_view_without_partitions_reads_all_that_are_published(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    _make(root, "daily", DAYS[0], DAYS[3])
    assert _rows(_make(root, "whole").publication) == [{"orders": 4, "amount": 303}]
    _make(root, "daily", DAYS[1])
    made = _make(root, "whole")
    assert _rows(made.publication) == [{"orders": 5, "amount": 313}]
    assert [(each.table, each.rows) for each in made.inputs] == [("daily", 5)]


def test_a_partition_without_rows_is_published_and_read(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    empty = _make(root, "daily", "2024-02-29").publication
    assert (empty.rows, _rows(empty)) == (0, [])
    assert _rows(_make(root, "whole").publication) == [{"orders": 0, "amount": None}]
    _make(root, "daily", "2024-02-28")
    assert _rows(_make(root, "whole").publication) == [{"orders": 1, "amount": 10}]


def test_late_data_change_its_partition_alone(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    _make(root, "daily", *DAYS)
    before = _published(root)
    whole = _make(root, "whole").publication
    write_orders(root, [*ORDERS, ("2024-02-29", 1000)])
    _make(root, "daily", "2024-02-29")
    after = _published(root)
    assert [key for key in DAYS if before[key] != after[key]] == ["2024-02-29"]
    assert after["2024-02-29"].rows == 1
    again = _make(root, "whole").publication
    assert _rows(again) == [{"orders": 6, "amount": 1313}]
    assert again.data_version != whole.data_version


def test_a_partition_that_fails_leaves_the_others_and_its_own_last_result(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    _make(root, "daily", *DAYS)
    before = _published(root)
    query = DAILY.replace("select order_date, amount", "select order_date, 100 / (amount - 10) as amount")
    write_daily(tmp_path, {"whole": WHOLE}, query)
    with pytest.raises(ExecutionError, match="Divide by zero"):
        _make(root, "daily", "2024-02-28")
    assert _published(root) == before
    _make(root, "daily", "2024-02-27")
    assert {key for key in DAYS if before[key] != _published(root)[key]} == {"2024-02-27"}


def test_results_are_kept_partition_by_partition(tmp_path: Path) -> None:
    plan = plan_of(write_daily(tmp_path))
    partitions = plan.project.views["daily"].partitions
    assert partitions is not None
    now = [datetime(2024, 6, 1, tzinfo=timezone.utc)]
    warehouse = Warehouse(Path(plan.project.output), keep_results=2, clock=lambda: now[0])
    made: dict[str, list[str]] = {day: [] for day in DAYS[:2]}
    with open_runtime(plan.project.engine, warehouse) as runtime:
        for day in (DAYS[0], DAYS[0], DAYS[1], DAYS[0]):
            now[0] += timedelta(hours=2)
            made[day].append(
                materialise(plan, "daily", warehouse, runtime, partition_key=day).publication.version
            )
    kept = {day: warehouse.kept("daily", Partition(partitions, day)) for day in made}
    assert [each.version for each in kept[DAYS[0]]] == [made[DAYS[0]][2], made[DAYS[0]][1]]
    assert [each.version for each in kept[DAYS[1]]] == made[DAYS[1]]
    now[0] += timedelta(hours=2)
    warehouse.sweep(["daily"])
    versions = {path.parent.name for path in Path(plan.project.output).glob("daily/*/*/*/part-0.parquet")}
    assert versions == {made[DAYS[0]][1], made[DAYS[0]][2], made[DAYS[1]][0]}


def test_a_view_gets_partitions_and_loses_them_again(tmp_path: Path) -> None:
    plain = "select order_date, amount from orders"
    root = write_daily(tmp_path, {"whole": WHOLE}, plain)
    _make(root, "daily")
    write_daily(tmp_path, {"whole": WHOLE})
    with pytest.raises(ExecutionError, match="reads the view daily, which has no published result"):
        _make(root, "whole")
    _make(root, "daily", DAYS[0])
    assert _rows(_make(root, "whole").publication) == [{"orders": 2, "amount": 3}]
    write_daily(tmp_path, {"whole": WHOLE}, plain)
    assert _rows(_make(root, "whole").publication) == [{"orders": 5, "amount": 313}]


def test_another_cadence_does_not_read_the_results_of_the_first(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    _make(root, "daily", "2024-03-01")
    monthly = DAILY.replace("every: day, from: 2024-02-27, to: 2024-03-02", "every: month, from: 2024-02-01")
    write_daily(tmp_path, {"whole": WHOLE}, monthly)
    assert _published(root) == {}
    assert _make(root, "daily", "2024-02-01").publication.rows == 3


def test_partitions_out_of_range_are_not_read_any_more(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    _make(root, "daily", *DAYS)
    write_daily(tmp_path, {"whole": WHOLE}, DAILY.replace("from: 2024-02-27", "from: 2024-02-28"))
    assert list(_published(root)) == list(DAYS[1:])
    assert _rows(_make(root, "whole").publication) == [{"orders": 3, "amount": 310}]


def _scan_metrics(made: Materialisation) -> Mapping[str, int]:
    (scan,) = [each for each in walk(made.profile.root) if each.name == "DataSourceExec"]
    return scan.metrics


def test_a_filter_on_the_column_leaves_other_files_out(tmp_path: Path) -> None:
    first = datetime(2024, 1, 1)
    moments = [first + timedelta(hours=hour) for hour in range(24 * 5)]
    pq.write_table(pa.table({"at": pa.array(moments, pa.timestamp("us"))}), tmp_path / "events.parquet")
    daily = (
        "/* ---\npartitions: {by: at, every: day, from: 2024-01-01, to: 2024-01-06}\n--- */\n"
        "select at from events where at >= $partition_start and at < $partition_end"
    )
    some = (
        "select count(*) as n from daily where at >= timestamp '2024-01-02' and at < timestamp '2024-01-04'"
    )
    root = write_project(tmp_path, {"daily.sql": daily, "some.sql": some}, {"events": "events.parquet"})
    _make(root, "daily", *(f"2024-01-0{day}" for day in range(1, 6)))
    made = _make(root, "some")
    assert _rows(made.publication) == [{"n": 48}]
    metrics = _scan_metrics(made)
    assert metrics["files_ranges_pruned_statistics_total"] == 5
    assert metrics["files_ranges_pruned_statistics_matched"] == 2


def test_a_filter_on_a_day_reads_only_the_footers_of_other_days(tmp_path: Path) -> None:
    # Where a file has one day alone, DataFusion decides by the row groups, and opens the file for that.
    some = WHOLE + " where order_date >= date '2024-02-28' and order_date < date '2024-03-01'"
    root = write_daily(tmp_path, {"whole": WHOLE, "some": some})
    _make(root, "daily", *DAYS)
    # The file of the 29th has no rows and no row group.
    assert _scan_metrics(_make(root, "whole"))["row_groups_matched"] == 3
    metrics = _scan_metrics(_make(root, "some"))
    assert (metrics["row_groups_matched"], metrics["row_groups_pruned"]) == (1, 2)


_READERS = {
    "same": "every: day, from: 2024-02-27, to: 2024-03-02",
    "weekly": "every: week, from: 2024-02-26, to: 2024-03-11",
    "hourly": "every: hour, from: 2024-02-27, to: 2024-03-02",
}


def _reader(settings: str, columns: str = "order_date, amount") -> str:
    return (
        f"/* ---\npartitions: {{by: order_date, {settings}}}\n--- */\nselect {columns} from daily where "
        "order_date >= $partition_start and order_date < $partition_end"
    )


def test_a_reader_of_the_same_cadence_reads_its_own_partition(tmp_path: Path) -> None:
    # Without a filter of its own: what it reads is its partition alone.
    query = f"/* ---\npartitions: {{by: order_date, {_READERS['same']}}}\n--- */\nselect * from daily"
    root = write_daily(tmp_path, {"same": query})
    _make(root, "daily", *DAYS)
    assert _make(root, "same", "2024-03-01").publication.rows == 2
    assert _make(root, "same", "2024-02-28").publication.rows == 1


def test_a_coarser_reader_reads_all_parts_of_its_window(tmp_path: Path) -> None:
    longer = DAILY.replace("from: 2024-02-27, to: 2024-03-02", "from: 2024-02-26, to: 2024-03-11")
    root = write_daily(tmp_path, {"weekly": _reader(_READERS["weekly"])}, longer)
    week = [f"2024-02-{day}" for day in range(26, 30)] + [f"2024-03-0{day}" for day in range(1, 4)]
    _make(root, "daily", *week[:-2])
    with pytest.raises(ExecutionError) as raised:
        _make(root, "weekly", "2024-02-26")
    assert raised.value.cause == (
        "its partition 2024-02-26 reads partitions of daily that have no published result: 2024-03-02, "
        "2024-03-03"
    )
    _make(root, "daily", *week[-2:])
    assert _make(root, "weekly", "2024-02-26").publication.rows == 5


def test_a_finer_reader_reads_the_partition_that_it_lies_in(tmp_path: Path) -> None:
    hourly = _reader(_READERS["hourly"], "cast(order_date as timestamp) as order_date, amount")
    root = write_daily(tmp_path, {"hourly": hourly})
    _make(root, "daily", "2024-02-27")
    assert _make(root, "hourly", "2024-02-27-00:00").publication.rows == 2
    assert _make(root, "hourly", "2024-02-27-01:00").publication.rows == 0
    with pytest.raises(ExecutionError, match="daily that have no published result: 2024-02-28"):
        _make(root, "hourly", "2024-02-28-00:00")


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("ms", "Asia/Tokyo")]
)
def test_hours_over_a_change_of_the_clock_have_each_row_once(tmp_path: Path, kind: pa.DataType) -> None:
    # From 2024-10-27 00:00 in Berlin, in steps of half an hour: 25 hours.
    first = datetime(2024, 10, 26, 22, tzinfo=timezone.utc)
    moments = [first + timedelta(minutes=30) * step for step in range(50)]
    at = pa.array([moment.replace(tzinfo=None) for moment in moments], pa.timestamp("us"))
    values = at if kind == pa.timestamp("us") else at.cast(pa.timestamp("us", "UTC")).cast(kind)
    pq.write_table(pa.table({"at": values, "number": list(range(50))}), tmp_path / "events.parquet")
    query = """\
/* ---
partitions: {by: at, every: hour, from: 2024-10-27, to: 2024-10-28, timezone: Europe/Berlin}
--- */
select at, number from events where at >= $partition_start and at < $partition_end
"""
    root = write_project(tmp_path, {"hourly.sql": query}, {"events": "events.parquet"})
    found = {}
    with _making(root) as make:
        for key in ("2024-10-27-01:00", "2024-10-27-02:00", "2024-10-27-02:00+0100", "2024-10-27-03:00"):
            found[key] = sorted(row["number"] for row in _rows(make("hourly", key).publication))
    assert list(found.values()) == [[2, 3], [4, 5], [6, 7], [8, 9]]


def test_values_are_partitions(tmp_path: Path) -> None:
    pq.write_table(pa.table({"region": ["EU", "US", "EU"], "n": [1, 2, 3]}), tmp_path / "sales.parquet")
    query = (
        "/* ---\npartitions: {by: region, values: [EU, US, AP]}\n--- */\n"
        "select * from sales where region = $partition_key"
    )
    own = (
        "/* ---\npartitions: {by: region, values: [US, AP, EU]}\n--- */\n"
        "select region, sum(n) as n from regional group by 1"
    )
    root = write_project(tmp_path, {"regional.sql": query, "sums.sql": own}, {"sales": "sales.parquet"})
    assert _make(root, "regional", "EU").publication.rows == 2
    assert _rows(_make(root, "sums", "EU").publication) == [{"region": "EU", "n": 4}]
    assert _make(root, "regional", "AP").publication.rows == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("select order_date, amount from orders", "one with 2024-0"),
        (
            "select case when amount > 1 then order_date end as order_date from orders "
            "where order_date = $partition_start",
            "1 rows in which it is null",
        ),
    ],
)
def test_rows_outside_of_the_partition_are_refused(tmp_path: Path, query: str, found: str) -> None:
    front = DAILY[: DAILY.index("select")]
    root = write_daily(tmp_path, daily=front + query)
    with pytest.raises(ExecutionError) as raised:
        _make(root, "daily", "2024-02-27")
    assert raised.value.cause.startswith(
        "rows of its partition 2024-02-27 lie outside of it, by order_date: "
    )
    assert found in raised.value.cause
    assert "$partition_start and $partition_end" in raised.value.next_step
    assert _published(root) == {}


@pytest.mark.parametrize(
    ("key", "cause", "next_step"),
    [
        (
            "2024-03-02",
            "it has no partition 2024-03-02",
            "Choose another one: the first is 2024-02-27, the last that is over is 2024-03-01.",
        ),
        (
            None,
            "it has partitions (every day), and none is asked for",
            "Say which: the first is 2024-02-27, the last that is over is 2024-03-01.",
        ),
    ],
)
def test_a_partition_that_is_none(tmp_path: Path, key: str | None, cause: str, next_step: str) -> None:
    root = write_daily(tmp_path)
    with _making(root) as make, pytest.raises(InputError) as raised:
        make("daily", key)
    assert (raised.value.cause, raised.value.next_step) == (cause, next_step)


def test_a_partition_of_a_view_without_any(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    with _making(root) as make, pytest.raises(InputError, match="it has no partitions, but partition"):
        make("whole", "2024-03-01")


def test_all_partitions_run_the_same_plan_with_their_own_values(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    with _making(root) as make:
        bundles = [make("daily", key).bundle for key in ("2024-02-28", "2024-02-29")]
    first, second = bundles
    assert first.identity == second.identity
    assert [(each.name, each.value) for each in second.parameters] == [
        ("partition_start", "2024-02-29"),
        ("partition_end", "2024-03-01"),
    ]
    assert "2024-02-29" in second.physical_plan
