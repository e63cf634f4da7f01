"""What other processes do to a store while a test looks on."""

from __future__ import annotations

import multiprocessing
import os
import resource
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path

import sqlalchemy as sa

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Recorder, open_store, tables
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING


def processes() -> ForkServerContext:
    """Real processes that share nothing with the test, and import what they need only once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def write_many(url: str, name: str, count: int, start: Barrier) -> None:
    """Open the store when all are ready, and write ``count`` bundles of two views with their runs."""
    start.wait()
    with open_store(url) as store:
        for number in range(count):
            shared = store.put_bundle(samples.bundle(year=number), at=MORNING)
            own = store.put_bundle(samples.bundle(name, year=number), at=MORNING)
            moment = MORNING + timedelta(seconds=number)
            store.put_run(samples.run(name, started_at=moment, bundle_key=own))
            store.put_run(samples.run(name, started_at=moment, bundle_key=shared, partition_key=name))


def collect_often(url: str, times: int, start: Barrier) -> None:
    """Remove all that can be removed, again and again."""
    start.wait()
    with open_store(url) as store:
        for _ in range(times):
            store.gc(keep_bundles=1)


def write_until_killed(url: str, answers: Connection) -> None:
    """Write bundles and runs for ever, and tell the key of each run that is in the store."""
    with open_store(url) as store:
        number = 0
        while True:
            key = store.put_bundle(samples.bundle(year=number), at=MORNING)
            moment = MORNING + timedelta(seconds=number)
            answers.send((key, store.put_run(samples.run(started_at=moment, bundle_key=key))))
            number += 1


def hang_in_a_transaction(url: str, answers: Connection) -> None:
    """Write one row, tell so, and never commit."""
    with open_store(url) as store, store._database.writing("hanging") as connection:
        connection.execute(sa.insert(tables.view), {"name": "half", "first_seen_at": MORNING})
        answers.send("hanging")
        answers.recv()


def read_and_write_as_nobody(url: str, key: str, queue: Path, answers: Connection) -> None:
    """As a user who may only read: read a bundle, try to write one, record a run."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    try:
        store = open_store(url)
    except StoreError as error:
        answers.send(error)
        return
    with store:
        read = store.bundle(key)
        try:
            store.put_bundle(samples.bundle(year=1), at=MORNING)
            refusal = None
        except StoreError as error:
            refusal = error
    recorder = Recorder(url, queue)
    recorded = recorder.record(samples.run(), bundle=samples.bundle(year=1), at=MORNING)
    answers.send((read == samples.bundle(), refusal, recorded.deferred, recorded.lost))
    recorder.close()


def write_beyond_a_limit(url: str, limit_bytes: int, queue: Path, answers: Connection) -> None:
    """Write bundles until no file may grow; tell the keys of those that were stored, and the errors."""
    with open_store(url) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        keys: list[str] = []
        failure: StoreError | None = None
        while failure is None:
            try:
                keys.append(store.put_bundle(samples.bundle(year=len(keys), settings=300), at=MORNING))
            except StoreError as error:
                failure = error
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, limit_bytes))
    recorder = Recorder(url, queue)
    recorded = recorder.record(samples.run(), bundle=samples.bundle(year=-1), at=MORNING)
    answers.send((keys, failure, recorded.deferred, recorded.lost))


def drain_queue(url: str, folder: Path, start: Barrier) -> None:
    """Write what waits in the queue, at the same time as others do."""
    recorder = Recorder(url, folder)
    start.wait()
    recorder.drain()
    recorder.close()
