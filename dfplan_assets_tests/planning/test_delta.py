"""Delta tables as sources: the rows of the version that is meant, and no file read that need not be."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import struct
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datafusion import ExecutionPlan, SessionConfig, SessionContext

from dfplan_assets.errors import SourceError, UnreadableSourceError
from dfplan_assets.planning.delta import delta_version
from dfplan_assets.planning.sources import register_source, source_schema
from dfplan_assets.project.model import Source

deltalake = pytest.importorskip("deltalake")

DAYS = ["2024-02-28", "2024-02-29", "2024-03-01"]


def source(path: Path, version: int | None = None, columns: pa.Schema | None = None) -> Source:
    return Source("raw.t", f"{path}/", "delta", {}, columns, version)


def session(given: Source) -> SessionContext:
    ctx = SessionContext(SessionConfig().with_target_partitions(2))
    register_source(ctx, given, source_schema(given))
    return ctx


def rows(given: Source, sql: str = 'select * from raw."t" order by id') -> list[dict[str, object]]:
    ctx = session(given)  # alive until the rows are there: deltalake's table leans on it
    found: list[dict[str, object]] = ctx.sql(sql).to_pylist()
    return found


def by_deltalake(path: Path, version: int | None = None) -> list[dict[str, object]]:
    """The rows as deltalake's own reader gives them."""
    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(path, version=version))
    found: list[dict[str, object]] = pa.table(query.execute("select * from t order by id")).to_pylist()
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four versions: three appended files of a hundred rows, and one with a column more."""
    path = tmp_path / "t 100%"
    for start in (0, 100, 200):
        content = pa.table({"id": range(start, start + 100), "name": [f"n{start}"] * 100})
        deltalake.write_deltalake(path, content, mode="append")
    more = pa.table({"id": [300], "name": ["new"], "price": [1.5]})
    deltalake.write_deltalake(path, more, mode="append", schema_mode="merge")
    return path


@pytest.fixture
def by_day(tmp_path: Path) -> Path:
    """A table with a partition for each of three days."""
    path = tmp_path / "by_day"
    for number, day in enumerate(DAYS):
        ids = range(number * 10, number * 10 + 10)
        deltalake.write_deltalake(
            path,
            pa.table({"id": ids, "day": [dt.date.fromisoformat(day)] * 10}),
            mode="append",
            partition_by=["day"],
        )
    return path


def scans(plan: ExecutionPlan) -> list[ExecutionPlan]:
    found = [plan] if plan.display().startswith("DataSourceExec") else []
    return found + [scan for child in plan.children() for scan in scans(child)]


def measured(ctx: SessionContext, sql: str) -> tuple[int, dict[str, int]]:
    """How many scans a query has, and the sums of what they measured when it ran."""
    frame = ctx.sql(sql)
    frame.collect()
    found = scans(frame.execution_plan())
    sums: dict[str, int] = {}
    for scan in found:
        metrics = scan.metrics()
        for metric in metrics.metrics() if metrics is not None else []:
            if isinstance(metric.value, int):
                sums[metric.name] = sums.get(metric.name, 0) + metric.value
    return len(found), sums


def test_the_latest_version_is_read_with_columns_that_older_files_lack(table: Path) -> None:
    assert source_schema(source(table)) == pa.schema(
        [("id", pa.int64()), ("name", pa.string_view()), ("price", pa.float64())]
    )
    found = rows(source(table))
    assert len(found) == 301
    assert found[0] == {"id": 0, "name": "n0", "price": None}
    assert found == by_deltalake(table)


@pytest.mark.parametrize(("version", "count"), [(0, 100), (1, 200), (2, 300), (3, 301)])
def test_an_older_version_is_read_with_its_own_columns(table: Path, version: int, count: int) -> None:
    found = rows(source(table, version))
    assert len(found) == count
    assert found == by_deltalake(table, version)
    assert source_schema(source(table, version)).names == (
        ["id", "name", "price"] if version == 3 else ["id", "name"]
    )


def test_what_was_deleted_updated_and_compacted_is_no_longer_read(table: Path) -> None:
    written = deltalake.DeltaTable(table)
    written.delete("id < 150")
    written.update(predicate="id = 170", new_values={"name": "changed"})
    written.optimize.compact()
    found = rows(source(table))
    assert len(found) == 151
    assert {"id": 170, "name": "changed", "price": None} in found
    assert found == by_deltalake(table)
    assert len(rows(source(table, 2))) == 300


def test_a_table_without_files_has_no_rows(table: Path) -> None:
    deltalake.DeltaTable(table).delete()
    assert rows(source(table)) == []
    assert rows(source(table), "select count(*) as n, max(price) as p from raw.t") == [{"n": 0, "p": None}]


def test_filters_are_pushed_down_and_files_pruned(table: Path) -> None:
    ctx = session(source(table))
    sql = "select name from raw.t where id >= 250 and id < 260"
    assert "predicate=id@0 >= 250 AND id@0 < 260" in ctx.sql(sql).execution_plan().display_indent()
    count, pruned = measured(ctx, sql)
    _, everything = measured(ctx, "select name, id + 1 from raw.t")
    assert count == 1
    assert 0 < pruned["bytes_scanned"] < everything["bytes_scanned"] / 2


def test_partitions_that_a_filter_excludes_are_not_opened(by_day: Path) -> None:
    ctx = session(source(by_day))
    assert measured(ctx, "select * from raw.t")[0] == 3
    frame = ctx.sql("select id from raw.t where day = date '2024-02-29' and id > 12 order by id")
    assert [row["id"] for row in frame.to_pylist()] == list(range(13, 20))
    plan = frame.execution_plan().display_indent()
    assert "day=2024-02-29" in plan
    assert plan.count("DataSourceExec") == 1
    assert "predicate=id@0 > 12" in plan
    assert rows(source(by_day), "select count(*) as n from raw.t where day > '2025-01-01'") == [{"n": 0}]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string(), ["a b/ü%", None, "x=y", "it's", "'); drop"]),
        (pa.int32(), [1, None, -3, 2**31 - 1]),
        (pa.date32(), [dt.date(2024, 2, 29), None, dt.date(1900, 1, 1)]),
        (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone.utc), None]),
        (pa.bool_(), [True, False, None]),
        (pa.decimal128(8, 2), [Decimal("1.50"), Decimal("7.25"), None]),
        (pa.float64(), [0.1, -2.5, None]),
    ],
    ids=str,
)
def test_partition_values_of_every_type_are_read_back(
    tmp_path: Path, kind: pa.DataType, values: list[object]
) -> None:
    content = pa.table({"id": range(len(values)), "part": pa.array(values, kind)})
    deltalake.write_deltalake(tmp_path / "t", content, partition_by=["part"])
    found = rows(source(tmp_path / "t"))
    assert [row["part"] for row in found] == values
    assert found == by_deltalake(tmp_path / "t")


def log_entry(table: Path, version: int, *actions: Mapping[str, object]) -> None:
    """A commit as another writer could have made it."""
    file = table / "_delta_log" / f"{version:020}.json"
    file.write_text("".join(json.dumps(action) + "\n" for action in actions))


def feature_table(
    folder: Path, features: list[str], schema: list[dict[str, object]], **configuration: str
) -> None:
    """A table of one file, id and name for three rows, that asks its readers for these features."""
    (folder / "_delta_log").mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2, 3], "name": ["x", "y", "z"]}), folder / "data.parquet")
    log_entry(
        folder,
        0,
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": features,
                "writerFeatures": features,
            }
        },
        {
            "metaData": {
                "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": schema}),
                "partitionColumns": [],
                "configuration": configuration,
                "createdTime": 0,
            }
        },
    )


PLAIN = [
    {"name": "id", "type": "long", "nullable": True, "metadata": {}},
    {"name": "name", "type": "string", "nullable": True, "metadata": {}},
]


def add(folder: Path, **more: object) -> dict[str, object]:
    size = (folder / "data.parquet").stat().st_size
    return {
        "add": {
            "path": "data.parquet",
            "partitionValues": {},
            "size": size,
            "modificationTime": 0,
            "dataChange": True,
            **more,
        }
    }


def deletion_vector(*positions: int) -> dict[str, object]:
    """The positions as an inline deletion vector: one roaring bitmap of one array, in base 85."""
    container = struct.pack("<IIHHI", 12346, 1, 0, len(positions) - 1, 16)
    container += struct.pack(f"<{len(positions)}H", *positions)
    content = struct.pack("<IQI", 1681511377, 1, 0) + container
    content += bytes(-len(content) % 4)
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    encoded = "".join(
        alphabet[int.from_bytes(content[start : start + 4], "big") // 85**power % 85]
        for start in range(0, len(content), 4)
        for power in (4, 3, 2, 1, 0)
    )
    return {
        "storageType": "i",
        "pathOrInlineDv": encoded,
        "sizeInBytes": len(content),
        "cardinality": len(positions),
    }


def test_rows_that_a_deletion_vector_takes_out_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    feature_table(folder, ["deletionVectors"], PLAIN, **{"delta.enableDeletionVectors": "true"})
    statistics = json.dumps({"numRecords": 3})
    log_entry(folder, 1, add(folder, stats=statistics))
    log_entry(
        folder,
        2,
        {"remove": {"path": "data.parquet", "dataChange": True, "deletionTimestamp": 1}},
        add(folder, deletionVector=deletion_vector(1), stats=statistics),
    )
    assert [row["id"] for row in rows(source(folder, 1))] == [1, 2, 3]
    assert rows(source(folder)) == [{"id": 1, "name": "x"}, {"id": 3, "name": "z"}]
    assert rows(
        source(folder), "select a.id from raw.t a join raw.t b using (id) order by id desc limit 1"
    ) == [{"id": 3}]
    assert rows(source(folder), "select count(*) as n from raw.t where id >= 2") == [{"n": 1}]
    assert source_schema(source(folder)) == source_schema(source(folder, 1))


def test_deletion_vectors_together_with_column_mapping_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    metadata = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "id"}
    mapped = [{**PLAIN[0], "name": "key", "metadata": metadata}]
    features = ["columnMapping", "deletionVectors"]
    feature_table(folder, features, mapped, **{"delta.columnMapping.mode": "name"})
    log_entry(folder, 1, add(folder, deletionVector=deletion_vector(0), stats=json.dumps({"numRecords": 3})))
    with pytest.raises(SourceError, match="has deletion vectors, which DataFusion cannot heed"):
        session(source(folder))


def test_columns_are_found_by_the_names_that_a_mapping_gives_them(tmp_path: Path) -> None:
    mapped = [
        {
            **field,
            "name": name,
            "metadata": {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": field["name"]},
        }
        for number, (field, name) in enumerate(zip(PLAIN, ["id", "label"], strict=True), 1)
    ]
    folder = tmp_path / "t"
    feature_table(folder, ["columnMapping"], mapped, **{"delta.columnMapping.mode": "name"})
    log_entry(folder, 1, add(folder))
    assert rows(source(folder))[0] == {"id": 1, "label": "x"}


def test_the_version_of_a_source_names_table_and_version(table: Path) -> None:
    identity = deltalake.DeltaTable(table).metadata().id
    assert delta_version(source(table)) == f"{identity}:3"
    assert delta_version(source(table, 1)) == f"{identity}:1"


def test_declared_columns_plan_before_the_table_exists_and_are_held_against_it(
    tmp_path: Path, table: Path
) -> None:
    columns = pa.schema([("name", pa.string()), ("id", pa.int64())])
    assert source_schema(source(tmp_path / "later", columns=columns)) == columns
    assert rows(source(table, columns=columns))[0] == {"name": "n0", "id": 0}
    wrong = pa.schema([("id", pa.date32())])
    with pytest.raises(SourceError, match="column id is declared as date32"):
        source_schema(source(table, columns=wrong))


def test_a_missing_table_is_an_error_that_names_the_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        with pytest.raises(SourceError, match=rf"source raw\.t: no Delta table at {tmp_path}/{name}"):
            source_schema(source(tmp_path / name))


def test_a_version_that_is_not_there_is_an_error_with_the_latest(table: Path) -> None:
    with pytest.raises(SourceError, match=r"has no version 9, the latest is 3\n.*version:"):
        source_schema(source(table, 9))


def test_a_version_whose_log_was_cleaned_up_is_an_error(table: Path) -> None:
    deltalake.DeltaTable(table).create_checkpoint()
    for version in (0, 1, 2):
        (table / "_delta_log" / f"{version:020}.json").unlink()
    assert len(rows(source(table))) == 301
    with pytest.raises(SourceError, match=r"version 1 of the Delta table at .* cannot be read any more"):
        source_schema(source(table, 1))


@pytest.mark.parametrize("content", ["", "{", '{"add": 1}\n', "no JSON"])
def test_a_damaged_log_is_an_error_that_leaves_other_sources_alone(table: Path, content: str) -> None:
    for version in range(4):
        (table / "_delta_log" / f"{version:020}.json").write_text(content)
    with pytest.raises(UnreadableSourceError, match=r"source raw\.t: the log of the Delta table"):
        source_schema(source(table))


def test_a_file_that_was_vacuumed_is_an_error_and_no_empty_table(table: Path) -> None:
    schema = source_schema(source(table))
    next(table.glob("*.parquet")).unlink()
    with pytest.raises(SourceError, match=r"names a file that is gone: .*\.parquet"):
        register_source(SessionContext(), source(table), schema)


def test_a_table_that_vanished_after_planning_is_an_error(table: Path) -> None:
    schema = source_schema(source(table))
    shutil.rmtree(table)
    with pytest.raises(SourceError, match=r"source raw\.t: no "):
        register_source(SessionContext(), source(table), schema)


def test_without_deltalake_the_error_says_what_to_install(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(SourceError, match=r"pip install 'dfplan-assets\[delta\]'"):
        source_schema(source(table))
