"""Make ``first_schema.db``, a store of the first schema that every later dfplan must be able to upgrade.

It was made once, when the first schema was the only one, and stays as it is:

    python -m dfplan_assets_tests.store.make_first_store
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.store import RunRecord, Store, open_store, tables
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

FIRST_STORE = Path(__file__).with_name("first_schema.db")


def first_bundles() -> list[PlanBundle]:
    """Two plans of one view, one of another, and one without Substrait."""
    refused = replace(
        samples.bundle().substrait, message=None, refusal="recursive query", extension_nodes=("Unnest",)
    )
    return [
        samples.bundle(verbose=False),
        samples.bundle(year=2001, engine="56.0.0"),
        samples.bundle("nations", verbose=False),
        replace(samples.bundle("descendants"), substrait=refused),
    ]


def first_runs(keys: list[str]) -> list[RunRecord]:
    """Runs of those plans: succeeded, failed and tried again, of a partition."""
    hour = timedelta(hours=1)
    return [
        samples.run(bundle_key=keys[0]),
        samples.run(started_at=MORNING + hour, wall_seconds=0.75, bundle_key=keys[1]),
        samples.failed_run(started_at=MORNING + 2 * hour),
        samples.run("nations", wall_seconds=0.125, bundle_key=keys[2], partition_key="2026-03-01"),
    ]


def fill(store: Store) -> tuple[list[str], list[str]]:
    """Write all of the above; the keys of the bundles and of the runs."""
    keys = [
        store.put_bundle(bundle, at=MORNING + timedelta(minutes=number))
        for number, bundle in enumerate(first_bundles())
    ]
    return keys, [store.put_run(run) for run in first_runs(keys)]


def main() -> None:
    """Make the file, unless the schema has moved on."""
    if tables.VERSION != 1:
        raise SystemExit("This dfplan makes stores of a later schema; the file of the first one stays.")
    FIRST_STORE.unlink(missing_ok=True)
    with open_store(f"sqlite:///{FIRST_STORE}") as store:
        fill(store)


if __name__ == "__main__":
    main()
