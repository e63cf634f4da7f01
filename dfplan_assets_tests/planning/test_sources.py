"""Sources of every format: their schemas, and what is wrong with those that cannot be used."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from datafusion import SessionContext

from dfplan_assets.errors import SourceError, UnreadableSourceError
from dfplan_assets.planning.session import execution_context
from dfplan_assets.planning.sources import register_result, register_source, source_schema
from dfplan_assets.project.model import Engine, OptionValue, Source, SourceFormat

ROWS = [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
TABLE = pa.Table.from_pylist(ROWS)


def source(
    path: Path | str,
    format: SourceFormat,
    columns: pa.Schema | None = None,
    **options: OptionValue,
) -> Source:
    return Source("raw.t", str(path), format, options, columns)


def write(path: Path, format: SourceFormat) -> Path:
    if format == "parquet":
        pq.write_table(TABLE, path)
    elif format == "csv":
        pyarrow.csv.write_csv(TABLE, path)
    elif format == "json":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        with pyarrow.ipc.new_file(path, TABLE.schema) as writer:
            writer.write_table(TABLE)
    return path


def rows_of(given: Source) -> list[dict[str, object]]:
    ctx = SessionContext()
    register_source(ctx, given, source_schema(given))
    return ctx.sql('select * from raw."t" order by id').to_pylist()


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "arrow"])
def test_a_file_of_each_format_is_read(tmp_path: Path, format: SourceFormat) -> None:
    assert rows_of(source(write(tmp_path / f"t.{format}", format), format)) == ROWS


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "arrow"])
def test_a_glob_and_a_folder_of_each_format_are_read(tmp_path: Path, format: SourceFormat) -> None:
    for part in ("1", "2"):
        write(tmp_path / f"t{part}.{format}", format)
    twice = sorted(ROWS * 2, key=lambda row: str(row["id"]))
    assert rows_of(source(f"{tmp_path}/t*.{format}", format)) == twice
    assert rows_of(source(f"{tmp_path}/", format)) == twice


def test_subfolders_of_a_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    write(tmp_path / "t.parquet", "parquet")
    write(tmp_path / "2024" / "t.parquet", "parquet")
    given = source(f"{tmp_path}/", "parquet")
    ctx = execution_context(Engine(None, None, {}), None)
    register_source(ctx, given, source_schema(given))
    assert ctx.sql('select count(*) as n from raw."t"').to_pylist() == [{"n": 4}]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_file_without_an_extension_is_read(tmp_path: Path, format: SourceFormat) -> None:
    assert rows_of(source(write(tmp_path / "data", format), format)) == ROWS


def test_a_path_with_the_signs_of_a_pattern_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "a[1]"
    folder.mkdir()
    assert rows_of(source(write(folder / "t.csv", "csv"), "csv")) == ROWS


def test_a_file_with_an_unusual_extension_is_read(tmp_path: Path) -> None:
    assert rows_of(source(write(tmp_path / "t.data", "csv"), "csv")) == ROWS


def test_csv_options_reach_the_reader(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1;x\n2;y\n")
    columns = pa.schema([("id", pa.int64()), ("name", pa.string())])
    given = source(tmp_path / "t.csv", "csv", columns, has_header=False, delimiter=";")
    assert rows_of(given) == ROWS


def test_quoting_and_comments_in_csv_are_options(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,name\n# nothing\n1,'x'\n2,'y'\n")
    assert rows_of(source(tmp_path / "t.csv", "csv", quote="'", comment="#")) == ROWS


def test_a_compressed_csv_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"id,name\n1,x\n2,y\n"))
    assert rows_of(source(tmp_path / "t.csv.gz", "csv", file_compression_type="gzip")) == ROWS


def test_a_compressed_json_is_read(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert rows_of(source(tmp_path / "t.jsonl.gz", "json", file_compression_type="gzip")) == ROWS


def test_declared_columns_need_no_file(tmp_path: Path) -> None:
    columns = pa.schema([("id", pa.int64())])
    assert source_schema(source(tmp_path / "later.parquet", "parquet", columns)) == columns


@pytest.mark.parametrize("path", ["missing.parquet", "no*.parquet", "empty/"])
def test_a_missing_file_is_an_error_that_names_the_source(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"source raw\.t: no file at"):
        source_schema(source(f"{tmp_path}/{path}", "parquet"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"PAR1 this is no Parquet file PAR1",  # DataFusion would panic on this one
        lambda whole: whole[:-9],
        lambda whole: whole[:40] + bytes(len(whole) - 48) + whole[-8:],
        lambda whole: b"xy",
    ],
    ids=["garbage", "cut short", "footer overwritten", "two bytes"],
)
def test_a_corrupt_file_is_an_error_that_names_the_file(
    tmp_path: Path, damage: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "t.parquet", "parquet")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UnreadableSourceError, match="cannot be read as parquet"):
        source_schema(source(file, "parquet"))
    assert "panicked" not in capfd.readouterr().err


def test_a_declared_column_whose_type_changed_in_the_file_is_an_error(tmp_path: Path) -> None:
    columns = pa.schema([("id", pa.int64()), ("name", pa.date32())])
    with pytest.raises(SourceError, match="column name is declared as date32"):
        source_schema(source(write(tmp_path / "t.parquet", "parquet"), "parquet", columns))


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        (pa.list_(pa.int64()), pa.list_(pa.string())),
        (pa.struct([("x", pa.int64())]), pa.struct([("x", pa.int64()), ("y", pa.int64())])),
        (pa.struct([("x", pa.int64())]), pa.struct([("z", pa.int64())])),
        (pa.map_(pa.string(), pa.int64()), pa.map_(pa.string(), pa.string())),
    ],
    ids=str,
)
def test_a_declared_column_whose_nested_type_changed_is_an_error(
    tmp_path: Path, declared: pa.DataType, written: pa.DataType
) -> None:
    pq.write_table(pa.table({"c": pa.nulls(1, written)}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="column c is declared as"):
        source_schema(source(tmp_path / "t.parquet", "parquet", pa.schema([("c", declared)])))


def test_a_declared_column_that_the_file_lost_is_an_error(tmp_path: Path) -> None:
    columns = pa.schema([("id", pa.int64()), ("price", pa.float64())])
    with pytest.raises(SourceError, match="column price is declared"):
        source_schema(source(write(tmp_path / "t.parquet", "parquet"), "parquet", columns))


def test_a_declared_string_takes_any_spelling_of_a_string(tmp_path: Path) -> None:
    table = TABLE.set_column(1, "name", TABLE.column("name").cast(pa.large_string()))
    pq.write_table(table, tmp_path / "t.parquet")
    columns = pa.schema([("id", pa.int64()), ("name", pa.string())])
    assert rows_of(source(tmp_path / "t.parquet", "parquet", columns)) == ROWS


def test_the_files_of_a_result_are_one_table(tmp_path: Path) -> None:
    files = []
    for part in ("1", "2"):
        pq.write_table(TABLE, tmp_path / f"part-{part}.parquet")
        files.append(str(tmp_path / f"part-{part}.parquet"))
    ctx = SessionContext()
    register_result(ctx, "marts.t", files, TABLE.schema)
    assert ctx.sql("select count(*) as n from marts.t").to_pylist() == [{"n": 4}]
