from __future__ import annotations

import pytest

from dfplan_assets.visual.operator_words import detail, name, named
from dfplan_assets_tests.visual.operators import operator


@pytest.mark.parametrize(
    ("display", "words"),
    [
        (
            "AggregateExec: mode=Partial, gby=[region@0 as region, year@2 as year], aggr=[sum(x)]",
            "region, year",
        ),
        ("HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, id@3)]", "Inner id"),
        (
            "HashJoinExec: mode=Partitioned, join_type=Left, on=[(a@0, b@3), (c@1, c@2)], projection=[a@0]",
            "Left a = b, c",
        ),
        (
            'FilterExec: name@1 = Utf8("it\'s") AND n@0 > Int64(5), projection=[n@0]',
            "name = 'it's' AND n > 5",
        ),
        ("FilterExec: CAST(v@0 AS Decimal128(38, 8)) > 1", "CAST(v AS Decimal128(38, 8)) > 1"),
        ("SortExec: expr=[b@1 DESC, a@0 ASC NULLS LAST], preserve_partitioning=[true]", "b DESC, a"),
        ("SortExec: TopK(fetch=10), expr=[total@1 DESC], preserve_partitioning=[false]", "total DESC"),
        ("RepartitionExec: partitioning=Hash([key@0, day@1], 8), input_partitions=8", "into 8 by key, day"),
        ("RepartitionExec: partitioning=RoundRobinBatch(4), input_partitions=1", "into 4"),
        (
            "DataSourceExec: file_groups={2 groups: [[shop/data/orders.parquet:0..9]]}, file_type=parquet",
            "orders.parquet",
        ),
        (
            "DataSourceExec: file_groups={1 group: [[out/core.sales/v1/part-0.parquet]]}, file_type=parquet",
            "core.sales, parquet",
        ),
        ("DataSourceExec: partitions=1, partition_sizes=[1]", "values in memory"),
        ("DataSinkExec: sink=ParquetSink(file_groups=[])", "writes Parquet"),
        ("ProjectionExec: expr=[a@0 as a, b@1 as total]", "a, b as total"),
        ("CoalescePartitionsExec", ""),
        ("SomethingNewExec: whatever=[(]", ""),
    ],
)
def test_what_tells_an_operator_from_others_of_its_kind(display: str, words: str) -> None:
    assert detail(operator(display.partition(":")[0], display=display)) == words


def test_an_aggregation_in_two_steps_says_which_one_it_is() -> None:
    steps = [
        operator("AggregateExec", display=f"AggregateExec: mode={mode}, gby=[], aggr=[]")
        for mode in ("Partial", "FinalPartitioned", "Single")
    ]
    assert [name(each) for each in steps] == ["Aggregate, partial", "Aggregate, final", "Aggregate"]


def test_a_scan_is_named_with_what_it_scans() -> None:
    display = "DataSourceExec: file_groups={1 group: [[data/orders.csv]]}, file_type=csv"
    assert named(operator("DataSourceExec", display=display)) == "DataSource orders.csv"


def test_a_very_long_list_of_columns_is_cut_early() -> None:
    columns = ", ".join(f"column_{number}@{number} as column_{number}" for number in range(5_000))
    assert len(detail(operator("ProjectionExec", display=f"ProjectionExec: expr=[{columns}]"))) == 120
