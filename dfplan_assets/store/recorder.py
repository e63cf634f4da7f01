"""Recording what a run made, whatever state the store is in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dfplan_assets.errors import StoreError
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store.bundle_format import encode_bundle
from dfplan_assets.store.queue import Drained, Queue
from dfplan_assets.store.record import BundleRecord, RunRecord, ScheduleRecord
from dfplan_assets.store.store import Store, open_store

RETRY_SECONDS = 30.0
"""How long a store that failed is left alone, so that a thousand views do not each wait for it."""


@dataclass(frozen=True)
class Recorded:
    """What became of the records of one run, of a view or of Dagster.

    ``bundle_key`` finds its plan in the store, None when there was no bundle. ``deferred`` is why
    the records were queued, None when they are in the store. ``lost`` is why they could not be
    queued either. ``drained`` is what became of records that waited from before, None when there
    were none or the store is not to be had.
    """

    bundle_key: str | None
    deferred: StoreError | None
    lost: StoreError | None
    drained: Drained | None


class Recorder:
    """Keeps bundles and runs in the store, or in the queue while the store cannot be used.

    One for each process; threads may share it. ``clock`` gives seconds that only grow.
    """

    def __init__(self, url: str, queue: Queue | Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.queue = queue if isinstance(queue, Queue) else Queue(queue)
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._failure: StoreError | None = None
        self._retry_at = 0.0

    def record(self, run: RunRecord, *, bundle: PlanBundle | None, at: datetime) -> Recorded:
        """Keep a run and the bundle, planned ``at``, that it ran; never raises ``StoreError``.

        With a bundle, the run is kept under its key and fingerprint, whatever the run says.
        """
        encoded = None if bundle is None else encode_bundle(bundle)
        key = None if encoded is None else encoded.key
        if bundle is not None:
            run = replace(run, bundle_key=key, fingerprint=bundle.identity.fingerprint)
        try:
            store = self._opened()
            if encoded is None:
                store.put_run(run)
            else:
                store.put_attempt(encoded, run, at=at)
        except StoreError as reason:
            self._remember(reason)
            return Recorded(key, reason, self._queue(run, bundle, at), None)
        return Recorded(key, None, None, self._drain(store))

    def record_schedule(self, schedule: ScheduleRecord) -> Recorded:
        """Keep the order of a Dagster run as ``Store.put_schedule`` does; never raises ``StoreError``."""
        try:
            store = self._opened()
            store.put_schedule(schedule)
        except StoreError as reason:
            self._remember(reason)
            try:
                self.queue.add_schedule(schedule)
            except StoreError as lost:
                return Recorded(None, reason, lost, None)
            return Recorded(None, reason, None, None)
        return Recorded(None, None, None, self._drain(store))

    def latest_bundles(self, views: Iterable[str]) -> dict[str, BundleRecord]:
        """The bundle planned last of each view that has one; none where the store cannot be read.

        Never raises ``StoreError``: the next ``record`` says what is wrong with the store.
        """
        try:
            return self._opened().latest_bundles(views)
        except StoreError as reason:
            self._remember(reason)
            return {}

    def bundle(self, key: str) -> PlanBundle | None:
        """The bundle with this key; None where the store cannot give it. Never raises ``StoreError``."""
        try:
            return self._opened().bundle(key)
        except StoreError as reason:
            self._remember(reason)
            return None

    def drain(self) -> Drained | None:
        """Store what waits in the queue; None when nothing does. Never raises ``StoreError``."""
        if not len(self.queue):
            return None
        try:
            return self._drain(self._opened())
        except StoreError as reason:
            self._remember(reason)
            return Drained(0, (), reason)

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> Store:
        with self._lock:
            if self._failure is not None:
                if self._clock() < self._retry_at:
                    raise self._failure
                self._failure = None
            if self._store is None:
                self._store = open_store(self._url)
            return self._store

    def _remember(self, reason: StoreError) -> None:
        with self._lock:
            if self._failure is None:
                self._failure = reason
                self._retry_at = self._clock() + RETRY_SECONDS
            # It may be gone, replaced or upgraded: the next chance opens it anew.
            if self._store is not None:
                self._store.close()
                self._store = None

    def _queue(self, run: RunRecord, bundle: PlanBundle | None, at: datetime) -> StoreError | None:
        try:
            if bundle is not None:
                self.queue.add_bundle(bundle, at=at)
            self.queue.add_run(run)
        except StoreError as error:
            return error
        return None

    def _drain(self, store: Store) -> Drained | None:
        if not len(self.queue):
            return None
        drained = self.queue.drain(store)
        if drained.stopped is not None:
            self._remember(drained.stopped)
        return drained
