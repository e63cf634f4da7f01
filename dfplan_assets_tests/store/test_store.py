"""What is written is read back, once, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Store, open_store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)


def test_a_bundle_equals_what_was_written(store: Store) -> None:
    written = samples.bundle()
    read = store.bundle(store.put_bundle(written, at=MORNING))
    assert read == written
    assert read.schema.equals(written.schema, check_metadata=True)


def test_a_bundle_without_substrait_or_rules_equals_what_was_written(store: Store) -> None:
    plain = samples.bundle(verbose=False)
    refused = replace(plain.substrait, message=None, refusal="recursive query\x00", extension_nodes=("x",))
    written = replace(plain, substrait=refused, topology=(), parameters=(), environment=())
    assert store.bundle(store.put_bundle(written, at=MORNING)) == written


def test_no_rules_that_fired_are_not_the_same_as_rules_not_asked_for(store: Store) -> None:
    silent = replace(samples.bundle(), rules=())
    unasked = replace(silent, rules=None)
    keys = [store.put_bundle(each, at=MORNING) for each in (silent, unasked)]
    assert [store.bundle(key).rules for key in keys] == [(), None]


def test_the_same_bundle_again_adds_nothing(store: Store) -> None:
    first = store.put_bundle(samples.bundle(), at=MORNING)
    before = store.info()
    again = store.put_bundle(samples.bundle(planning_seconds=9.0), at=MORNING + HOUR)
    after = store.info()
    assert again == first
    assert (after.bundles, after.contents, after.stored_bytes) == (1, before.contents, before.stored_bytes)
    record = store.latest_bundle("revenue")
    assert record is not None
    assert (record.first_planned_at, record.last_planned_at) == (MORNING, MORNING + HOUR)
    assert record.planning_seconds == samples.bundle().planning_seconds


def test_a_bundle_that_comes_late_moves_the_first_moment_back(store: Store) -> None:
    for at in (MORNING, MORNING - HOUR, MORNING - HOUR / 2):
        store.put_bundle(samples.bundle(), at=at)
    (record,) = store.bundles("revenue")
    assert (record.first_planned_at, record.last_planned_at) == (MORNING - HOUR, MORNING)


def test_what_two_bundles_share_is_stored_once(store: Store) -> None:
    store.put_bundle(samples.bundle(settings=10_000), at=MORNING)
    before = store.info()
    store.put_bundle(samples.bundle(settings=10_000, year=2001), at=MORNING)
    after = store.info()
    # The texts that name the year are new; the environment, which is 600 kB, is not.
    assert after.bundles == 2
    assert after.content_bytes - before.content_bytes < 5_000


def test_texts_are_stored_compressed(store: Store) -> None:
    store.put_bundle(samples.bundle(settings=10_000), at=MORNING)
    info = store.info()
    assert info.stored_bytes * 4 < info.content_bytes


def test_the_latest_bundle_is_the_one_planned_last(store: Store) -> None:
    old, new = samples.bundle(year=1994), samples.bundle(year=2001)
    key = store.put_bundle(old, at=MORNING)
    store.put_bundle(new, at=MORNING + HOUR)
    store.put_bundle(old, at=MORNING + 2 * HOUR)
    record = store.latest_bundle("revenue")
    assert record is not None
    assert (record.key, record.view, record.identity) == (key, "revenue", old.identity)
    assert [each.identity for each in store.bundles("revenue")] == [old.identity, new.identity]


def test_a_view_that_was_never_planned_has_no_bundle(store: Store) -> None:
    assert store.latest_bundle("revenue") is None
    assert store.bundles("revenue") == ()
    assert store.latest_runs(["revenue"]) == {}


def test_the_latest_bundles_of_many_views_come_at_once(store: Store) -> None:
    for view in ("a", "b"):
        for year in (1994, 1995):
            store.put_bundle(samples.bundle(view, year=year), at=MORNING + year * HOUR)
    latest = store.latest_bundles(["a", "b", "c"])
    assert {view: record.identity for view, record in latest.items()} == {
        view: samples.bundle(year=1995).identity for view in ("a", "b")
    }


def test_a_run_equals_what_was_written(store: Store) -> None:
    key = store.put_bundle(samples.bundle(), at=MORNING)
    written = samples.run(bundle_key=key, partition_key="2026-03-01")
    assert store.run(store.put_run(written)) == written


def test_a_run_that_failed_equals_what_was_written(store: Store) -> None:
    written = samples.failed_run(attempt=3)
    assert store.run(store.put_run(written)) == written


def test_the_same_run_again_changes_nothing(store: Store) -> None:
    keys = {store.put_run(samples.run()) for _ in range(3)}
    assert len(keys) == 1
    info = store.info()
    assert (info.runs, info.operators) == (1, 5)


def test_the_latest_run_is_the_one_that_started_last(store: Store) -> None:
    for hours in (0, 2, 1):
        for view in ("a", "b"):
            store.put_run(samples.run(view, started_at=MORNING + hours * HOUR, wall_seconds=1.0 + hours))
    store.put_run(samples.failed_run("a", started_at=MORNING + 3 * HOUR))
    latest = store.latest_runs(["a", "b", "c"])
    assert {view: (run.status, run.wall_seconds) for view, run in latest.items()} == {
        "a": ("failed", None),
        "b": ("succeeded", 3.0),
    }
    assert store.latest_runs(["a"], status="succeeded")["a"].wall_seconds == 3.0


def test_a_summary_carries_the_figures_of_its_run(store: Store) -> None:
    key = store.put_run(samples.run(bundle_key="b" * 64, partition_key="2026-03-01"))
    summary = store.latest_runs(["revenue"])["revenue"]
    assert (summary.key, summary.started_at, summary.attempt) == (key, MORNING, 1)
    assert (summary.bundle_key, summary.partition_key) == ("b" * 64, "2026-03-01")
    assert (summary.input_rows, summary.input_bytes) == (25 + 1_500, 2_199 + 123_456)
    assert (summary.wall_seconds, summary.cpu_seconds, summary.output_rows) == (0.5, 0.75, 25)
    assert (summary.partitions, summary.cores) == (2, 2)


def test_an_input_of_unknown_rows_leaves_the_sum_unknown(store: Store) -> None:
    store.put_run(samples.failed_run())
    summary = store.latest_runs(["revenue"])["revenue"]
    assert (summary.input_rows, summary.input_bytes) == (None, 123_456)


def test_moments_come_back_in_utc_whatever_zone_they_had(store: Store) -> None:
    tokyo = timezone(timedelta(hours=9))
    store.put_run(samples.run(started_at=datetime(2026, 3, 1, 0, 30, tzinfo=tokyo)))
    started_at = store.latest_runs(["revenue"])["revenue"].started_at
    assert started_at == datetime(2026, 2, 28, 15, 30, tzinfo=timezone.utc)
    assert started_at.utcoffset() == timedelta(0)


def test_a_wall_time_that_is_no_number_stays_none(store: Store) -> None:
    key = store.put_run(samples.run(wall_seconds=0.5))
    absurd = samples.profile(wall_seconds=-4.0)
    broken = replace(samples.run(), profile=replace(absurd, wall_seconds=float("nan")))
    other = store.put_run(broken)
    assert other != key
    read = store.run(other).profile
    assert read is not None
    assert read.wall_seconds != read.wall_seconds
    assert read.root == absurd.root


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"started_at": datetime(2026, 3, 1)}, "2026-03-01T00:00:00 has no time zone"),
        ({"started_at": datetime(1, 1, 1, tzinfo=timezone(HOUR))}, "has no equal in UTC"),
        ({"view": "reve\x00nue", "profile": None}, "dfplan_view.name cannot hold"),
        ({"partition_key": "\ud800"}, "dfplan_run.partition_key cannot hold"),
        ({"peak_memory_bytes": 1 << 63}, "peak_memory_bytes cannot hold the number 9223372036854775808"),
        ({"attempt": 1 << 31}, "attempt cannot hold"),
        ({"view": "another"}, "the profile is of view revenue, the run of view another"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(store: Store, change: dict[str, object], said: str) -> None:
    with pytest.raises(StoreError, match="it cannot be stored") as caught:
        store.put_run(replace(samples.run(), **change))  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert store.info().runs == 0


def test_a_part_of_the_environment_that_lies_about_its_hash_is_refused(store: Store) -> None:
    honest = samples.bundle()
    lie = replace(honest.environment[0], sha256="0" * 64)
    with pytest.raises(StoreError, match="does not have the SHA-256"):
        store.put_bundle(replace(honest, environment=(lie,)), at=MORNING)
    assert store.info().bundles == 0


def test_a_key_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=f"there is no bundle {'a' * 64}"):
        store.bundle("a" * 64)
    with pytest.raises(StoreError, match=f"there is no run {'b' * 64}"):
        store.run("b" * 64)


def test_a_store_that_is_closed_and_opened_again_has_everything(store_url: str) -> None:
    with open_store(store_url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
        store.put_run(samples.run(bundle_key=key))
    with open_store(store_url) as store:
        assert store.bundle(key) == samples.bundle()
        assert store.info().runs == 1
