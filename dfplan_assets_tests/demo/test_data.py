"""The demo's data: made once, whole or not at all, and the same every time."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from dfplan_assets.demo import data
from dfplan_assets.errors import InputError


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tpchgen-cli writes at scale 0.001."""
    folder = tmp_path_factory.mktemp("tables")
    data._generate_tables(data._command(), folder, "0.001")
    return folder


@pytest.fixture
def generated(tables: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Spares the tests the generator's start: its tables are copied. Lists the scales it was asked for."""
    asked: list[str] = []

    def copy(command: Path, folder: Path, scale: str) -> None:
        asked.append(scale)
        shutil.copytree(tables, folder, dirs_exist_ok=True)

    monkeypatch.setattr(data, "_generate_tables", copy)
    return asked


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_it_makes_parquet_csv_json_lines_and_arrow_files(project: Path) -> None:
    folder = project / "data"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.iterdir()) == [
        "categories.csv",
        "customer.parquet",
        "events",
        "lineitem",
        "manifest.json",
        "nation.csv",
        "orders.parquet",
        "part.parquet",
        "partsupp.parquet",
        "region.csv",
        "supplier.parquet",
        "targets.arrow",
    ]
    assert [path.name for path in sorted((folder / "events").iterdir())] == [
        f"{year}.jsonl" for year in range(1992, 1999)
    ]
    assert len(list((folder / "lineitem").glob("*.parquet"))) == 4
    assert pq.read_metadata(folder / "customer.parquet").num_rows == 1500  # TPC-H: 150,000 at scale 1
    assert csv.read_csv(folder / "nation.csv").num_rows == 25
    assert csv.read_csv(folder / "categories.csv").num_rows == 1 + 5 + 5 * 5 + 5 * 5 * 6
    assert ipc.open_file(folder / "targets.arrow").schema.field("quarter_start").type == pa.date32()


def test_nothing_else_is_left_in_the_project(project: Path) -> None:
    assert [path.name for path in project.iterdir()] == ["data"]


def test_a_second_call_does_nothing(tmp_path: Path, generated: list[str]) -> None:
    first = data.make(tmp_path, "0.001")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    second = data.make(tmp_path, "0.001")
    assert (first.made, second.made) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert generated == ["0.001"]


def test_another_scale_replaces_what_is_there(tmp_path: Path, generated: list[str]) -> None:
    data.make(tmp_path, "0.001")
    assert data.make(tmp_path, "0.002").made
    assert data.make(tmp_path, "0.001").made
    assert generated == ["0.001", "0.002", "0.001"]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("damage", ["cut short", "gone"])
def test_damaged_data_is_made_anew(tmp_path: Path, generated: list[str], damage: str) -> None:
    data.make(tmp_path, "0.001")
    orders = tmp_path / "data" / "orders.parquet"
    whole = orders.read_bytes()
    if damage == "gone":
        orders.unlink()
    else:
        orders.write_bytes(whole[:-1])
    assert data.make(tmp_path, "0.001").made
    assert orders.read_bytes() == whole


@pytest.mark.usefixtures("generated")
def test_the_same_scale_gives_the_same_data(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        data.make(tmp_path / name, "0.001")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.usefixtures("generated")
@pytest.mark.parametrize("step", ["_write_categories", "_write_sessions", "_write_manifest"])
def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.make(tmp_path, "0.001")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("generated")
def test_an_interrupted_run_leaves_the_data_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    data.make(tmp_path, "0.001")
    before = contents(tmp_path)
    monkeypatch.setattr(data, "_write_targets", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.make(tmp_path, "0.002")
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("generated")
def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    for leftover in (".data.partial", ".data.previous"):
        (tmp_path / leftover / "lineitem").mkdir(parents=True)
        (tmp_path / leftover / "orders.parquet").write_bytes(b"PAR1")
    data.make(tmp_path, "0.001")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_of_other_origin_is_left_alone(tmp_path: Path, generated: list[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.parquet").write_bytes(b"years of work")
    with pytest.raises(InputError, match=r"did not make it and will not replace it"):
        data.make(tmp_path, "0.001")
    assert contents(tmp_path) == {"data/mine.parquet": b"years of work"}
    assert generated == []


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path, generated: list[str]) -> None:
    (tmp_path / "data").write_text("a list of things to do", "utf-8")
    with pytest.raises(InputError, match=r"did not make it and will not replace it"):
        data.make(tmp_path, "0.001")
    assert generated == []


@pytest.mark.usefixtures("generated")
def test_a_folder_that_cannot_be_written_says_to_use_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".data.partial"))

    monkeypatch.setattr(data, "_make", refuse)
    assert data.main(["--project", str(tmp_path)]) == 1
    assert "copy it to a place of your own and give --project" in capsys.readouterr().err


def test_a_missing_generator_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "COMMAND", "tpchgen-cli-of-no-one")
    assert data.main(["--project", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert "pip install 'dfplan-assets[demo]'" in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_fails_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 3\n", "utf-8")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(data, "COMMAND", str(broken))
    (tmp_path / "project").mkdir()
    assert data.main(["--project", str(tmp_path / "project")]) == 1
    said = capsys.readouterr().err
    assert "exit code 3" in said
    assert "no space left" in said
    assert list((tmp_path / "project").iterdir()) == []


@pytest.mark.parametrize("text", ["big", "0", "-1", "nan", "inf", "0.0001"])
def test_a_scale_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("DFPLAN_DEMO_SCALE", text)
    assert data.main(["--project", str(tmp_path)]) == 2
    assert f"DFPLAN_DEMO_SCALE: {text!r} is no scale" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "scale"), [("", "0.1"), ("1.0", "1"), ("0.10", "0.1"), ("1e-2", "0.01")])
def test_one_variable_chooses_the_scale(monkeypatch: pytest.MonkeyPatch, text: str, scale: str) -> None:
    monkeypatch.setenv("DFPLAN_DEMO_SCALE", text)
    assert data.scale_from_environment() == scale


def test_a_project_that_is_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.main(["--project", str(tmp_path / "nowhere")]) == 2
    assert "This is no folder" in capsys.readouterr().err


def test_two_commands_at_once_make_the_data_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dfplan_assets.demo.data", "--project", str(tmp_path)]
    environment = {**os.environ, "DFPLAN_DEMO_SCALE": "0.001"}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [out for out, _ in said] == ["", ""]
    assert sorted("already there" in err for _, err in said) == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
