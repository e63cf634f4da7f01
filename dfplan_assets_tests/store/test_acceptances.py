"""Who accepted which plan of a view, when and why, is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import AcceptanceRecord, Store
from dfplan_assets_tests.store.samples import MORNING, sha256

ACCEPTED = AcceptanceRecord(
    view="revenue",
    complete=sha256("plan"),
    fingerprint=sha256("results"),
    accepted_at=MORNING,
    accepted_by="anna",
    note="the join order of the new release is fine",
)


def test_acceptances_of_a_view_come_back_the_newest_first(store: Store) -> None:
    later = replace(ACCEPTED, accepted_at=MORNING + timedelta(days=1), accepted_by="björn", note="")
    for record in (ACCEPTED, later, replace(ACCEPTED, view="nations")):
        store.put_acceptance(record)
    assert store.acceptances("revenue") == (later, ACCEPTED)
    assert store.acceptances("descendants") == ()


def test_the_same_acceptance_twice_is_one(store: Store) -> None:
    for _ in range(2):
        store.put_acceptance(ACCEPTED)
    assert store.acceptances("revenue") == (ACCEPTED,)


def test_an_acceptance_that_cannot_be_kept_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="has no time zone"):
        store.put_acceptance(replace(ACCEPTED, accepted_at=datetime(2026, 3, 1)))
    with pytest.raises(StoreError, match=r"dfplan_acceptance\.note cannot hold the text"):
        store.put_acceptance(replace(ACCEPTED, note="\x00"))
    assert store.acceptances("revenue") == ()
