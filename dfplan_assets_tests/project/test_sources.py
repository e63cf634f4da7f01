from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datafusion import CsvReadOptions, SessionContext

from dfplan_assets.errors import InputError
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Source
from dfplan_assets_tests.project.folders import write_project


def source(root: Path, declaration: str, name: str = "s") -> Source:
    return load_project(write_project(root, f"sources:\n  {name}: {declaration}\n")).sources[name]


@pytest.mark.parametrize(
    ("written", "format_", "options"),
    [
        ("data/a.parquet", "parquet", {}),
        ("data/a.PARQUET", "parquet", {}),
        ("data/a.pq", "parquet", {}),
        ("data/a.csv", "csv", {}),
        ("data/a.tsv", "csv", {"delimiter": "\t"}),
        ("data/a.json", "json", {}),
        ("data/a.jsonl", "json", {}),
        ("data/a.ndjson", "json", {}),
        ("data/a.arrow", "arrow", {}),
        ("data/a.feather", "arrow", {}),
        ("data/*.csv", "csv", {}),
        ("data/part-?.parquet", "parquet", {}),
        ("data/a.csv.gz", "csv", {"file_compression_type": "gzip"}),
        ("data/a.csv.bz2", "csv", {"file_compression_type": "bz2"}),
        ("data/*.jsonl.xz", "json", {"file_compression_type": "xz"}),
        ("data/a.tsv.zst", "csv", {"delimiter": "\t", "file_compression_type": "zstd"}),
        ("s3://bucket/a.parquet", "parquet", {}),
    ],
)
def test_the_extension_tells_the_format(
    tmp_path: Path, written: str, format_: str, options: dict[str, str]
) -> None:
    found = source(tmp_path, written)
    path = written if "://" in written else f"{tmp_path}/{written}"
    assert (found.path, found.format, found.options) == (path, format_, options)


def test_a_declared_format_wins_over_the_extension(tmp_path: Path) -> None:
    assert source(tmp_path, "{path: data/a.txt, format: csv}").format == "csv"
    assert source(tmp_path, "{path: data/a.csv, format: json}").format == "json"
    assert source(tmp_path, '{path: a.tsv, options: {delimiter: ";"}}').options == {"delimiter": ";"}


def test_folders_end_in_a_slash(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "spark.parquet").mkdir()
    assert source(tmp_path, "{path: later/, format: csv}").path == f"{tmp_path}/later/"
    assert source(tmp_path, "{path: here, format: csv}").path == f"{tmp_path}/here/"
    assert source(tmp_path, "spark.parquet").path == f"{tmp_path}/spark.parquet/"
    assert source(tmp_path, "{path: later, format: csv}").path == f"{tmp_path}/later"


def test_paths_are_those_of_the_project_s_folder(tmp_path: Path) -> None:
    root = tmp_path / "p"
    assert source(root, "../shared/./a.csv").path == f"{tmp_path}/shared/a.csv"
    assert source(root, "/data/a.csv").path == "/data/a.csv"


def test_a_name_may_have_a_schema(tmp_path: Path) -> None:
    yaml = "sources: {raw.events: a.csv, public.orders: b.csv, Orders: c.csv}\n"
    sources = load_project(write_project(tmp_path, yaml)).sources
    assert list(sources) == ["raw.events", "orders", "Orders"]
    assert sources["orders"].name == "orders"


def test_columns_stand_in_yaml_without_quotes(tmp_path: Path) -> None:
    in_one_line = """{path: a.csv, columns: {id: int64, at: timestamp[us, tz=UTC], price: decimal128(15, 2),
        tags: list<string>, place: struct<lat: double, "l: n": double>, m: map<string, list<int64>>,
        v: fixed_size_list<float>[3], no: "bool"}}"""
    in_lines = """
    path: a.csv
    columns:
      id: int64
      at: timestamp[us, tz=UTC]
      price: decimal128(15, 2)  # in euros
      tags: list<string>
      place: struct<lat: double, "l: n": double>
      m: map<string, list<int64>>
      v: fixed_size_list<float>[3]
      no: bool"""
    expected = pa.schema(
        [
            ("id", pa.int64()),
            ("at", pa.timestamp("us", "UTC")),
            ("price", pa.decimal128(15, 2)),
            ("tags", pa.list_(pa.string())),
            ("place", pa.struct([("lat", pa.float64()), ("l: n", pa.float64())])),
            ("m", pa.map_(pa.string(), pa.list_(pa.int64()))),
            ("v", pa.list_(pa.float32(), 3)),
            ("no", pa.bool_()),
        ]
    )
    assert source(tmp_path, in_one_line).columns == expected
    assert source(tmp_path, in_lines).columns == expected


# Each option, a text, and what DataFusion makes of the two.
CSV: list[tuple[str, str, dict[str, list[Any]]]] = [
    ("has_header: false", "1,x\n", {"column_1": [1], "column_2": ["x"]}),
    ('delimiter: "|"', "a|b\n1|2\n", {"a": [1], "b": [2]}),
    ('delimiter: "\\t"', "a\tb\n1\t2\n", {"a": [1], "b": [2]}),
    ('quote: "\'"', "a,b\n'1,5',2\n", {"a": ["1,5"], "b": [2]}),
    ('escape: "\\\\"', 'a,b\n"x\\"y",2\n', {"a": ['x"y'], "b": [2]}),
    ('comment: "#"', "#c\na,b\n1,2\n#d\n", {"a": [1], "b": [2]}),
    ("newlines_in_values: true", 'a,b\n"x\ny",2\n', {"a": ["x\ny"], "b": [2]}),
    ("truncated_rows: true", "a,b\n1,2\n3\n", {"a": [1, 3], "b": [2, None]}),
    ("schema_infer_max_records: 2", "a\n1\nx\n", {"a": ["1", "x"]}),
]


@pytest.mark.parametrize(("option", "text", "rows"), CSV)
def test_datafusion_heeds_each_option_of_csv(
    tmp_path: Path, option: str, text: str, rows: dict[str, list[Any]]
) -> None:
    found = source(tmp_path, f"{{path: a.csv, options: {{{option}}}}}")
    Path(found.path).write_text(text)
    ctx = SessionContext()
    options: dict[str, Any] = dict(found.options)
    ctx.register_csv("s", found.path, options=CsvReadOptions(**options))
    assert ctx.sql("select * from s").to_pydict() == rows


@pytest.mark.parametrize("options", ["file_compression_type: gzip", "schema_infer_max_records: 1"])
def test_options_of_json(tmp_path: Path, options: str) -> None:
    found = source(tmp_path, f"{{path: a.json, options: {{{options}}}}}")
    assert len(found.options) == 1


def test_a_folder_s_files_can_have_an_extension_of_their_own(tmp_path: Path) -> None:
    found = source(tmp_path, "{path: a/, format: parquet, options: {file_extension: .pq}}")
    assert found.options == {"file_extension": ".pq"}


@pytest.mark.parametrize(
    ("declaration", "cause", "next_step"),
    [
        ("[a.csv]", "sources.s must be a path, or a mapping", ""),
        ("", "sources.s must be a path, or a mapping", ""),
        ("{format: csv}", "sources.s has no path", "Add path:"),
        ('""', "sources.s is empty", ""),
        ("{path: a.csv, fromat: csv}", "unknown key sources.s.fromat", "Did you mean format?"),
        ("{path: a.csv, format: cvs}", "sources.s.format cannot be 'cvs'", "Did you mean csv?"),
        ("data/a", "is not known from its path: it has no extension, and there is nothing at", "format: csv"),
        ("data/", "the format of sources.s is not known from its path: it is a folder", "format: csv"),
        ("data/a.xlsx", "its extension .xlsx is none of", "format: csv"),
        ("data/a.parquet.gz", "a parquet file cannot be read compressed as a whole", "Unpack it"),
        ("'data/*/a.csv'", "has a wildcard in a folder's name", "last part only"),
        ("'data/**/a.csv'", "has a wildcard in a folder's name", "last part only"),
        (
            "{path: a.csv, options: {delimeter: x}}",
            "unknown option sources.s.options.delimeter",
            "Did you mean delimiter?",
        ),
        ("{path: a.csv, options: {delimiter: '||'}}", "must be one ASCII character", "double quotes"),
        ("{path: a.csv, options: {delimiter: é}}", "must be one ASCII character", ""),
        ("{path: a.csv, options: {has_header: yes}}", "must be true or false, not text", ""),
        ("{path: a.csv, options: {schema_infer_max_records: 0}}", "must be at least 1, not 0", ""),
        ("{path: a.csv, options: {file_compression_type: gz}}", "cannot be 'gz'", "Did you mean gzip?"),
        ("{path: a.csv, options: {file_extension: .txt}}", "unknown option", ""),
        (
            "{path: a/, format: csv, options: {file_extension: txt}}",
            "must begin with a dot",
            "Write it as .txt",
        ),
        ("{path: a.parquet, options: {x: 1}}", "unknown option", "A parquet source has no options"),
        ("{path: a.csv, columns: {}}", "sources.s.columns names no column", ""),
        ("{path: a.csv, columns: [a]}", "sources.s.columns must be a mapping", ""),
        ("{path: a.csv, columns: {a: in64}}", "there is no type 'in64'; did you mean int64?", ""),
        ("{path: a.csv, columns: {a: timestmp[us, tz=UTC]}}", "did you mean timestamp[us]?", ""),
        ("{path: a.csv, columns: {a: timestamp[us}}", "no valid YAML", "need quotes"),
        ("{path: a.csv, columns: {a: 64}}", "sources.s.columns.a must be text, not a whole number", ""),
        ("{path: a.csv, columns: {true: int64}}", "must be text, not true or false", "in quotes"),
        ('{path: a.csv, columns: {"": int64}}', "a column without a name", ""),
    ],
)
def test_a_source_that_cannot_be_used(tmp_path: Path, declaration: str, cause: str, next_step: str) -> None:
    with pytest.raises(InputError) as raised:
        source(tmp_path, declaration)
    assert raised.value.where == f"{tmp_path}/dfplan.yaml:2"
    assert cause in raised.value.cause
    assert next_step in raised.value.next_step


@pytest.mark.parametrize("name", ["../x", "a/b", "a.b.c", '""', ".x"])
def test_names_of_sources_are_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a source"):
        source(tmp_path, "a.csv", name)


def test_one_table_is_declared_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the source orders is declared twice"):
        load_project(write_project(tmp_path, "sources: {orders: a.csv, public.orders: b.csv}\n"))


@pytest.mark.parametrize("written", ["table", "table/", "spark.parquet"])
def test_a_folder_with_a_delta_log_is_a_delta_table(tmp_path: Path, written: str) -> None:
    (tmp_path / written / "_delta_log").mkdir(parents=True)
    found = source(tmp_path, written)
    assert (found.format, found.version) == ("delta", None)
    assert found.path == f"{tmp_path}/{written.rstrip('/')}/"
    assert source(tmp_path, f"{{path: {written}, version: 0}}").version == 0
    # Whoever writes a format means it.
    assert source(tmp_path, f"{{path: {written}, format: parquet}}").format == "parquet"


def test_a_delta_table_may_be_declared_before_it_exists_and_in_an_object_store(tmp_path: Path) -> None:
    assert source(tmp_path, "{path: later, format: delta, version: 3}").version == 3
    assert source(tmp_path, "{path: 's3://bucket/t', format: delta}").path == "s3://bucket/t"


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("{path: t, format: delta, version: -1}", "version"),
        ("{path: t, format: delta, version: latest}", "version"),
        ("{path: t, format: delta, version: true}", "version"),
        ("{path: t, format: delta, version: 1.5}", "version"),
        ("{path: t.parquet, version: 1}", "a parquet source has no versions"),
        ("{path: t, format: delta, options: {has_header: true}}", "unknown option"),
    ],
)
def test_a_version_is_a_number_of_a_delta_table(tmp_path: Path, declaration: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        source(tmp_path, declaration)
