"""Two results have one content version exactly when they hold the same rows of the same columns."""

from __future__ import annotations

import datetime
import itertools
import math
import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.execution import content_version as module
from dfplan_assets.execution.content_version import content_version, encoded_values

NAN = float("nan")
OTHER_NAN: float = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0001))[0]

# Of each type, values that are all different from each other.
VALUES: list[tuple[pa.DataType, list[object]]] = [
    (pa.int8(), [None, 0, 1, -1]),
    (pa.uint64(), [None, 0, 2**63, 2**64 - 1]),
    (pa.bool_(), [None, False, True]),
    (pa.float16(), [None, 0.0, -0.0, 1.0, NAN]),
    (pa.float32(), [None, 0.0, -0.0, 1.5, NAN, math.inf, -math.inf]),
    (pa.float64(), [None, 0.0, -0.0, 0.1, 0.1 + 2e-17, NAN, math.inf, -math.inf]),
    (pa.decimal128(10, 2), [None, Decimal("0.00"), Decimal("1.00"), Decimal("-1.00"), Decimal("1.01")]),
    (pa.decimal256(50, 2), [None, Decimal("0.00"), Decimal("1e40"), Decimal("-1e40")]),
    (pa.string(), [None, "", "a", "ab", "\x00", "\x00\x00", "é"]),
    (pa.string_view(), [None, "", "a", "a long text that does not fit into a view itself"]),
    (pa.binary(), [None, b"", b"\x00", b"\x01"]),
    (pa.binary(2), [None, b"ab", b"\x00\x00"]),
    (pa.date32(), [None, datetime.date(1970, 1, 1), datetime.date(2024, 2, 29)]),
    (pa.time64("us"), [None, datetime.time(0, 0), datetime.time(0, 0, 1)]),
    (pa.timestamp("us", "UTC"), [None, *(datetime.datetime(2024, 1, day) for day in (1, 2))]),
    (pa.duration("ms"), [None, datetime.timedelta(0), datetime.timedelta(seconds=1)]),
    (pa.dictionary(pa.int32(), pa.string()), [None, "", "a"]),
    (pa.list_(pa.int64()), [None, [], [None], [0], [1, 2], [2, 1], [1, 2, None]]),
    (pa.list_(pa.string()), [None, [""], ["", ""], ["a", "b"], ["ab"], ["ab", ""]]),
    (pa.list_(pa.list_(pa.int8())), [None, [], [[]], [None], [[1], []], [[], [1]], [[1]]]),
    (pa.list_(pa.int8(), 2), [None, [1, 2], [2, 1], [None, 1]]),
    (pa.struct({"a": pa.int8(), "b": pa.string()}), [None, {}, {"a": 1}, {"b": ""}, {"a": 1, "b": "x"}]),
    (pa.map_(pa.string(), pa.int8()), [None, [], [("a", 1)], [("a", None)], [("a", 1), ("b", 1)]]),
    (pa.list_(pa.struct({"a": pa.list_(pa.int8())})), [None, [], [None], [{}], [{"a": []}], [{"a": [1]}]]),
]


def written(folder: Path, table: pa.Table, name: str = "t") -> str:
    file = folder / f"{name}.parquet"
    pq.write_table(table, file)
    return content_version([str(file)])


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[str(kind) for kind, _ in VALUES])
def test_values_that_differ_have_different_bytes_and_none_begins_as_another(
    kind: pa.DataType, values: list[object]
) -> None:
    encoded = encoded_values(pa.array(values, kind)).to_pylist()
    assert len(set(encoded)) == len(values)
    for one, other in itertools.permutations(encoded, 2):
        assert not other.startswith(one)


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[str(kind) for kind, _ in VALUES])
def test_a_part_of_an_array_is_encoded_as_it_is_in_the_whole(kind: pa.DataType, values: list[object]) -> None:
    whole = pa.array([*values, *values], kind)
    encoded = encoded_values(whole).to_pylist()
    for start in range(len(values)):
        assert (
            encoded_values(whole.slice(start, len(values))).to_pylist()
            == (encoded[start : start + len(values)])
        )
    assert encoded_values(whole.slice(0, 0)).to_pylist() == []


def test_nulls_alone_and_no_columns_at_all(tmp_path: Path) -> None:
    two, three = (pa.table({"a": pa.nulls(rows)}) for rows in (2, 3))
    assert written(tmp_path, two) != written(tmp_path, three)


def test_all_nans_are_one() -> None:
    one, other = encoded_values(pa.array([NAN, OTHER_NAN])).to_pylist()
    assert one == other


def test_the_order_of_rows_files_and_row_groups_is_none_of_it(tmp_path: Path) -> None:
    rows = {"a": [1, 2, 2, None], "b": ["x", None, "y", "x"]}
    table = pa.table(rows)
    expected = written(tmp_path, table)
    assert written(tmp_path, table.take([3, 1, 0, 2])) == expected
    files = []
    for number, part in enumerate((table.slice(0, 1), table.slice(1, 3), table.slice(0, 0))):
        files.append(str(tmp_path / f"part-{number}.parquet"))
        pq.write_table(part, files[-1], row_group_size=1)
    assert content_version(files) == expected


def test_more_rows_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": list(range(100)), "b": [str(number % 7) for number in range(100)]})
    expected = written(tmp_path, table)
    monkeypatch.setattr(module, "_BATCH_ROWS", 3)
    assert written(tmp_path, table) == expected


@pytest.mark.parametrize(
    "other",
    [
        pa.table({"a": [1, 2], "b": ["x", "x"]}),  # a row once, not twice
        pa.table({"a": [1, 1, 1], "b": ["x", "x", "x"]}),  # three times
        pa.table({"a": [1, 1, 2], "b": ["x", "x", None]}),
        pa.table({"a": [1, 2, 1], "b": ["x", "x", "y"]}),  # values between rows exchanged
        pa.table({"b": ["x", "x", "x"], "a": [1, 1, 2]}),  # columns in another order
        pa.table({"a": [1, 1, 2], "c": ["x", "x", "x"]}),
        pa.table({"a": pa.array([1, 1, 2], pa.int32()), "b": ["x", "x", "x"]}),
        pa.table({"a": [1.0, 1.0, 2.0], "b": ["x", "x", "x"]}),
        pa.table({"a": [1, 1, 2], "b": [b"x", b"x", b"x"]}),
    ],
)
def test_other_rows_or_columns_are_another_version(tmp_path: Path, other: pa.Table) -> None:
    table = pa.table({"a": [1, 1, 2], "b": ["x", "x", "x"]})
    assert written(tmp_path, table) != written(tmp_path, other)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_how_strings_lie_is_none_of_it(tmp_path: Path, kind: pa.DataType) -> None:
    texts = ["a", None, "b", "a"]
    expected = written(tmp_path, pa.table({"s": pa.array(texts, pa.string())}))
    assert written(tmp_path, pa.table({"s": pa.array(texts).cast(kind)})) == expected


def test_empty_results_differ_by_their_columns(tmp_path: Path) -> None:
    one, other = pa.schema({"a": pa.int64()}), pa.schema({"b": pa.int64()})
    assert written(tmp_path, one.empty_table()) == written(tmp_path, one.empty_table())
    assert written(tmp_path, one.empty_table()) != written(tmp_path, other.empty_table())


def test_it_is_the_same_in_every_process_and_stays_what_it_is(tmp_path: Path) -> None:
    """A version that changed with a release would make everything stale that content decides."""
    version = written(tmp_path, pa.table({"a": [1, None], "b": ["x", "y"], "c": [[1.5], []]}))
    program = (
        "import sys; from dfplan_assets.execution.content_version import content_version; "
        "print(content_version(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "t.parquet")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == version
    assert version == "e86a18679954afd23068819492293a4a6d07252ca48822ee70e4d9e18f1c01b9"


rows = st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.sampled_from(["", "a", "aa"])))


@given(rows, rows)
def test_versions_are_equal_exactly_when_the_rows_are(
    tmp_path_factory: pytest.TempPathFactory, one: list[object], other: list[object]
) -> None:
    folder = tmp_path_factory.getbasetemp()

    def table(values: list[object]) -> pa.Table:
        pairs = [pair for pair in values if isinstance(pair, tuple)]
        return pa.table(
            {
                "a": pa.array([pair[0] for pair in pairs], pa.int64()),
                "b": pa.array([pair[1] for pair in pairs], pa.string()),
            }
        )

    same = sorted(map(repr, one)) == sorted(map(repr, other))
    assert (written(folder, table(one), "one") == written(folder, table(other), "other")) is same
