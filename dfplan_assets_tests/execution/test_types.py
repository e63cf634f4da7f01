"""Every type that Parquet holds comes through a published result as it went in."""

from __future__ import annotations

import datetime
import decimal
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import plan_project, run

UTC = datetime.timezone.utc
ZURICH = ZoneInfo("Europe/Zurich")
COLUMNS = {
    "bool": pa.array([True, False, None]),
    "int8": pa.array([-128, 127, None], pa.int8()),
    "uint64": pa.array([0, 2**64 - 1, None], pa.uint64()),
    "float": pa.array([1.5, float("-inf"), None], pa.float32()),
    "double": pa.array([0.1, 1e300, None]),
    "half": pa.array([0.5, -2.0, None], pa.float16()),
    "decimal": pa.array([decimal.Decimal("123.45"), decimal.Decimal("-0.01"), None], pa.decimal128(38, 2)),
    "decimal256": pa.array([decimal.Decimal(10**60), decimal.Decimal(-1), None], pa.decimal256(76, 0)),
    "text": pa.array(["", "déjà ✓", None]),
    "large_text": pa.array(["a", "b" * 1000, None], pa.large_string()),
    "bytes": pa.array([b"", b"\x00\xff", None], pa.binary()),
    "fixed": pa.array([b"abcd", b"\x00\x01\x02\x03", None], pa.binary(4)),
    "date": pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None]),
    "time": pa.array([datetime.time(0, 0), datetime.time(23, 59, 59, 999999), None], pa.time64("us")),
    "local_time": pa.array(
        [datetime.datetime(2026, 3, 29, 2, 30), datetime.datetime(1900, 1, 1), None], pa.timestamp("us")
    ),
    "instant": pa.array(
        [
            datetime.datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            datetime.datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            None,
        ],
        pa.timestamp("ms", tz="Europe/Zurich"),
    ),
    "nanoseconds": pa.array([1, 2**62, None], pa.timestamp("ns", tz="UTC")),
    "duration": pa.array(
        [datetime.timedelta(days=-1), datetime.timedelta(microseconds=1), None], pa.duration("us")
    ),
    "dictionary": pa.array(["low", "high", None]).dictionary_encode(),
    "list": pa.array([[1, None, 3], [], None], pa.list_(pa.int32())),
    "large_list": pa.array([["a"], [], None], pa.large_list(pa.string())),
    # No null here: PyArrow 25, the newest for Python 3.10, cannot read one back.
    "fixed_list": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, None]], pa.list_(pa.float64(), 2)),
    "struct": pa.array([{"x": 1, "y": ["p", None]}, {"x": None, "y": None}, None]),
    "map": pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int64())),
    "nothing": pa.nulls(3),
}
ALIKE = {"large_string": "string", "string_view": "string", "large_binary": "binary", "binary_view": "binary"}


def comparable(kind: pa.DataType) -> str:
    """A type without the names of a map's parts, which Parquet fixes, and with one name for text."""
    text = re.sub(r" \('\w+'\)", "", str(kind))
    for spelling, plain in ALIKE.items():
        text = text.replace(spelling, plain)
    return text


@pytest.mark.parametrize("column", COLUMNS)
def test_a_type_is_written_through_two_views_and_read_back(tmp_path: Path, column: str) -> None:
    values = COLUMNS[column]
    feather.write_feather(
        pa.table({"key": [0, 1, 2], "value": values}), tmp_path / "in.arrow", compression="uncompressed"
    )
    plan = plan_project(
        tmp_path,
        {"first": "select key, value from source", "second": "select key, value from first order by key"},
        {"source": Source("source", str(tmp_path / "in.arrow"), "arrow", {}, None)},
    )
    [file] = run(plan).publication.files
    read = pq.read_table(file)
    assert comparable(read.schema.field("value").type) == comparable(values.type)
    assert read["value"].to_pylist() == values.to_pylist()
    frame = pd.read_parquet(file)
    expected = pa.table({"value": values}).to_pandas()["value"]
    assert list(frame["key"]) == [0, 1, 2]
    assert [str(value) for value in frame["value"]] == [str(value) for value in expected]


def test_all_types_at_once_with_no_rows(tmp_path: Path) -> None:
    table = pa.table(COLUMNS).slice(0, 0)
    feather.write_feather(table, tmp_path / "in.arrow", compression="uncompressed")
    plan = plan_project(
        tmp_path,
        {"first": "select * from source", "second": "select * from first"},
        {"source": Source("source", str(tmp_path / "in.arrow"), "arrow", {}, None)},
    )
    read = pq.read_table(run(plan).publication.files[0])
    assert read.num_rows == 0
    assert [(f.name, comparable(f.type)) for f in read.schema] == [
        (f.name, comparable(f.type)) for f in table.schema
    ]
