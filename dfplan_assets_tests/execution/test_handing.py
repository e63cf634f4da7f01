from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.handing import open_dataset, plain_type, read_table


def write(folder: Path, table: pa.Table, name: str = "part-0.parquet") -> str:
    pq.write_table(table, folder / name, row_group_size=700)
    return str(folder / name)


def test_a_table_has_all_rows_in_their_order_whatever_the_batches(tmp_path: Path) -> None:
    rows = 100_000  # several batches, each of several row groups
    table = pa.table({"n": pa.array(range(rows)), "text": [f"number {n}" for n in range(rows)]})
    assert read_table([write(tmp_path, table)]).equals(table)


def test_types_and_nulls_stay(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    table = pa.table(
        {
            "decimal": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
            "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "list": pa.array([[1, None], None], pa.list_(pa.int32())),
            "struct": pa.array([{"x": 1, "y": "z"}, None]),
            "flag": pa.array([True, None]),
        }
    )
    assert read_table([write(tmp_path, table)]).to_pylist() == table.to_pylist()
    assert read_table([write(tmp_path, table)]).schema.types == table.schema.types


def test_texts_are_plain_ones_though_datafusion_writes_views(tmp_path: Path) -> None:
    views = pa.table(
        {"text": pa.array(["a", None], pa.string_view()), "raw": pa.array([b"a"] * 2, pa.binary_view())}
    )
    found = read_table([write(tmp_path, views)])
    assert found.schema.types == [pa.string(), pa.binary()]
    assert found.to_pylist() == views.to_pylist()


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (pa.list_(pa.string_view()), pa.list_(pa.string())),
        (pa.struct([("a", pa.binary_view())]), pa.struct([("a", pa.binary())])),
        (pa.map_(pa.string_view(), pa.int8()), pa.map_(pa.string(), pa.int8())),
        (pa.date32(), pa.date32()),
    ],
)
def test_inside_of_other_types_too(kind: pa.DataType, plain: pa.DataType) -> None:
    assert plain_type(kind) == plain


def test_columns_can_be_chosen_and_come_in_that_order(tmp_path: Path) -> None:
    file = write(tmp_path, pa.table({"a": [1], "b": [2], "c": [3]}))
    assert read_table([file], ["c", "a"]).to_pydict() == {"c": [3], "a": [1]}
    with pytest.raises(KeyError, match="d"):
        read_table([file], ["d"])


def test_several_files_are_one_table_also_where_one_is_empty(tmp_path: Path) -> None:
    first = write(tmp_path, pa.table({"a": pa.array([], pa.int64())}))
    second = write(tmp_path, pa.table({"a": [1, 2]}), "part-1.parquet")
    assert read_table([first, second]).to_pydict() == {"a": [1, 2]}
    assert open_dataset([first, second]).count_rows() == 2


def test_the_memory_of_a_table_is_just_its_size(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(200_000)), "text": [f"number {n}" for n in range(200_000)]})
    file = write(tmp_path, table)
    before = pa.system_memory_pool().bytes_allocated()
    found = read_table([file])
    taken = pa.system_memory_pool().bytes_allocated() - before
    assert 0.99 * found.nbytes <= taken <= 1.01 * found.nbytes
