"""A store on each of the two databases, for the tests that ask for one."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from dfplan_assets.store import Store, open_store, tables
from dfplan_assets_tests.store.postgres import PostgresServer, find_binaries, running_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for each test process; a run in CI must have it."""
    binaries = find_binaries()
    missing = None
    if binaries is None:
        missing = "PostgreSQL is not installed (apt-get install postgresql)"
    elif find_spec("psycopg") is None:
        missing = "psycopg is not installed (pip install 'psycopg[binary]')"
    if binaries is None or missing is not None:
        if os.environ.get("CI"):
            pytest.fail(f"CI tests the store on PostgreSQL too, but {missing}")
        pytest.skip(f"the store on PostgreSQL: {missing}")
    with running_server(binaries) as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> str:
    """The name of an empty database of its own; it goes with the server."""
    name = f"store_{next(_numbers)}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty schema of its own, which takes a tenth of the time that a database takes."""
    name = f"store_{next(_numbers)}"
    postgres_server.execute(f"CREATE SCHEMA {name}")
    yield f"{postgres_server.url('postgres')}?options=-csearch_path%3D{name}"
    postgres_server.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet, in a folder that does not exist yet."""
    return f"sqlite:///{tmp_path}/kept/plans.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where nothing is yet, on each database."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store to copy: making one takes ten times as long."""
    path = tmp_path_factory.mktemp("template") / "plans.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_shared(postgres_server: PostgresServer) -> str:
    """The name of a database with a store, which every test finds empty."""
    postgres_server.execute("CREATE DATABASE shared_store")
    open_store(postgres_server.url("shared_store")).close()
    return "shared_store"


@pytest.fixture
def sqlite_store_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty store in a file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'plans.db')}"


@pytest.fixture
def postgres_store_url(postgres_server: PostgresServer, postgres_shared: str) -> Iterator[str]:
    """An empty store in a database; tests must leave its tables as they are."""
    yield postgres_server.url(postgres_shared)
    postgres_server.execute(f"TRUNCATE {', '.join(tables.metadata.tables)} CASCADE", postgres_shared)


@pytest.fixture(params=["sqlite", "postgresql"])
def made_url(request: pytest.FixtureRequest) -> str:
    """Where an empty store is, on each database."""
    name = "sqlite_store_url" if request.param == "sqlite" else "postgres_store_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def store(made_url: str) -> Iterator[Store]:
    """An empty store, open, on each database."""
    with open_store(made_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_store_url: str) -> Iterator[Store]:
    """An empty store, open, where the database makes no difference to the test."""
    with open_store(sqlite_store_url) as opened:
        yield opened
