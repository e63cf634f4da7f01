"""A run and the bundle that it ran are stored in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Store, open_store
from dfplan_assets.store.bundle_format import encode_bundle
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING


def test_both_are_as_if_they_were_stored_one_after_the_other(store: Store) -> None:
    bundle = encode_bundle(samples.bundle())
    run = replace(samples.run(), bundle_key=bundle.key)
    store.put_attempt(bundle, run, at=MORNING)
    assert store.bundle(bundle.key) == samples.bundle()
    assert store.run(store.put_run(run)) == run
    before = store.info()
    assert store.put_bundle(samples.bundle(), at=MORNING) == bundle.key
    store.put_attempt(bundle, run, at=MORNING)
    assert store.info() == before


def test_a_run_that_cannot_be_written_takes_its_bundle_with_it(sqlite_store_url: str) -> None:
    path = sa.make_url(sqlite_store_url).database
    assert path is not None
    with closing(sqlite3.connect(Path(path))) as connection:
        connection.execute(
            "create trigger refuse before insert on dfplan_operator begin select raise(abort, 'no room'); end"
        )
        connection.commit()
    bundle = encode_bundle(samples.bundle())
    with open_store(sqlite_store_url) as store:
        with pytest.raises(StoreError, match="no room"):
            store.put_attempt(bundle, samples.run(), at=MORNING)
        info = store.info()
    assert (info.bundles, info.runs, info.contents) == (0, 0, 0)


def test_an_environment_that_was_collected_meanwhile_is_stored_again(store: Store) -> None:
    first = samples.bundle()
    store.put_attempt(encode_bundle(first), samples.failed_run(), at=MORNING)
    store.put_bundle(samples.bundle(settings=10_000), at=MORNING + timedelta(hours=1))
    store.gc(keep_bundles=1)
    with pytest.raises(StoreError, match="there is no bundle"):
        store.bundle(encode_bundle(first).key)
    changed = replace(first, sql="select 1 as other")
    store.put_attempt(encode_bundle(changed), samples.failed_run(), at=MORNING)
    assert store.bundle(encode_bundle(changed).key) == changed
