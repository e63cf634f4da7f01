"""Many processes write at once, and some die: nothing is lost, nothing is left half done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from dfplan_assets.store import Store, open_store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING
from dfplan_assets_tests.store.writers import (
    collect_often,
    hang_in_a_transaction,
    processes,
    write_many,
    write_until_killed,
)

PATIENCE_SECONDS = 300


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = processes().Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def start_answering(target: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """A process that is given one end of a pipe as its last argument, and the other end."""
    ours, theirs = processes().Pipe()
    process = start(target, *arguments, theirs)
    # So that waiting for the answer of a process that died ends at once.
    theirs.close()
    return process, ours


def answer(ours: Connection) -> Any:
    assert ours.poll(PATIENCE_SECONDS)
    return ours.recv()


def finish(started: list[BaseProcess]) -> None:
    for process in started:
        process.join(PATIENCE_SECONDS)
    assert [process.exitcode for process in started] == [0] * len(started)


def require_whole(store: Store) -> None:
    """The database itself finds nothing wrong, and every bundle and run can be read."""
    database = store._database
    with database.engine.connect() as connection:
        if database.address.kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        bundles = connection.execute(sa.text("SELECT key FROM dfplan_bundle")).scalars().all()
        runs = connection.execute(sa.text("SELECT key FROM dfplan_run")).scalars().all()
    for key in bundles:
        store.bundle(key)
    for key in runs:
        store.run(key)


def test_eight_processes_that_write_at_once_lose_nothing(store_url: str) -> None:
    names, count = [f"view_{number}" for number in range(8)], 6
    barrier = processes().Barrier(len(names))
    # There is no store yet: they also race to create it.
    finish([start(write_many, store_url, name, count, barrier) for name in names])
    with open_store(store_url) as store:
        info = store.info()
        assert (info.views, info.bundles) == (1 + len(names), count + len(names) * count)
        assert (info.runs, info.operators) == (2 * len(names) * count, 5 * 2 * len(names) * count)
        for name in ["revenue", *names]:
            records = store.bundles(name)
            written = [samples.bundle(name, year=number) for number in range(count)]
            read = sorted((store.bundle(record.key) for record in records), key=lambda each: each.sql)
            assert read == sorted(written, key=lambda each: each.sql)
        require_whole(store)


def test_collecting_while_others_write_takes_nothing_that_is_needed(made_url: str) -> None:
    names, count = [f"view_{number}" for number in range(3)], 12
    barrier = processes().Barrier(len(names) + 1)
    writers = [start(write_many, made_url, name, count, barrier) for name in names]
    finish([*writers, start(collect_often, made_url, 10, barrier)])
    with open_store(made_url) as store:
        require_whole(store)
        assert store.info().runs == 2 * len(names) * count
        store.gc(keep_bundles=1)
        require_whole(store)
        for name in names:
            # Kept: the bundle planned last, and that of the latest run if it is another.
            assert 1 <= len(store.bundles(name)) <= 2


def test_a_killed_writer_leaves_a_store_that_opens_with_all_that_was_acknowledged(made_url: str) -> None:
    acknowledged = []
    for _ in range(3):
        writer, ours = start_answering(write_until_killed, made_url)
        acknowledged += [answer(ours) for _ in range(5)]
        writer.kill()
        writer.join(PATIENCE_SECONDS)
        with open_store(made_url) as store:
            for bundle_key, run_key in acknowledged:
                assert store.run(run_key).bundle_key == bundle_key
            require_whole(store)


def test_a_writer_killed_in_a_transaction_leaves_nothing_of_it_and_holds_up_nobody(made_url: str) -> None:
    writer, ours = start_answering(hang_in_a_transaction, made_url)
    assert answer(ours) == "hanging"
    writer.kill()
    writer.join(PATIENCE_SECONDS)
    with open_store(made_url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
        assert store.bundle(key) == samples.bundle()
        assert store.info().views == 1


def test_threads_may_share_a_store(store: Store) -> None:
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(5):
                key = store.put_bundle(samples.bundle(name, year=number), at=MORNING)
                moment = MORNING + timedelta(seconds=number)
                store.put_run(samples.run(name, started_at=moment, bundle_key=key))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [Thread(target=write, args=(f"view_{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert failures == []
    assert (store.info().bundles, store.info().runs) == (30, 30)


def test_a_writer_that_waits_too_long_says_that_the_store_is_locked(
    sqlite_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfplan_assets.store.database.BUSY_SECONDS", 0.05)
    with open_store(sqlite_store_url) as holder, open_store(sqlite_store_url) as other:
        with (
            holder._database.writing("holding it"),
            pytest.raises(Exception, match="another process has held the store locked for too long"),
        ):
            other.put_bundle(samples.bundle(), at=MORNING)
        other.put_bundle(samples.bundle(), at=MORNING)
