"""How large the inputs of a view were, against files whose sizes were looked up."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution import input_sizes as module
from dfplan_assets.execution.input_sizes import input_sizes
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.profile import InputSize
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import parquet, plan_project, run


def write(path: Path, rows: int) -> int:
    """A Parquet file of so many rows; its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"n": pa.array(range(rows), pa.int64())}), path)
    return path.stat().st_size


def test_a_parquet_file_is_known_by_rows_and_bytes(tmp_path: Path) -> None:
    size = write(tmp_path / "numbers.parquet", 12)
    plan = plan_project(
        tmp_path,
        {"v": "select n from numbers"},
        {"numbers": parquet("numbers", tmp_path / "numbers.parquet")},
    )
    assert run(plan).inputs == (InputSize("numbers", 12, size),)


def test_a_folder_and_a_pattern_are_the_sum_of_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    size = write(folder / "a.parquet", 5) + write(folder / "deeper" / "b.parquet", 7)
    (folder / "notes.txt").write_text("not read", encoding="utf-8")
    by_pattern = write(tmp_path / "day_1.parquet", 1) + write(tmp_path / "day_2.parquet", 2)
    sources = {
        "folder": Source("folder", f"{folder}/", "parquet", {}, None),
        "days": Source("days", f"{tmp_path}/day_*.parquet", "parquet", {}, None),
    }
    plan = plan_project(tmp_path, {"v": "select f.n from folder f join days d on f.n = d.n"}, sources)
    assert run(plan).inputs == (InputSize("days", 3, by_pattern), InputSize("folder", 12, size))


def test_the_rows_of_a_text_file_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text("n\n1\n2\n", encoding="utf-8")
    lines = Source("lines", str(tmp_path / "lines.csv"), "csv", {"has_header": True}, None)
    plan = plan_project(tmp_path, {"v": "select n from lines"}, {"lines": lines})
    assert run(plan).inputs == (InputSize("lines", None, 6),)


def test_an_upstream_result_is_as_large_as_it_was_published(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"a": "select 1 as x union all select 2", "b": "select sum(x) as s from a"})
    upstream = run(plan, "a").publication
    assert run(plan, "b").inputs == (InputSize("a", 2, upstream.bytes),)


def test_a_view_that_reads_nothing_has_no_inputs(tmp_path: Path) -> None:
    assert run(plan_project(tmp_path, {"v": "select 1 as x"})).inputs == ()


def test_an_object_store_is_not_asked_for_sizes(tmp_path: Path) -> None:
    far = Source("far", "s3://bucket/far.csv", "csv", {}, pa.schema([("n", pa.int64())]))
    plan = plan_project(tmp_path, {"v": "select n from far"}, {"far": far})
    inputs = Inputs(plan, plan.views["v"], {})
    assert input_sizes(inputs) == (InputSize("far", None, None),)


def test_a_file_that_grew_is_counted_anew(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    plan_of = {"numbers": parquet("numbers", path)}
    write(path, 3)
    plan = plan_project(tmp_path, {"v": "select n from numbers"}, plan_of)
    assert run(plan).inputs[0].rows == 3
    size = write(path, 300)
    assert run(plan).inputs == (InputSize("numbers", 300, size),)


def test_the_rows_of_very_many_files_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_FOOTERS", 2)
    size = sum(write(tmp_path / "parts" / f"{number}.parquet", 1) for number in range(3))
    parts = Source("parts", f"{tmp_path}/parts/", "parquet", {}, None)
    plan = plan_project(tmp_path, {"v": "select n from parts"}, {"parts": parts})
    assert run(plan).inputs == (InputSize("parts", None, size),)


def test_a_damaged_file_has_bytes_and_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    write(path, 3)
    plan = plan_project(tmp_path, {"v": "select n from numbers"}, {"numbers": parquet("numbers", path)})
    inputs = Inputs.take(plan, "v", Warehouse.of(plan.project))
    path.write_bytes(b"no footer")
    assert input_sizes(inputs) == (InputSize("numbers", None, 9),)
    path.unlink()
    assert input_sizes(inputs) == (InputSize("numbers", None, None),)
