"""Where the time of a run went, against trees whose times were set by hand and a query that sleeps."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datafusion import SessionConfig, SessionContext, udf

from dfplan_assets.execution.analysis import (
    Totals,
    cpu_seconds,
    misestimates,
    operator_times,
    top_operators,
    totals,
    widest,
)
from dfplan_assets.execution.metrics import profile_operators
from dfplan_assets.execution.profile import ESTIMATED_ROWS, OperatorProfile, known_total

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def operator(
    name: str,
    *children: OperatorProfile,
    seconds: float | None = None,
    ran: tuple[float, float] | None = None,
    rows: int | None = None,
    expected: int | None = None,
    partitions: int = 1,
) -> OperatorProfile:
    return OperatorProfile(
        name=name,
        display=f"{name}: …",
        partitions=partitions,
        output_rows=rows,
        cpu_nanoseconds=None if seconds is None else round(seconds * 1e9),
        metrics={} if expected is None else {ESTIMATED_ROWS: expected},
        started_at=None if ran is None else NOON + timedelta(seconds=ran[0]),
        ended_at=None if ran is None else NOON + timedelta(seconds=ran[1]),
        children=children,
    )


SORTED_JOIN = operator(
    "DataSinkExec",
    operator(
        "SortExec",
        operator(
            "HashJoinExec",
            operator("ScanOfNations", seconds=1.0, ran=(0.0, 2.0)),
            operator("ScanOfOrders", seconds=3.0, ran=(1.0, 5.0), partitions=4),
            seconds=4.0,
            ran=(0.0, 6.0),
        ),
        seconds=2.0,
        ran=(0.0, 9.0),
    ),
)


def test_operators_are_numbered_from_the_sink_down() -> None:
    assert [(each.number, each.depth, each.operator.name) for each in operator_times(SORTED_JOIN)] == [
        (0, 0, "DataSinkExec"),
        (1, 1, "SortExec"),
        (2, 2, "HashJoinExec"),
        (3, 3, "ScanOfNations"),
        (4, 3, "ScanOfOrders"),
    ]


def test_the_shares_of_operators_are_of_the_time_of_all() -> None:
    assert cpu_seconds(SORTED_JOIN) == 10.0
    shares = {each.operator.name: each.share for each in operator_times(SORTED_JOIN)}
    assert shares == {
        "DataSinkExec": None,  # it records nothing
        "SortExec": 0.2,
        "HashJoinExec": 0.4,
        "ScanOfNations": 0.1,
        "ScanOfOrders": 0.3,
    }


def test_after_its_inputs_an_operator_works_on_rows_that_it_has() -> None:
    after = {each.operator.name: each.after_inputs_seconds for each in operator_times(SORTED_JOIN)}
    assert after == {
        "DataSinkExec": None,
        "SortExec": 3.0,  # from 6 to 9
        "HashJoinExec": 1.0,  # the last of its inputs ended at 5
        "ScanOfNations": 2.0,
        "ScanOfOrders": 4.0,
    }


def test_an_operator_that_ends_before_its_input_spends_no_time_after_it() -> None:
    limit = operator("GlobalLimitExec", operator("Scan", ran=(0.0, 2.0)), ran=(0.0, 1.0))
    assert [each.after_inputs_seconds for each in operator_times(limit)] == [0.0, 2.0]


def test_without_the_moments_of_an_input_the_time_after_it_is_not_known() -> None:
    assert operator_times(operator("Sort", operator("Scan"), ran=(0.0, 1.0)))[0].after_inputs_seconds is None


def test_the_costliest_operators_come_first_and_those_without_time_not_at_all() -> None:
    assert [each.operator.name for each in top_operators(SORTED_JOIN, 3)] == [
        "HashJoinExec",
        "ScanOfOrders",
        "SortExec",
    ]
    assert len(top_operators(SORTED_JOIN, 99)) == 4
    assert top_operators(operator("DataSinkExec"), 3) == ()
    twins = operator("Union", operator("a", seconds=1.0), operator("b", seconds=1.0))
    assert [each.operator.name for each in top_operators(twins, 2)] == ["a", "b"]


def test_the_widest_operator_counts() -> None:
    assert widest(SORTED_JOIN) == 4


def test_a_run_without_any_time_has_no_shares() -> None:
    (only,) = operator_times(operator("EmptyExec", seconds=0.0))
    assert (only.exclusive_seconds, only.share) == (0.0, None)


@pytest.mark.parametrize(
    ("expected", "rows", "factor"),
    [(100, 1_000, 10.0), (1_000, 100, 10.0), (0, 8, 8.0), (8, 0, 8.0), (50, 100, 2.0)],
)
def test_rows_are_misjudged_by_the_factor_between_them(expected: int, rows: int, factor: float) -> None:
    (found,) = misestimates(operator("FilterExec", expected=expected, rows=rows))
    assert (found.estimated_rows, found.actual_rows, found.factor) == (expected, rows, factor)


@pytest.mark.parametrize(("expected", "rows"), [(100, 100), (100, 199), (0, 0), (1, 0), (None, 5), (5, None)])
def test_rows_are_not_misjudged_by_less_than_twice_or_where_either_is_not_known(
    expected: int | None, rows: int | None
) -> None:
    assert misestimates(operator("FilterExec", expected=expected, rows=rows)) == ()


def test_the_worst_misestimate_comes_first() -> None:
    tree = operator("a", operator("b", expected=1, rows=9), expected=3, rows=9)
    assert [(each.number, each.factor) for each in misestimates(tree)] == [(1, 9.0), (0, 3.0)]
    assert [each.number for each in misestimates(tree, least_factor=5.0)] == [1]


def test_what_is_passed_on_is_misjudged_once() -> None:
    passed_on = operator("Repartition", operator("Filter", expected=1, rows=9), expected=1, rows=9)
    tree = operator("Limit", operator("Sort", passed_on, expected=1, rows=9), expected=1, rows=5)
    assert [each.operator.name for each in misestimates(tree)] == ["Filter", "Limit"]


def test_totals_are_sums_over_the_operators_that_count() -> None:
    metrics = [
        {"spilled_bytes": 5},
        {"spilled_bytes": 2, "bytes_scanned": 10},
        {"bytes_scanned": 1, "row_groups_pruned": 3, "row_groups_matched": 4},
    ]
    assert totals(metrics) == Totals(7, 11, 3, 4)
    assert totals([{}]) == Totals(0, None, None, None)


def test_a_total_is_known_where_all_of_it_is() -> None:
    assert known_total([1, 0, 2]) == 3
    assert known_total([1, None]) is None
    assert known_total(()) is None


SLOW = "(select slowly(n) as s from numbers)"
FEW_SLOW = "(select slowly(n) as s from numbers limit 100)"


@pytest.mark.parametrize("partitions", [1, 2])
@pytest.mark.parametrize(
    "sql",
    [
        f"select s, count(*) as rows from {SLOW} group by s order by s",
        f"select s, row_number() over (order by s) as place from {SLOW}",
        f"select a.s from {SLOW} a join numbers b on a.s = b.n",
        f"select b.n from numbers b join {SLOW} a on a.s = b.n",
        f"select a.s from numbers b join {FEW_SLOW} a on a.s = b.n",
        f"select a.s from {SLOW} a join (select n from numbers limit 5) b on a.s < b.n",
        f"select a.s from numbers b join {FEW_SLOW} a on a.s < b.n",
        f"select a.s, b.n from {SLOW} a cross join (select n from numbers limit 5) b",
        f"select a.s, b.n from numbers b cross join {FEW_SLOW} a",
        f"select s from {SLOW} union all select n from numbers",
        f"select n from numbers where n in (select s from {SLOW})",
    ],
)
def test_the_time_of_an_operator_is_without_that_of_what_feeds_it(
    tmp_path: Path, sql: str, partitions: int
) -> None:
    """A function in one operator sleeps for 50 ms at each batch: no other operator is slow."""
    pq.write_table(pa.table({"n": range(400)}), tmp_path / "numbers.parquet")

    def slowly(numbers: pa.Array) -> pa.Array:
        time.sleep(0.05)
        return numbers

    ctx = SessionContext(SessionConfig().with_target_partitions(partitions).with_batch_size(100))
    ctx.register_udf(udf(slowly, [pa.int64()], pa.int64(), "volatile", "slowly"))
    ctx.register_parquet("numbers", str(tmp_path / "numbers.parquet"))
    frame = ctx.sql(sql)
    frame.collect()
    slow, *others = top_operators(profile_operators(frame.execution_plan()), 99)
    assert "slowly" in slow.operator.display
    assert slow.exclusive_seconds is not None
    assert slow.exclusive_seconds >= 0.05
    assert [each.operator.display for each in others if (each.share or 0.0) > 0.4] == []
