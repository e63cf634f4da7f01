"""Opening a store is cheap, and makes one where there is none."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import find_store, open_store

# What takes long to import and is not needed to record a run.
HEAVY = ("alembic", "pandas", "dagster", "datafusion", "psycopg")


def test_a_store_is_made_at_first_use_with_its_folders(store_url: str) -> None:
    for _ in range(2):
        with open_store(store_url) as store:
            assert store.info().bundles == 0


def test_a_store_that_is_only_looked_for_is_not_made(store_url: str) -> None:
    assert find_store(store_url) is None
    assert find_store(store_url) is None
    open_store(store_url).close()
    found = find_store(store_url)
    assert found is not None
    with found:
        assert found.info().bundles == 0


def test_looking_for_a_store_leaves_neither_file_nor_folder(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    assert find_store(sqlite_url) is None
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    assert find_store(sqlite_url) is None
    assert path.read_bytes() == b""


def test_a_new_file_lets_readers_and_a_writer_work_at_once_and_can_shrink(sqlite_url: str) -> None:
    open_store(sqlite_url).close()
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental
    connection.close()


def test_a_creator_that_died_before_it_made_the_tables_leaves_a_file_that_becomes_a_store(
    sqlite_url: str,
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size > 0
    with open_store(sqlite_url) as store:
        assert store.info().bundles == 0


def test_reading_while_another_writes_sees_what_was_committed(sqlite_store_url: str) -> None:
    with (
        open_store(sqlite_store_url) as writer,
        open_store(sqlite_store_url) as reader,
        writer._database.writing("holding it"),
    ):
        assert reader.info().bundles == 0


def test_recording_imports_nothing_that_takes_long(sqlite_store_url: str) -> None:
    program = (
        "import sys\n"
        "from dfplan_assets.store import Recorder, open_store\n"
        "from dfplan_assets_tests.store import samples\n"
        f"with open_store({sqlite_store_url!r}) as store:\n"
        "    store.put_bundle(samples.bundle(), at=samples.MORNING)\n"
        "    store.put_run(samples.run())\n"
        "    store.latest_runs(['revenue'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_a_missing_postgresql_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="psycopg is not installed") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/plans")
    assert "dfplan-assets[postgres]" in caught.value.next_step
