"""The profile of a run, against counts made by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.analysis import cpu_seconds, walk
from dfplan_assets.execution.metrics import _numbers
from dfplan_assets.execution.profile import ESTIMATED_ROWS, OperatorProfile
from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import parquet, plan_project, run


@pytest.fixture
def numbers(tmp_path: Path) -> Source:
    """1,000 rows in 10 row groups of 100: n counts from 0, tenth is n % 10."""
    path = tmp_path / "numbers.parquet"
    table = pa.table({"n": range(1000), "tenth": [n % 10 for n in range(1000)]})
    pq.write_table(table, path, row_group_size=100)
    return parquet("numbers", path)


def profile(root: Path, sql: str, source: Source) -> OperatorProfile:
    return run(plan_project(root, {"v": sql}, {source.name: source})).profile.root


def named(root: OperatorProfile, name: str) -> OperatorProfile:
    [found] = [operator for operator in walk(root) if operator.name == name]
    return found


def test_the_sink_stands_on_top_and_counts_what_it_wrote(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select n from numbers where n % 4 = 1", numbers)
    assert root.name == "DataSinkExec"
    assert root.metrics["rows_written"] == 250
    assert root.output_rows is None
    assert (root.started_at, root.ended_at) == (None, None)


def test_rows_scanned_and_rows_that_pass_the_filter(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select n from numbers where n % 4 = 1", numbers)
    assert named(root, "DataSourceExec").output_rows == 1000
    assert named(root, "FilterExec").output_rows == 250
    assert named(root, "FilterExec").metrics["output_rows"] == 250


def test_row_groups_that_statistics_rule_out_are_not_scanned(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select n, tenth from numbers where n >= 700", numbers)
    assert named(root, "DataSourceExec").output_rows == 300


def test_metrics_are_summed_over_partitions(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select tenth, count(*) as rows from numbers group by tenth", numbers)
    final, partial = (operator for operator in walk(root) if operator.name == "AggregateExec")
    assert "mode=FinalPartitioned" in final.display
    assert (final.partitions, final.output_rows) == (2, 10)
    assert "mode=Partial" in partial.display
    assert partial.output_rows is not None
    assert 10 <= partial.output_rows <= 20  # ten groups in each partition that was given rows


def test_expressions_evaluated_in_the_scan_do_not_count_its_rows_twice(
    tmp_path: Path, numbers: Source
) -> None:
    root = profile(tmp_path, "select n * 2 + 1 as odd, concat('x', tenth) as name from numbers", numbers)
    assert named(root, "DataSourceExec").output_rows == 1000


def test_children_are_the_operators_that_feed_an_operator(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select a.n from numbers a join numbers b on a.n = b.tenth", numbers)
    join = named(root, "HashJoinExec")
    assert len(join.children) == 2
    assert [
        sum(leaf.output_rows or 0 for leaf in walk(side) if not leaf.children) for side in join.children
    ] == [
        1000,
        1000,
    ]
    assert join.output_rows == 1000  # each tenth is the n of one row


def test_times_are_those_of_the_run(tmp_path: Path, numbers: Source) -> None:
    made = run(
        plan_project(tmp_path, {"v": "select tenth from numbers order by tenth"}, {"numbers": numbers})
    )
    timed = [operator for operator in walk(made.profile.root) if operator.started_at and operator.ended_at]
    assert {operator.name for operator in timed} >= {"SortExec", "DataSourceExec"}
    for operator in timed:
        assert operator.started_at is not None
        assert operator.ended_at is not None
        assert made.profile.started_at <= operator.started_at <= operator.ended_at
        assert operator.ended_at <= made.publication.published_at


def test_all_numbers_are_kept_under_their_own_names(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select tenth, sum(n) as total from numbers group by tenth", numbers)
    scan = named(root, "DataSourceExec")
    assert scan.metrics["bytes_scanned"] > 0
    assert scan.metrics["files_opened"] == 1
    assert all(type(value) is int for operator in walk(root) for value in operator.metrics.values())
    repartition = next(operator for operator in walk(root) if operator.name == "RepartitionExec")
    assert {"fetch_time", "send_time", "repartition_time"} <= set(repartition.metrics)


def test_cpu_time_is_what_operators_compute_and_what_scans_decode(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *([n, f"text {n}"] for n in range(20_000))])
    source = Source("lines", str(path), "csv", {"has_header": True}, None)
    root = profile(tmp_path, "select count(b) as rows, sum(a) as total from lines", source)
    scan = named(root, "DataSourceExec")
    # DataFusion leaves the parsing of a CSV file out of elapsed_compute.
    assert scan.metrics["elapsed_compute"] < scan.metrics["time_elapsed_processing"]
    assert scan.cpu_nanoseconds == scan.metrics["time_elapsed_processing"]
    for operator in walk(root):
        if operator.name != "DataSourceExec":
            assert operator.cpu_nanoseconds == operator.metrics.get("elapsed_compute")
    assert cpu_seconds(root) == pytest.approx(sum(op.cpu_nanoseconds or 0 for op in walk(root)) / 1e9)


def test_an_operator_that_measures_nothing_is_still_there(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select 1 as a", numbers)
    leaf = list(walk(root))[-1]
    assert leaf.name == "PlaceholderRowExec"
    assert (leaf.output_rows, leaf.cpu_nanoseconds) == (None, None)
    assert set(leaf.metrics) <= {ESTIMATED_ROWS}


def test_the_tree_is_walked_from_the_sink_to_the_leaves() -> None:
    def operator(name: str, *children: OperatorProfile) -> OperatorProfile:
        return OperatorProfile(name, name, 1, None, None, {}, None, None, children)

    def names(root: OperatorProfile) -> Iterator[str]:
        return (found.name for found in walk(root))

    tree = operator("a", operator("b", operator("c")), operator("d"))
    assert list(names(tree)) == ["a", "b", "c", "d"]
    assert cpu_seconds(tree) == 0


def test_row_groups_are_skipped_by_statistics_or_read(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select n, tenth from numbers where n >= 700", numbers)
    scan = named(root, "DataSourceExec").metrics
    assert scan["row_groups_pruned_statistics_total"] == 10
    assert scan["row_groups_pruned_statistics_matched"] == 3
    assert (scan["row_groups_pruned"], scan["row_groups_matched"]) == (7, 3)
    assert scan["output_batches"] >= 1


def test_the_memory_of_a_join_is_counted(tmp_path: Path, numbers: Source) -> None:
    root = profile(tmp_path, "select a.n from numbers a join numbers b on a.n = b.tenth", numbers)
    assert named(root, "HashJoinExec").metrics["build_mem_used"] > 0


@pytest.mark.parametrize(
    ("text", "numbers_in_it"),
    [
        ("11 total → 8 matched", {"m_total": 11, "m_matched": 8}),
        ("1.2 K total → 160.05 K matched", {"m_total": 1_200, "m_matched": 160_050}),
        ("0.0 B", {"m": 0}),
        ("1821.9 KB", {"m": 1_865_626}),
        ("2.50 GB", {"m": 2_684_354_560}),
        ("24", {"m": 24}),
        ("3.1 M", {"m": 3_100_000}),
        ("5% (460.3 K/9.21 M)", {}),
        ("N/A (0/0)", {}),
        ("100%", {}),
        ("", {}),
    ],
)
def test_numbers_are_read_from_the_text_of_a_metric(text: str, numbers_in_it: dict[str, int]) -> None:
    assert _numbers("m", text) == numbers_in_it
