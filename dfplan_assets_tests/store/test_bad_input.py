"""What is wrong with a store is said in words that name it, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Queue, Recorder, Store, open_store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.postgres import PASSWORD, USER, PostgresServer, running_server
from dfplan_assets_tests.store.samples import MORNING
from dfplan_assets_tests.store.test_processes import answer, start_answering
from dfplan_assets_tests.store.writers import read_and_write_as_nobody, write_beyond_a_limit


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own can be entered by its owner alone."""
    folder = Path(tempfile.mkdtemp(prefix="dfplan-store-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 24 MB, where this process may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="dfplan-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://me@host/db", "mysql is no kind of store; there are sqlite and postgresql"),
        ("postgresql+psycopg2://host/db", "postgresql+psycopg2 is no kind of store"),
        ("s3://bucket/plans.db", "s3 is no kind of store"),
        ("plans.db", "does not begin with a kind"),
        ("", "does not begin with a kind"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///plans.db?mode=ro", "a SQLite URL holds a path and nothing else"),
        ("sqlite://host/plans.db", "a SQLite URL holds a path and nothing else"),
        ("postgresql://host:port/db", "cannot be read"),
    ],
)
def test_a_url_where_no_store_can_be_is_refused(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert said in caught.value.cause
    assert caught.value.where.startswith("plan store")
    assert caught.value.next_step


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    path.write_text("id,name\n1,Ada\n" * 100)
    with pytest.raises(StoreError, match="the file is no SQLite database") as caught:
        open_store(f"sqlite:///{path}")
    assert str(path) in caught.value.where
    assert path.read_text() == "id,name\n1,Ada\n" * 100
    assert [each.name for each in tmp_path.iterdir()] == ["plans.db"]


def test_a_database_that_is_no_plan_store_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE albums (title TEXT)")
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no plan store: it holds albums, songs"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_version_that_is_no_number_is_named(store_url: str) -> None:
    open_store(store_url).close()
    engine = sa.create_engine(store_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dfplan_version SET version_num = 'a1b2c3'")
    engine.dispose()
    with pytest.raises(StoreError, match="names the version 'a1b2c3', which is none"):
        open_store(store_url)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the file cannot be opened"):
        open_store(f"sqlite:///{tmp_path}")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    path.touch()
    with open_store(f"sqlite:///{path}") as store:
        assert store.info().bundles == 0


def test_a_path_with_characters_that_urls_need_works(tmp_path: Path) -> None:
    path = tmp_path / "50% of it, or #1?.db"
    with open_store(f"sqlite:///{quote(str(path))}") as store:
        store.put_bundle(samples.bundle(), at=MORNING)
    assert path.is_file()


def test_a_damaged_database_is_named(tmp_path: Path, sqlite_store_url: str) -> None:
    path = Path(sqlite_store_url.removeprefix("sqlite:///"))
    with open_store(sqlite_store_url) as store:
        for year in range(20):
            store.put_bundle(samples.bundle(year=year), at=MORNING)
    payload = bytearray(path.read_bytes())
    payload[4096:] = b"\xff" * (len(payload) - 4096)
    path.write_bytes(payload)
    with pytest.raises(StoreError, match="the database is damaged"):
        open_store(sqlite_store_url).info()


def test_a_server_that_does_not_answer_is_named(postgres_server: PostgresServer) -> None:
    url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/plans".replace("/pass word", "")
    with pytest.raises(StoreError, match="the store cannot be reached") as caught:
        open_store(url)
    assert "127.0.0.1:1/plans" in caught.value.where


def test_a_database_that_does_not_exist_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        open_store(postgres_server.url("nowhere"))


def test_other_tables_in_a_postgresql_database_are_no_hindrance(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    url = postgres_server.url(postgres_database)
    postgres_server.execute("CREATE TABLE alembic_version (version_num text)", postgres_database)
    with open_store(url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
        assert store.bundle(key) == samples.bundle()


def test_a_bundle_of_an_unknown_format_is_named_and_left_as_it_is(store: Store) -> None:
    known = store.put_bundle(samples.bundle(), at=MORNING)
    other = store.put_bundle(samples.bundle(year=2001), at=MORNING)
    change(store, f"UPDATE dfplan_bundle SET format = 7 WHERE key = '{other}'")
    with pytest.raises(StoreError, match="it is written in format 7, this dfplan reads format 1") as caught:
        store.bundle(other)
    assert f"bundle {other} of view revenue" in caught.value.where
    assert store.bundle(known) == samples.bundle()
    assert store.info().bundles == 2


def test_a_run_of_an_unknown_format_is_named(store: Store) -> None:
    key = store.put_run(samples.run())
    change(store, "UPDATE dfplan_run SET format = 7")
    with pytest.raises(StoreError, match="it is written in format 7, this dfplan reads format 2"):
        store.run(key)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("data = substr(data, 1, 20)", "cannot be decompressed"),
        ("data = substr(data, 1, length(data) - 1)", "cannot be decompressed"),
        ("codec = 'raw'", "bytes where"),
        ("codec = 'lz4'", "unknown codec 'lz4'"),
        ("size_bytes = 1", "bytes where 1 were written"),
    ],
)
def test_a_truncated_or_changed_content_is_named(store: Store, damage: str, said: str) -> None:
    key = store.put_bundle(samples.bundle(), at=MORNING)
    settings = samples.bundle().environment[0].sha256
    change(store, f"UPDATE dfplan_content SET {damage} WHERE sha256 = '{settings}'")
    with pytest.raises(StoreError, match="it is damaged") as caught:
        store.bundle(key)
    assert said in caught.value.cause
    assert settings in caught.value.cause
    assert key in caught.value.where


def test_other_bytes_of_the_same_length_are_noticed(store: Store) -> None:
    written = samples.bundle("v", settings=1)
    key = store.put_bundle(written, at=MORNING)
    versions = written.environment[2]
    swapped = versions.content.replace("55", "56").encode().hex()
    literal = f"x'{swapped}'" if "sqlite" in repr(store) else f"'\\x{swapped}'"
    change(store, f"UPDATE dfplan_content SET data = {literal} WHERE sha256 = '{versions.sha256}'")
    with pytest.raises(StoreError, match="holds other bytes than were written"):
        store.bundle(key)


def test_a_missing_content_is_named(store: Store) -> None:
    key = store.put_bundle(samples.bundle(), at=MORNING)
    sql = samples.sha256(samples.bundle().sql)
    change(store, f"DELETE FROM dfplan_content WHERE sha256 = '{sql}'")
    with pytest.raises(StoreError, match=f"content {sql} is missing"):
        store.bundle(key)


@pytest.mark.parametrize("sealed", ["the file", "the file and its folder"])
def test_a_read_only_file_can_be_read_and_writing_says_so_and_queues(open_folder: Path, sealed: str) -> None:
    folder, queue = open_folder / "store", open_folder / "queue"
    folder.mkdir()
    queue.mkdir()
    queue.chmod(0o777)
    url = f"sqlite:///{folder}/plans.db"
    with open_store(url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
    (folder / "plans.db").chmod(0o444)
    folder.chmod(0o555 if sealed == "the file and its folder" else 0o777)
    _, ours = start_answering(read_and_write_as_nobody, url, key, queue)
    has_read, refusal, deferred, lost = answer(ours)
    folder.chmod(0o755)
    (folder / "plans.db").chmod(0o644)
    assert has_read
    assert "the store is read-only; nothing was written" in refusal.cause
    assert "the store is read-only; nothing was written" in deferred.cause
    assert lost is None
    recorder = Recorder(url, queue)
    drained = recorder.drain()
    recorder.close()
    assert drained is not None
    assert (drained.stored, drained.stopped, len(Queue(queue))) == (2, None, 0)


def test_a_sealed_store_whose_last_rows_are_beside_it_is_named(open_folder: Path) -> None:
    folder = open_folder / "store"
    folder.mkdir()
    with open_store(f"sqlite:///{open_folder}/plans.db") as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
        # A copy of a store in use, without the index of its log.
        for name in ("plans.db", "plans.db-wal"):
            shutil.copy(open_folder / name, folder / name)
            (folder / name).chmod(0o444)
    folder.chmod(0o555)
    _, ours = start_answering(read_and_write_as_nobody, f"sqlite:///{folder}/plans.db", key, folder)
    refusal = answer(ours)
    folder.chmod(0o755)
    assert "its latest rows are still in plans.db-wal" in refusal.cause
    with open_store(f"sqlite:///{folder}/plans.db") as store:
        assert store.bundle(key) == samples.bundle()


def test_a_read_only_postgresql_store_can_be_read_and_writing_says_so(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    url = postgres_server.url(postgres_database)
    with open_store(url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
    postgres_server.execute(f"ALTER DATABASE {postgres_database} SET default_transaction_read_only = on")
    with open_store(url) as store:
        assert store.bundle(key) == samples.bundle()
        with pytest.raises(StoreError, match="the store is read-only; nothing was written"):
            store.put_bundle(samples.bundle(year=1), at=MORNING)
    recorder = Recorder(url, tmp_path / "queue")
    recorded = recorder.record(samples.run(), bundle=samples.bundle(year=1), at=MORNING)
    assert recorded.deferred is not None
    assert "read-only" in recorded.deferred.cause
    assert len(recorder.queue) == 2
    recorder.close()


def test_a_postgresql_user_who_may_only_read_is_told_so(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    url = postgres_server.url(postgres_database)
    with open_store(url) as store:
        key = store.put_bundle(samples.bundle(), at=MORNING)
    postgres_server.execute("CREATE ROLE reader LOGIN PASSWORD 'reads'")
    postgres_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", postgres_database)
    as_reader = f"postgresql://reader:reads@127.0.0.1:{postgres_server.port}/{postgres_database}"
    with open_store(as_reader) as store:
        assert store.bundle(key) == samples.bundle()
        with pytest.raises(StoreError, match="the store is read-only; nothing was written"):
            store.put_run(samples.run())


def test_a_full_disk_is_named_and_loses_nothing(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/plans.db"
    ballast = small_disk / "ballast"
    with open_store(url) as store:
        kept = store.put_bundle(samples.bundle(), at=MORNING)
        fill_disk(ballast)
        stored = store_until_it_fails(store, "there is no space left where the store is")
        for key in [kept, *stored]:
            store.bundle(key)
    recorder = Recorder(url, small_disk / "queue")
    full = recorder.record(samples.run(), bundle=samples.bundle(settings=9_000), at=MORNING)
    recorder.close()
    assert full.deferred is not None
    assert full.lost is not None
    assert "cannot be written" in full.lost.cause
    ballast.unlink()
    recorder = Recorder(url, small_disk / "queue")
    assert recorder.record(samples.run(), bundle=samples.bundle(), at=MORNING).deferred is None
    recorder.close()
    with open_store(url) as store:
        for key in [kept, *stored]:
            store.bundle(key)


def test_a_full_disk_under_postgresql_is_named_and_loses_nothing(
    postgres_server: PostgresServer, small_disk: Path
) -> None:
    # A server of its own: it has to be gone before its disk is.
    with running_server(postgres_server.binaries) as server:
        owner = server.data.stat()
        os.chown(small_disk, owner.st_uid, owner.st_gid)
        server.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        server.execute("CREATE DATABASE on_small_disk TABLESPACE small")
        with open_store(server.url("on_small_disk")) as store:
            kept = store.put_bundle(samples.bundle(), at=MORNING)
            fill_disk(small_disk / "ballast")
            stored = store_until_it_fails(store, "there is no space left where the store is")
            for key in [kept, *stored]:
                store.bundle(key)


def test_files_that_may_not_grow_are_a_failure_that_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/plans.db"
    open_store(url).close()
    _, ours = start_answering(write_beyond_a_limit, url, 400_000, tmp_path / "queue")
    keys, failure, deferred, lost = answer(ours)
    assert keys
    assert isinstance(failure, StoreError)
    assert isinstance(deferred, StoreError)
    assert isinstance(lost, StoreError)
    with open_store(url) as store:
        for number, key in enumerate(keys):
            assert store.bundle(key) == samples.bundle(year=number, settings=300)


def store_until_it_fails(store: Store, said: str) -> list[str]:
    """Store ever new bundles; the keys of those that were stored before it said that."""
    keys: list[str] = []

    def store_many() -> None:
        for year in range(10_000):
            keys.append(store.put_bundle(samples.bundle(year=year, settings=2_000 + year), at=MORNING))

    with pytest.raises(StoreError, match=said):
        store_many()
    return keys


def fill_disk(path: Path) -> None:
    """Leave a few hundred kilobytes."""
    free = os.statvfs(path.parent)
    path.write_bytes(b"\0" * (free.f_bavail * free.f_bsize - 300_000))


def change(store: Store, statement: str) -> None:
    """Do to the store what only an accident would."""
    with store._database.engine.begin() as connection:
        if "sqlite" in repr(store):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(statement)
