"""Readers see the last complete result or the new one; nothing that anyone may be using is removed."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.warehouse import RETIREMENT_SECONDS, Warehouse
from dfplan_assets_tests.execution.processes import check_number, rows_of, write_number
from dfplan_assets_tests.execution.projects import staged

START = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self.seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def warehouse(tmp_path: Path, clock: Clock) -> Warehouse:
    return Warehouse(tmp_path / "warehouse", keep_results=2, clock=clock)


def publish(warehouse: Warehouse, number: int, view: str = "v") -> Publication:
    with warehouse.stage(view) as stage:
        return warehouse.publish(stage, write_number(stage, number))


def on_disk(warehouse: Warehouse, view: str = "v") -> set[str]:
    return {path.name for path in (warehouse.output / view).iterdir() if path.is_dir()}


def test_before_anything_is_published_there_is_no_result(warehouse: Warehouse) -> None:
    assert warehouse.current("v") is None
    assert warehouse.kept("v") == ()
    warehouse.sweep(["v"])
    assert not warehouse.output.exists()


def test_a_publication_names_whole_files_by_their_full_path(warehouse: Warehouse) -> None:
    made = publish(warehouse, 5)
    assert made == warehouse.current("v")
    assert made.view == "v"
    assert made.published_at == START
    assert made.version.startswith("20260102T030405Z-")
    assert made.files == (str(warehouse.output / "v" / made.version / "part-0.parquet"),)
    assert made.rows == rows_of(5)
    assert made.bytes == Path(made.files[0]).stat().st_size
    assert check_number(made) == 5


def test_a_result_of_several_files_is_one_result(warehouse: Warehouse) -> None:
    with warehouse.stage("v") as stage:
        rows = write_number(stage, 3)
        shutil.copy(stage.folder / "part-0.parquet", stage.folder / "part-1.parquet")
        made = warehouse.publish(stage, 2 * rows)
    assert [Path(file).name for file in made.files] == ["part-0.parquet", "part-1.parquet"]
    assert made.bytes == sum(Path(file).stat().st_size for file in made.files)
    assert warehouse.current("v") == made


def test_the_last_results_are_kept_and_can_be_read_back(warehouse: Warehouse, clock: Clock) -> None:
    made = []
    for number in range(4):
        made.append(publish(warehouse, number))
        clock.seconds += 1
    assert warehouse.current("v") == made[3]
    assert warehouse.kept("v") == (made[3], made[2])
    assert [check_number(publication) for publication in warehouse.kept("v")] == [3, 2]


def test_what_is_staged_is_not_seen_and_goes_where_it_is_not_published(warehouse: Warehouse) -> None:
    with warehouse.stage("v") as stage:
        write_number(stage, 1)
        assert warehouse.current("v") is None
        assert len(staged(warehouse.output)) == 1
    assert staged(warehouse.output) == []


def test_a_failure_while_staging_leaves_the_last_result(warehouse: Warehouse) -> None:
    made = publish(warehouse, 1)

    def fail() -> None:
        with warehouse.stage("v") as stage:
            write_number(stage, 2)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert warehouse.kept("v") == (made,)
    assert on_disk(warehouse) == {made.version}
    assert staged(warehouse.output) == []


def test_a_view_of_a_schema_and_a_view_named_like_the_schema_do_not_meet(warehouse: Warehouse) -> None:
    plain = publish(warehouse, 1, "marts")
    qualified = publish(warehouse, 2, "marts.v")
    assert warehouse.kept("marts") == (plain,)
    assert warehouse.kept("marts.v") == (qualified,)


def test_results_beyond_those_kept_stay_for_their_readers_and_then_go(
    warehouse: Warehouse, clock: Clock
) -> None:
    # Published at 0, 10, 20, 30 with two kept: a leaves the kept ones at 20, b at 30.
    versions = []
    for number in range(4):
        clock.seconds = 10.0 * number
        versions.append(publish(warehouse, number).version)
    a, b, c, d = versions
    clock.seconds = 20 + RETIREMENT_SECONDS
    warehouse.sweep(["v"])
    assert on_disk(warehouse) == {a, b, c, d}
    clock.seconds = 21 + RETIREMENT_SECONDS
    warehouse.sweep(["v"])
    assert on_disk(warehouse) == {b, c, d}
    clock.seconds = 31 + RETIREMENT_SECONDS
    warehouse.sweep(["v"])
    assert on_disk(warehouse) == {c, d}
    clock.seconds = 10**9
    warehouse.sweep(["v"])
    assert on_disk(warehouse) == {c, d}
    assert [publication.version for publication in warehouse.kept("v")] == [d, c]


def test_publishing_removes_what_expired_too(warehouse: Warehouse, clock: Clock) -> None:
    first, second, third = (publish(warehouse, number).version for number in range(3))
    clock.seconds = RETIREMENT_SECONDS + 1
    fourth = publish(warehouse, 3).version
    assert on_disk(warehouse) == {second, third, fourth}
    assert first not in (warehouse.output / "v" / "published.json").read_text()


def test_an_old_result_that_was_replaced_just_now_stays(tmp_path: Path, clock: Clock) -> None:
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1, clock=clock)
    old = publish(warehouse, 1)
    clock.seconds = 30 * 86400
    publish(warehouse, 2)
    clock.seconds += RETIREMENT_SECONDS
    publish(warehouse, 3)
    assert check_number(old) == 1
    clock.seconds += 1
    publish(warehouse, 4)
    assert not Path(old.files[0]).exists()


def test_a_fast_loop_removes_no_file_that_was_just_named(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1)
    named = []
    for number in range(20):
        publish(warehouse, number)
        current = warehouse.current("v")
        assert current is not None
        named.append(current)
    assert [check_number(publication) for publication in named] == list(range(20))


def test_a_clock_in_another_zone_or_set_back_does_no_harm(tmp_path: Path) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=-9))
    times = iter([START.astimezone(zone), START - datetime.timedelta(days=400), START])
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1, clock=lambda: next(times))
    made = [publish(warehouse, number) for number in range(3)]
    assert made[0].published_at == START
    assert made[0].published_at.tzinfo is datetime.timezone.utc
    assert warehouse.current("v") == made[2]
    assert [check_number(publication) for publication in made[1:]] == [1, 2]


def test_a_crash_between_the_files_and_the_list_leaves_the_last_result(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = publish(warehouse, 1)

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(SystemExit):
            publish(warehouse, 2)
    assert warehouse.kept("v") == (made,)
    assert len(on_disk(warehouse)) == 2
    third = publish(warehouse, 3)
    assert warehouse.kept("v") == (third, made)
    assert on_disk(warehouse) == {made.version, third.version}


def test_folders_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "project"
    (output / "views" / "staging").mkdir(parents=True)
    (output / "views" / "staging" / "orders.sql").write_text("select 1")
    (output / ".staging" / "notes").mkdir(parents=True)
    warehouse = Warehouse(output, keep_results=1)
    publish(warehouse, 1, "views")
    publish(warehouse, 2, "views")
    warehouse.sweep(["views"])
    assert (output / "views" / "staging" / "orders.sql").exists()
    assert (output / ".staging" / "notes").exists()


def test_the_output_folder_can_be_moved(warehouse: Warehouse, tmp_path: Path) -> None:
    publish(warehouse, 4)
    moved = warehouse.output.rename(tmp_path / "elsewhere")
    publication = Warehouse(moved, keep_results=2).current("v")
    assert publication is not None
    assert check_number(publication) == 4
    assert publication.files[0].startswith(str(moved))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 1, "results": [{}]}',
        '{"format": 2, "results": []}',
        '{"format": 1, "results": [{"version": 7, "files": [], "rows": 1, "bytes": 1, "published_at": "x"}]}',
        "\udcff",
    ],
)
def test_a_damaged_list_of_results_is_named(warehouse: Warehouse, content: str) -> None:
    publish(warehouse, 1)
    path = warehouse.output / "v" / "published.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(ExecutionError) as raised:
        warehouse.current("v")
    assert raised.value.where == f"{path} (view v)"
    assert "cannot be used" in raised.value.cause
    assert raised.value.next_step == f"Remove the folder {warehouse.output}/v and materialise v again."
    with pytest.raises(ExecutionError, match="cannot be used"):
        publish(warehouse, 2)


def test_a_list_that_cannot_be_read_is_no_missing_result(warehouse: Warehouse) -> None:
    (warehouse.output / "v" / "published.json").mkdir(parents=True)
    with pytest.raises(ExecutionError, match="cannot be read"):
        warehouse.current("v")


def test_the_list_of_results_is_plain_json_with_relative_names(warehouse: Warehouse) -> None:
    made = publish(warehouse, 1)
    assert json.loads((warehouse.output / "v" / "published.json").read_text()) == {
        "format": 1,
        "view": "v",
        "results": [
            {
                "version": made.version,
                "files": ["part-0.parquet"],
                "rows": rows_of(1),
                "bytes": made.bytes,
                "published_at": "2026-01-02T03:04:05.678901+00:00",
            }
        ],
    }
    assert pq.read_metadata(made.files[0]).num_rows == rows_of(1)
