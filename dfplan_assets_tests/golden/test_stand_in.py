"""Files that stand in for tables: the planner takes their figures for real."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datafusion import SessionConfig, SessionContext
from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.golden.stand_in import TableSize, table_files
from dfplan_assets.golden.thrift import read_struct, write_struct
from dfplan_assets.planning.sources import register_source
from dfplan_assets.project.model import Source, SourceFormat

COLUMNS = pa.schema(
    [
        pa.field("k", pa.int64(), nullable=False),
        ("name", pa.string_view()),
        ("amount", pa.decimal128(15, 2)),
        ("at", pa.timestamp("us", "UTC")),
        ("tags", pa.list_(pa.struct([("x", pa.int32())]))),
        ("map", pa.map_(pa.string(), pa.int64())),
        ("kind", pa.dictionary(pa.int32(), pa.string())),
        ("took", pa.duration("s")),
    ]
)


def source(folder: Path, name: str, size: TableSize, kind: SourceFormat = "parquet") -> Source:
    return table_files(folder / name, Source(name, "", kind, {}, None), COLUMNS, size, 4)


@given(rows=st.integers(0, 2**60), size=st.integers(0, 2**50))
def test_a_footer_tells_the_rows_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, rows: int, size: int
) -> None:
    folder = tmp_path_factory.mktemp("footer")
    source(folder, "t", TableSize(1, size, rows))
    metadata = pq.read_metadata(folder / "t" / "part-0.parquet")
    assert metadata.num_rows == rows
    assert metadata.row_group(0).total_byte_size == size


def test_what_pyarrow_writes_is_read_and_written_alike(tmp_path: Path) -> None:
    table = pa.table(
        {"a": [1, None, 3], "b": ["x", "y", None], "c": [[1], [], None], "d": [True, False, None]}
    )
    pq.write_table(table, tmp_path / "t.parquet", write_page_index=True, use_dictionary=["b"])
    data = (tmp_path / "t.parquet").read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    assert write_struct(read_struct(footer)) == footer


def test_the_planner_takes_the_rows_for_real(tmp_path: Path) -> None:
    config = SessionConfig().with_target_partitions(4).set("datafusion.explain.show_statistics", "true")
    ctx = SessionContext(config)
    register_source(ctx, source(tmp_path, "huge", TableSize(9, 10**12, 6 * 10**9)), COLUMNS)
    (_, physical) = ctx.sql("explain select k from huge").to_pylist()
    assert "Rows=Exact(6000000000)" in physical["plan"]
    assert "file_groups={4 groups" in physical["plan"]


@pytest.mark.parametrize(("left", "right"), [(10**9, 25), (25, 10**9)])
def test_the_smaller_table_of_a_join_is_built(tmp_path: Path, left: int, right: int) -> None:
    ctx = SessionContext(SessionConfig().with_target_partitions(4))
    for name, rows in (("one", left), ("other", right)):
        register_source(ctx, source(tmp_path, name, TableSize(1, rows * 10, rows)), COLUMNS)
    plan = ctx.sql("select one.name from one join other on one.k = other.k").execution_plan()
    join = plan.children()[0] if "HashJoin" not in plan.display() else plan
    assert ("one" if left < right else "other") + "/part-0" in join.children()[0].display_indent()


@pytest.mark.parametrize("kind", ["csv", "json", "arrow"])
def test_other_formats_plan_too(tmp_path: Path, kind: SourceFormat) -> None:
    ctx = SessionContext(SessionConfig().with_target_partitions(4))
    register_source(ctx, source(tmp_path, "t", TableSize(1, 1 << 30, None), kind), COLUMNS)
    assert "DataSourceExec" in ctx.sql("select k from t where k > 1").execution_plan().display_indent()


def test_a_stand_in_takes_no_place_on_the_disk(tmp_path: Path) -> None:
    source(tmp_path, "t", TableSize(1, 10**12, 10**9))
    file = tmp_path / "t" / "part-0.parquet"
    assert file.stat().st_size == 1 << 30
    assert file.stat().st_blocks * 512 < 1 << 20
