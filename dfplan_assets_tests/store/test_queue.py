"""A store that cannot be used disturbs no run: its records wait, and are stored exactly once."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Drained, Queue, Recorder, Store, open_store, upgrade_store
from dfplan_assets.store.recorder import RETRY_SECONDS
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING
from dfplan_assets_tests.store.test_processes import finish, start
from dfplan_assets_tests.store.test_upgrade import later
from dfplan_assets_tests.store.writers import drain_queue, processes


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A folder in place of the store's file, until a test removes it."""
    path = tmp_path / "plans.db"
    path.mkdir()
    return path


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "warehouse" / ".dfplan-queue")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(blocked: Path, queue: Queue, clock: Clock) -> Iterator[Recorder]:
    """One whose store cannot be opened."""
    opened = Recorder(f"sqlite:///{blocked}", queue, clock=clock)
    yield opened
    opened.close()


def record(recorder: Recorder, number: int = 0) -> StoreError | None:
    """Record one run of a plan of its own; the reason why it was queued."""
    run = samples.run(started_at=MORNING + timedelta(seconds=number))
    recorded = recorder.record(run, bundle=samples.bundle(year=number), at=MORNING)
    assert recorded.lost is None
    return recorded.deferred


def test_records_go_straight_into_a_store_that_works(made_url: str, queue: Queue) -> None:
    recorder = Recorder(made_url, queue)
    recorded = recorder.record(samples.run(), bundle=samples.bundle(), at=MORNING)
    recorder.close()
    assert (recorded.deferred, recorded.lost, recorded.drained) == (None, None, None)
    assert not queue.folder.exists()
    assert recorded.bundle_key is not None
    with open_store(made_url) as store:
        assert store.bundle(recorded.bundle_key) == samples.bundle()
        run = store.latest_runs(["revenue"])["revenue"]
        assert run.bundle_key == recorded.bundle_key
        assert run.fingerprint == samples.bundle().identity.fingerprint


def test_a_run_without_a_plan_is_recorded_too(made_url: str, queue: Queue) -> None:
    recorder = Recorder(made_url, queue)
    assert recorder.record(samples.failed_run(), bundle=None, at=MORNING).deferred is None
    recorder.close()
    with open_store(made_url) as store:
        assert (store.info().bundles, store.info().runs) == (0, 1)


def test_a_store_that_cannot_be_opened_is_a_reason_and_no_error(recorder: Recorder, queue: Queue) -> None:
    reason = record(recorder)
    assert isinstance(reason, StoreError)
    assert "the file cannot be opened" in reason.cause
    assert len(queue) == 2


def test_what_waited_is_stored_exactly_once_at_the_next_chance(
    recorder: Recorder, queue: Queue, clock: Clock, blocked: Path
) -> None:
    for number in range(3):
        record(recorder, number)
    blocked.rmdir()
    clock.seconds += RETRY_SECONDS
    run = samples.run("nations")
    recorded = recorder.record(run, bundle=samples.bundle("nations"), at=MORNING)
    assert recorded.deferred is None
    assert recorded.drained is not None
    assert (recorded.drained.stored, recorded.drained.unreadable, recorded.drained.stopped) == (6, (), None)
    assert len(queue) == 0
    with open_store(f"sqlite:///{blocked}") as store:
        assert (store.info().bundles, store.info().runs) == (4, 4)
        read = [store.bundle(each.key) for each in store.bundles("revenue")]
        assert sorted(each.sql for each in read) == [samples.bundle(year=year).sql for year in range(3)]


def test_another_process_can_store_what_waits(recorder: Recorder, queue: Queue, blocked: Path) -> None:
    record(recorder)
    blocked.rmdir()
    other = Recorder(f"sqlite:///{blocked}", Queue(queue.folder))
    drained = other.drain()
    assert drained is not None
    assert drained.stored == 2
    assert other.drain() is None
    other.close()


def test_a_store_that_failed_is_left_alone_for_a_while(
    recorder: Recorder, queue: Queue, clock: Clock, blocked: Path
) -> None:
    first = record(recorder, 0)
    blocked.rmdir()
    clock.seconds += RETRY_SECONDS - 1
    assert record(recorder, 1) is first
    clock.seconds += 1
    assert record(recorder, 2) is None
    assert len(queue) == 0


def test_a_store_that_fails_later_on_is_noticed_too(made_url: str, queue: Queue) -> None:
    recorder = Recorder(made_url, queue)
    assert record(recorder, 0) is None
    with open_store(made_url) as other, other._database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE dfplan_explain RENAME TO elsewhere")
    reason = record(recorder, 1)
    with open_store(made_url) as other, other._database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO dfplan_explain")
    assert isinstance(reason, StoreError)
    assert "dfplan_explain" in reason.cause
    recorder.close()
    next_process = Recorder(made_url, queue)
    assert record(next_process, 2) is None
    next_process.close()
    with open_store(made_url) as store:
        assert (store.info().bundles, store.info().runs) == (3, 3)


def test_a_store_that_is_removed_while_it_is_in_use_is_made_anew(
    sqlite_store_url: str, queue: Queue, clock: Clock
) -> None:
    recorder = Recorder(sqlite_store_url, queue, clock=clock)
    assert record(recorder, 0) is None
    Path(sqlite_store_url.removeprefix("sqlite:///")).unlink()
    reason = record(recorder, 1)
    assert isinstance(reason, StoreError)
    assert "the file was removed while it was in use" in reason.cause
    clock.seconds += RETRY_SECONDS
    assert record(recorder, 2) is None
    recorder.close()
    with open_store(sqlite_store_url) as store:
        assert (store.info().bundles, store.info().runs) == (2, 2)


def test_processes_that_empty_the_queue_at_once_store_each_record_once(made_url: str, queue: Queue) -> None:
    for number in range(10):
        queue.add_bundle(samples.bundle(year=number), at=MORNING)
        queue.add_run(samples.run(started_at=MORNING + timedelta(seconds=number)))
    barrier = processes().Barrier(4)
    finish([start(drain_queue, made_url, queue.folder, barrier) for _ in range(4)])
    assert len(queue) == 0
    with open_store(made_url) as store:
        assert (store.info().bundles, store.info().runs, store.info().operators) == (10, 10, 50)


def test_a_process_that_died_after_storing_and_before_deleting_stores_nothing_twice(
    store: Store, queue: Queue, tmp_path: Path
) -> None:
    queue.add_bundle(samples.bundle(), at=MORNING)
    queue.add_run(samples.run())
    shutil.copytree(queue.folder, tmp_path / "copy")
    assert queue.drain(store).stored == 2
    before = store.info()
    assert Queue(tmp_path / "copy").drain(store).stored == 2
    assert store.info() == before


def test_a_record_is_lines_of_json(queue: Queue) -> None:
    key = queue.add_bundle(samples.bundle(), at=MORNING)
    (path,) = queue.folder.iterdir()
    header, record, *contents = [json.loads(line) for line in path.read_text().splitlines()]
    assert header == {"dfplan_queue": 1, "contents": len(contents)}
    assert (record["record"], record["format"], record["key"]) == ("bundle", 1, key)
    assert samples.sha256(samples.bundle().sql) in [content["sha256"] for content in contents]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('{"dfplan_queue":1', '{"dfplan_queue":2', "it is in format 2, this dfplan reads format 1"),
        ('"format":1', '"format":3', "the bundle is in format 3"),
        ('"record":"bundle"', '"record":"forecast"', "forecast"),
        ('"view":"revenue"', '"view":"other"', "its content has the key"),
        ('"codec":"zlib"', '"codec":"raw"', "bytes where"),
        ('{"dfplan_queue":1', "", "JSONDecodeError"),
    ],
)
def test_a_record_that_cannot_be_read_is_named_and_stays_and_holds_up_nobody(
    store: Store, queue: Queue, old: str, new: str, said: str
) -> None:
    queue.add_bundle(samples.bundle(), at=MORNING)
    (path,) = queue.folder.iterdir()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    queue.add_run(samples.run())
    drained = queue.drain(store)
    assert (drained.stored, drained.stopped) == (1, None)
    (error,) = drained.unreadable
    assert said in error.cause
    assert str(path) in error.where
    assert path.exists()
    assert (store.info().bundles, store.info().runs) == (0, 1)


def test_a_record_that_was_cut_off_is_named_and_stays(store: Store, queue: Queue) -> None:
    queue.add_bundle(samples.bundle(), at=MORNING)
    (path,) = queue.folder.iterdir()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    (error,) = queue.drain(store).unreadable
    assert f"it has {len(lines) - 3} of {len(lines) - 2} contents" in error.cause
    assert path.exists()


def test_a_record_that_a_killed_process_had_only_begun_is_none(store: Store, queue: Queue) -> None:
    queue.add_run(samples.run())
    (path,) = queue.folder.iterdir()
    path.rename(path.with_suffix(".partial"))
    assert len(queue) == 0
    assert queue.drain(store).stored == 0


def test_records_wait_for_an_older_store_to_be_upgraded(
    sqlite_store_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    recorder = Recorder(sqlite_store_url, queue)
    reason = record(recorder)
    assert isinstance(reason, StoreError)
    assert "dfplan store upgrade" in reason.next_step
    recorder.close()
    upgrade_store(sqlite_store_url)
    next_process = Recorder(sqlite_store_url, queue)
    drained = next_process.drain()
    next_process.close()
    assert drained is not None
    assert drained.stored == 2


def test_what_stops_the_store_stops_the_emptying_and_keeps_the_rest(
    sqlite_store_url: str, queue: Queue
) -> None:
    for number in range(3):
        queue.add_run(samples.run(started_at=MORNING + timedelta(seconds=number)))
    with open_store(sqlite_store_url) as store:
        connection = sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"))
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON dfplan_run WHEN (SELECT count(*) FROM dfplan_run) = 1"
            " BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
        drained = queue.drain(store)
        assert drained.stored == 1
        assert drained.stopped is not None
        assert "no more" in drained.stopped.cause
        assert len(queue) == 2
        connection.execute("DROP TRIGGER full")
        connection.close()
        assert queue.drain(store).stored == 2


def test_a_record_that_can_be_kept_nowhere_is_said_to_be_lost(blocked: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(f"sqlite:///{blocked}", tmp_path / "file")
    recorded = recorder.record(samples.run(), bundle=samples.bundle(), at=MORNING)
    assert isinstance(recorded.deferred, StoreError)
    assert isinstance(recorded.lost, StoreError)
    assert str(tmp_path / "file") in recorded.lost.where


def test_a_record_that_no_store_could_hold_is_not_queued_for_ever(queue: Queue) -> None:
    with pytest.raises(StoreError, match="it cannot be stored"):
        queue.add_run(samples.run(partition_key="\x00"))
    with pytest.raises(StoreError, match="it cannot be stored"):
        queue.add_bundle(samples.bundle("\x00"), at=MORNING)
    assert len(queue) == 0


def test_a_record_keeps_the_moment_at_which_its_plan_was_made(store: Store, queue: Queue) -> None:
    store.put_bundle(samples.bundle(), at=MORNING + timedelta(days=1))
    queue.add_bundle(samples.bundle(), at=MORNING)
    queue.drain(store)
    (known,) = store.bundles("revenue")
    assert (known.first_planned_at, known.last_planned_at) == (MORNING, MORNING + timedelta(days=1))


def test_a_run_that_waited_in_the_first_format_is_stored_under_the_key_it_had(
    store: Store, queue: Queue
) -> None:
    """The file was written by the dfplan that knew no other format."""
    key = "3c12fad1b2948539ef9846c76d7b5011cd33742242b2047cb2cdb1787254f402"
    queue.folder.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("first_queued_run.jsonl"), queue.folder)
    assert queue.drain(store) == Drained(1, (), None)
    run = store.run(key)
    assert run.profile is not None
    assert replace(run, profile=None) == replace(samples.run(), profile=None)
    (summary,) = store.recent_runs(["revenue"], runs_each=9)["revenue"]
    assert (summary.spilled_bytes, summary.bytes_scanned, summary.row_groups_pruned) == (12, 4711, None)
    shutil.copy(Path(__file__).with_name("first_queued_run.jsonl"), queue.folder)
    assert queue.drain(store).stored == 1
    assert store.info().runs == 1
