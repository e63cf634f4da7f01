from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.project import load_project
from dfplan_assets.store import tables
from dfplan_assets.store.queue import queue_of
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.cli.test_show import store_of
from dfplan_assets_tests.small_projects import write_shop
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three plans of one view, each of which ran."""
    shop = write_shop(tmp_path)
    with store_of(shop) as store:
        for number in range(3):
            at = MORNING + timedelta(days=number)
            key = store.put_bundle(samples.bundle(year=1994 + number), at=at)
            store.put_run(samples.run(started_at=at, bundle_key=key))
    return shop


def test_info_counts_what_is_stored(shop: Path, dfplan_json: Callable[..., Any]) -> None:
    found = dfplan_json("--project", shop, "store", "info")
    assert (found["version"], found["views"], found["bundles"], found["runs"]) == (tables.VERSION, 1, 3, 3)
    assert found["operators"] == 15  # five in each run
    assert found["location"] == f"sqlite:///{shop}/.dfplan/plans.db"
    assert found["size_bytes"] == (shop / ".dfplan" / "plans.db").stat().st_size
    assert found["last_planned_at"] == (MORNING + timedelta(days=2)).isoformat()
    assert found["queued_records"] == 0


def test_info_counts_what_waits(shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]) -> None:
    queue = queue_of(load_project(shop))
    queue.add_bundle(samples.bundle(), at=MORNING)
    queue.add_run(samples.run())
    assert dfplan_json("--project", shop, "store", "info")["queued_records"] == 2
    assert "2 records wait" in dfplan("--project", shop, "store", "info").stdout


def test_where_the_store_cannot_be_read_info_still_counts_what_waits(shop: Path, dfplan: Dfplan) -> None:
    (shop / ".dfplan" / "plans.db").write_bytes(b"not a database at all" * 100)
    queue_of(load_project(shop)).add_run(samples.run())
    result = dfplan("--project", shop, "store", "info")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "1 records wait for it" in result.stderr


def test_gc_keeps_what_it_was_told_to_and_says_what_it_removed(
    shop: Path, dfplan_json: Callable[..., Any]
) -> None:
    removed = dfplan_json("--project", shop, "store", "gc", "--keep-bundles", 1, "--keep-runs", 2)["removed"]
    assert (removed["bundles"], removed["runs"]) == (2, 1)
    assert removed["stored_bytes"] > 0
    found = dfplan_json("--project", shop, "store", "info")
    assert (found["bundles"], found["runs"]) == (1, 2)


def test_gc_without_a_number_keeps_all(shop: Path, dfplan: Dfplan) -> None:
    assert dfplan("--project", shop, "store", "gc").stdout.startswith("Removed 0 plans, 0 runs")


@pytest.mark.parametrize("option", ["--keep-bundles", "--keep-runs"])
def test_gc_refuses_to_keep_nothing(shop: Path, dfplan: Dfplan, option: str) -> None:
    assert dfplan("--project", shop, "store", "gc", option, 0).exit_code == 2


def test_upgrade_says_from_and_to(shop: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]) -> None:
    first = Path(samples.__file__).with_name("first_schema.db")
    for file in (shop / ".dfplan").iterdir():
        file.unlink()
    shutil.copy(first, shop / ".dfplan" / "plans.db")
    upgraded = dfplan_json("--project", shop, "store", "upgrade")
    assert upgraded == {"before": 1, "after": tables.VERSION}
    assert str(tables.VERSION) in dfplan("--project", shop, "store", "upgrade").stdout


def test_upgrade_of_no_store_makes_none(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path)
    result = dfplan("--project", shop, "store", "upgrade")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "dfplan run" in result.stderr
    assert not (shop / ".dfplan").exists()


def test_a_file_that_is_no_store_is_left_as_it_is(shop: Path, dfplan: Dfplan) -> None:
    file = shop / ".dfplan" / "plans.db"
    file.write_bytes(b"not a database at all" * 100)
    result = dfplan("--project", shop, "store", "info")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no SQLite database" in result.stderr
    assert file.read_bytes() == b"not a database at all" * 100
