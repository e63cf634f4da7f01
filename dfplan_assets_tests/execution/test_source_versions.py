"""The version of a source: another one after every change, told without reading a row."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError, SourceError
from dfplan_assets.execution import materialise as materialise_module
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.source_versions import (
    MOST_NAMED_FILES,
    NO_FILE,
    READING,
    source_version,
    source_versions,
)
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import parquet, plan_project, run


def csv(path: Path | str, **other: object) -> Source:
    return replace(Source("s", str(path), "csv", {}, None), **other)  # type: ignore[arg-type]


def version(source: Source, root: Path = Path("/nowhere")) -> str | None:
    return source_version(source, root).version


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "s.csv"
    found.write_text("a\n1\n")
    return found


def test_it_names_the_files_by_their_place_below_the_source(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "below").mkdir(parents=True)
    for name in ("a.csv", "below/b.csv", "readme.txt"):
        (folder / name).write_text("a\n1\n")
    found = source_version(csv(f"{folder}/"), tmp_path)
    assert set(found.parts) == {"a.csv", "below/b.csv", READING}
    assert found.problem is None


def test_the_same_files_elsewhere_have_the_same_version(tmp_path: Path, file: Path) -> None:
    other = tmp_path / "moved" / "s.csv"
    before = version(csv(file))
    other.parent.mkdir()
    file.rename(other)
    assert version(csv(other)) == before


def test_size_time_name_and_options_count(tmp_path: Path, file: Path) -> None:
    found = {version(csv(file))}
    found.add(version(csv(file, options={"has_header": False})))
    found.add(version(csv(file, columns=pa.schema({"a": pa.int64()}))))
    os.utime(file, ns=(1, 1))
    found.add(version(csv(file)))
    os.utime(file, ns=(0, 0))  # the clock went back
    found.add(version(csv(file)))
    file.write_text("a\n10\n")
    os.utime(file, ns=(0, 0))
    found.add(version(csv(file)))
    file.rename(tmp_path / "t.csv")
    found.add(version(csv(tmp_path / "t.csv")))
    found.add(version(csv(file)))  # no file
    assert len(found) == 8


def test_a_source_without_files_has_a_version_that_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path / "*.csv", f"{tmp_path}/"):
        assert set(source_version(csv(path), tmp_path).parts) == {NO_FILE, READING}


def test_of_very_many_files_none_is_named_and_each_counts(tmp_path: Path) -> None:
    for number in range(MOST_NAMED_FILES + 1):
        (tmp_path / f"{number}.csv").write_text("a\n")
    before = source_version(csv(f"{tmp_path}/"), tmp_path)
    assert set(before.parts) == {READING}
    os.utime(tmp_path / "7.csv", ns=(1, 1))
    assert version(csv(f"{tmp_path}/")) != before.version


def test_the_footer_of_a_parquet_file_counts(tmp_path: Path) -> None:
    found = set()
    for number in range(3):
        folder = tmp_path / str(number)  # a footer is read once for a path, size and time
        folder.mkdir()
        pq.write_table(pa.table({"a": [number]}), folder / "s.parquet")
        os.utime(folder / "s.parquet", ns=(0, 0))
        found.add((version(parquet("s", folder / "s.parquet")), (folder / "s.parquet").stat().st_size))
    assert len({size for _, size in found}) == 1
    assert len(found) == 3


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all", b"PAR1" + b"\xff" * 4 + b"PAR1"])
def test_a_damaged_parquet_file_has_a_version(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.parquet").write_bytes(content)
    assert version(parquet("s", tmp_path / "s.parquet")) is not None


def test_an_object_store_has_none_without_a_function(tmp_path: Path) -> None:
    found = source_version(csv("s3://bucket/s.csv"), tmp_path)
    assert found.version is None
    assert "data_version: module:function" in (found.problem or "")


def test_a_delta_table_has_the_version_that_is_read(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    folder = tmp_path / "sales"
    for number in range(3):
        deltalake.write_deltalake(str(folder), pa.table({"a": [number]}), mode="append")
    latest = Source("sales", f"{folder}/", "delta", {}, None)
    pinned = replace(latest, version=1)
    before = version(latest), version(pinned)
    assert source_version(latest, tmp_path).parts["version"].endswith(":2")
    assert source_version(pinned, tmp_path).parts["version"].endswith(":1")
    deltalake.write_deltalake(str(folder), pa.table({"a": [7]}), mode="append")
    assert version(latest) != before[0]
    assert version(pinned) == before[1]
    absent = replace(latest, path=f"{tmp_path}/absent/")
    with pytest.raises(SourceError, match="no Delta table"):
        source_version(absent, tmp_path)


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Writes a module into the project's folder and gives its name, which no other test uses."""
    made: list[str] = []

    def write(text: str) -> str:
        made.append(f"versions_{abs(hash(str(tmp_path)))}_{len(made)}")
        (tmp_path / f"{made[-1]}.py").write_text(text)
        return made[-1]

    yield write
    for name in made:
        sys.modules.pop(name, None)


def test_a_users_function_gets_the_source_and_tells_its_version(
    tmp_path: Path, file: Path, module: Callable[[str], str]
) -> None:
    name = module("def latest(source):\n    return f'{source.name} {open(source.path).read()}'\n")
    before = source_version(csv(file, data_version=f"{name}:latest"), tmp_path)
    assert before.parts[f"{name}:latest"] == "s a\n1\n"
    os.utime(file, ns=(1, 1))
    assert source_version(csv(file, data_version=f"{name}:latest"), tmp_path) == before
    file.write_text("a\n2\n")
    assert source_version(csv(file, data_version=f"{name}:latest"), tmp_path).version != before.version
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "import absent_module_of_nobody",
            "cannot be imported: ModuleNotFoundError: No module named 'absent_",
        ),
        ("raise RuntimeError('no key')", "cannot be imported: RuntimeError: no key"),
        ("def other(source): return ''", "has no function latest"),
        ("latest = 3", "has no function latest"),
        ("def latest(source): return 1 / 0", "failed: ZeroDivisionError: division by zero"),
        (
            "def latest(): return ''",
            "failed: TypeError: latest() takes 0 positional arguments but 1 was given",
        ),
        ("def latest(source): return 5", "returned int, not text"),
        ("def latest(source): pass", "returned NoneType, not text"),
    ],
)
def test_what_is_wrong_with_a_users_function_is_said(
    tmp_path: Path, file: Path, module: Callable[[str], str], text: str, cause: str
) -> None:
    source = csv(file, data_version=f"{module(text)}:latest")
    with pytest.raises(SourceError) as error:
        source_version(source, tmp_path)
    assert cause in error.value.cause
    assert error.value.where == "dfplan.yaml: source s"
    # Where all sources are asked, one that cannot tell holds up none.
    plan = plan_project(tmp_path, {"v": "select 1 as x"}, {"s": source, "t": csv(file, name="t")})
    found = source_versions(plan.project)
    assert cause in (found["s"].problem or "")
    assert found["t"].version is not None


class Meddler:
    """Changes a source while a view reads it: when the result has been written, before it is published."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[int], None]) -> None:
        self.readings = 0
        check_whole = materialise_module._check_whole

        def meddling(*arguments: object) -> None:
            self.readings += 1
            meddle(self.readings)
            check_whole(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(materialise_module, "_check_whole", meddling)


def test_a_source_that_changes_while_it_is_read_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.parquet"
    pq.write_table(pa.table({"a": [1]}), file)
    plan = plan_project(tmp_path, {"v": "select sum(a) as a from s"}, {"s": parquet("s", file)})

    def meddle(reading: int) -> None:
        if reading == 1:
            pq.write_table(pa.table({"a": [1, 2]}), file)

    meddler = Meddler(monkeypatch, meddle)
    made = run(plan).publication
    assert meddler.readings == 2
    assert pq.read_table(made.files[0]).to_pylist() == [{"a": 3}]
    assert made.provenance is not None
    assert made.provenance.inputs == {"s": version(plan.project.sources["s"])}


def test_a_source_that_never_stops_changing_fails_the_view_and_the_last_result_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.parquet"
    pq.write_table(pa.table({"a": [1]}), file)
    plan = plan_project(tmp_path, {"v": "select sum(a) as a from s"}, {"s": parquet("s", file)})
    last = run(plan).publication
    meddler = Meddler(monkeypatch, lambda reading: pq.write_table(pa.table({"a": [1] * reading * 9}), file))
    with pytest.raises(
        ExecutionError, match=r"source s \(.*s.parquet\) changed while the view read it, 2 times"
    ):
        run(plan)
    assert meddler.readings == 2
    assert Warehouse.of(plan.project).current("v") == last


def test_an_error_that_comes_with_a_changed_source_is_not_held_against_the_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.csv"
    file.write_text("a\n0\n")
    plan = plan_project(tmp_path, {"v": "select 6 / a as b from s"}, {"s": csv(file)})
    register = Inputs.register
    readings = []

    def registering(inputs: Inputs, ctx: object) -> None:
        register(inputs, ctx)  # type: ignore[arg-type]
        readings.append(1)
        if len(readings) == 1:
            file.write_text("a\n2\n\n")
            raise ExecutionError("v", "the file was half written", "again")

    monkeypatch.setattr(Inputs, "register", registering)
    assert pq.read_table(run(plan).publication.files[0]).to_pylist() == [{"b": 3}]
    assert len(readings) == 2


def test_a_source_that_vanishes_while_it_is_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.csv"
    file.write_text("a\n1\n")
    source = csv(file, columns=pa.schema({"a": pa.int64()}))
    plan = plan_project(tmp_path, {"v": "select a from s"}, {"s": source})
    Meddler(monkeypatch, lambda reading: file.unlink())
    with pytest.raises(SourceError, match=r"no file at .*s\.csv"):
        run(plan)
    assert Warehouse.of(plan.project).current("v") is None


def test_a_version_that_cannot_be_told_fails_the_view_that_reads_the_source(
    tmp_path: Path, file: Path, module: Callable[[str], str]
) -> None:
    name = module("def latest(source): raise OSError('the catalogue cannot be reached')")
    plan = plan_project(tmp_path, {"v": "select a from s"}, {"s": csv(file, data_version=f"{name}:latest")})
    with pytest.raises(SourceError, match="OSError: the catalogue cannot be reached"):
        run(plan)
