from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datafusion
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.published_tables import published_result, published_results
from dfplan_assets.execution.publishing import PublishedFrame, publish_frame
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.model import Source

COLUMNS = pa.schema([("customer", pa.int64()), ("score", pa.float64())])
ROWS = pa.table({"customer": [1, 2], "score": [0.5, 1.5]})


def source(folder: Path, columns: pa.Schema | None = COLUMNS) -> Source:
    return Source("scores", f"{folder}/scores/", "published", {}, columns, asset="models/scores")


def publish(folder: Path, value: object, columns: pa.Schema | None = COLUMNS, **more: Any) -> PublishedFrame:
    return publish_frame(value, source(folder, columns), Warehouse(folder, 3), **more)


def read(folder: Path) -> list[dict[str, Any]]:
    result = published_result(source(folder))
    assert result is not None
    rows: list[dict[str, Any]] = pa.concat_tables([pq.read_table(file) for file in result.files]).to_pylist()
    return rows


def frames(folder: Path) -> dict[str, object]:
    pq.write_table(ROWS, folder / "rows.parquet")
    ctx = datafusion.SessionContext()
    return {
        "pandas": ROWS.to_pandas(),
        "table": ROWS,
        "batches": ROWS.to_reader(),
        "batch": ROWS.to_batches()[0],
        "dataset": ds.dataset(str(folder / "rows.parquet")),
        "datafusion": ctx.from_arrow(ROWS),
    }


@pytest.mark.parametrize("kind", ["pandas", "table", "batches", "batch", "dataset", "datafusion"])
def test_every_kind_of_frame_is_published_alike(tmp_path: Path, kind: str) -> None:
    made = publish(tmp_path, frames(tmp_path)[kind])
    assert read(tmp_path) == ROWS.to_pylist()
    assert (made.publication.rows, made.schema.names, made.undeclared) == (2, ["customer", "score"], ())
    assert made.publication.bytes == sum(Path(file).stat().st_size for file in made.publication.files)


def test_the_data_version_is_that_of_the_content(tmp_path: Path) -> None:
    first = publish(tmp_path, ROWS).publication.data_version
    same_rows = publish(tmp_path, ROWS.to_pandas().iloc[::-1]).publication.data_version
    other = publish(tmp_path, ROWS.slice(1)).publication.data_version
    assert first == same_rows != other
    assert publish(tmp_path, ROWS, data_version="mine").publication.data_version == "mine"


def test_an_index_with_a_name_is_a_column_and_one_without_is_none(tmp_path: Path) -> None:
    frame = pd.DataFrame({"customer": [1, 2, 3], "score": [0.5, 1.5, 2.5]})
    assert publish(tmp_path, frame[frame.score > 1]).schema.names == ["customer", "score"]
    assert publish(tmp_path, frame.set_index("customer")).schema.names == ["customer", "score"]


def test_types_are_converted_where_no_value_is_lost(tmp_path: Path) -> None:
    frame = pd.DataFrame({"customer": [1.0, None], "score": [1, 2]})  # what pandas makes of a missing integer
    publish(tmp_path, frame)
    assert read(tmp_path) == [{"customer": 1, "score": 1.0}, {"customer": None, "score": 2.0}]
    publish(tmp_path, pd.DataFrame({"customer": [None, None], "score": [1.0, 2.0]}))
    assert [row["customer"] for row in read(tmp_path)] == [None, None]


class Unstreamable:
    """Promises rows and fails in the middle of them."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        def batches() -> Iterator[pa.RecordBatch]:
            yield ROWS.to_batches()[0]
            raise ValueError("the third customer is unknown")

        return pa.RecordBatchReader.from_batches(ROWS.schema, batches()).__arrow_c_stream__()


def failing_query() -> datafusion.DataFrame:
    ctx = datafusion.SessionContext()
    return ctx.sql(
        "select value as customer, cast(1 / (3 - value) as double) as score from generate_series(1, 5)"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: None, "the asset returned nothing"),
        (lambda: {"customer": [1]}, "returned a dict, which cannot be stored as a table"),
        (lambda: pa.table({}), "a table without columns"),
        (lambda: pd.DataFrame({0: [1]}), r"names are no texts: \[0\]"),
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns called a"),
        (
            lambda: pd.DataFrame({"customer": [1, "x"], "score": [1.0, 2.0]}),
            "Conversion failed for column customer",
        ),
        (lambda: ROWS.select(["customer"]), "score: absent instead of double"),
        (
            lambda: ROWS.set_column(0, "customer", pa.array(["1", "2"])),
            "declares: customer: string instead of int64",
        ),
        (
            lambda: pd.DataFrame({"customer": [1.5], "score": [1.0]}),
            "column customer has a value that is no int64",
        ),
        (lambda: Unstreamable(), "the third customer is unknown"),
        (failing_query, "Divide by zero"),
        (
            lambda: ROWS.append_column("age", pa.array([None, None], pa.month_day_nano_interval())),
            "column age has the type month_day_nano_interval, which cannot be stored",
        ),
    ],
)
def test_what_cannot_be_published_says_why_and_leaves_the_last_result(
    tmp_path: Path, value: Any, said: str
) -> None:
    publish(tmp_path, ROWS)
    with pytest.raises(ExecutionError, match=said) as caught:
        publish(tmp_path, value())
    assert caught.value.where == "asset models/scores (source scores in dfplan.yaml)"
    assert read(tmp_path) == ROWS.to_pylist()
    assert not [path for path in (tmp_path / ".staging").iterdir() if path.is_dir()]


def test_columns_that_are_not_declared_are_stored_and_named(tmp_path: Path) -> None:
    made = publish(tmp_path, ROWS.append_column("note", pa.array(["a", "b"])))
    assert made.undeclared == ("note",)
    assert read(tmp_path)[0]["note"] == "a"


def test_without_declared_columns_the_last_result_says_which_there_must_be(tmp_path: Path) -> None:
    publish(tmp_path, ROWS, columns=None)
    publish(tmp_path, ROWS.append_column("note", pa.array(["a", "b"])), columns=None)  # one more is welcome
    with pytest.raises(ExecutionError, match="note: absent instead of string") as caught:
        publish(tmp_path, ROWS, columns=None)
    assert "its last result, with which views were planned, has" in caught.value.cause
    other = ROWS.set_column(1, "score", pa.array(["high", "low"]))
    with pytest.raises(ExecutionError, match="score: string instead of double"):
        publish(tmp_path, other, columns=None)
    # Declaring the columns says that the change is meant.
    publish(tmp_path, other, columns=pa.schema([("customer", pa.int64()), ("score", pa.string())]))
    assert [row["score"] for row in read(tmp_path)] == ["high", "low"]


def test_partitions_are_published_one_by_one_and_make_one_table(tmp_path: Path) -> None:
    for key in ("EU", "a/b", "EU"):
        publish(tmp_path, ROWS, partition_key=key)
    assert [part.partition_key for part in published_results(source(tmp_path))] == ["EU", "a/b"]
    assert len(read(tmp_path)) == 4
    with pytest.raises(ExecutionError, match="partition US"):
        publish(tmp_path, None, partition_key="US")


def test_what_was_published_last_says_whether_a_table_has_partitions(tmp_path: Path) -> None:
    publish(tmp_path, ROWS)
    publish(tmp_path, ROWS.slice(1), partition_key="EU")
    assert len(read(tmp_path)) == 1
    publish(tmp_path, ROWS)
    assert len(read(tmp_path)) == 2
