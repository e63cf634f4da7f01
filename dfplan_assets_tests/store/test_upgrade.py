"""A store outlives the versions of dfplan: older ones are upgraded in place, newer ones refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Upgraded, migrations, open_store, tables, upgrade_store
from dfplan_assets.store.database import open_database
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.make_first_store import FIRST_STORE, fill, first_bundles, first_runs
from dfplan_assets_tests.store.samples import MORNING

HERE = Path(__file__).parent


@pytest.fixture(params=["the first store's file", "sqlite", "postgresql"])
def first_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of the first schema, with rows: the file that was kept, and one on each database."""
    if request.param == "the first store's file":
        return f"sqlite:///{shutil.copy(FIRST_STORE, tmp_path / 'plans.db')}"
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with open_store(url) as store:
        fill(store)
    return url


def later(monkeypatch: pytest.MonkeyPatch, folder: str = "next_schema") -> None:
    """Make this a later dfplan, which knows one more migration."""
    monkeypatch.setattr(migrations, "VERSIONS", (*migrations.VERSIONS, HERE / folder))
    monkeypatch.setattr(tables, "VERSION", 2)


def rows_of(url: str, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the first schema, with the columns it had."""
    found = {}
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            names = [f'"{column.name}"' for column in table.columns]
            query = f"SELECT {', '.join(names)} FROM {table.name} ORDER BY 1, 2"
            found[table.name] = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found


def test_the_file_of_the_first_schema_can_be_read_or_upgraded_by_every_dfplan(tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(FIRST_STORE, tmp_path / 'plans.db')}"
    before = rows_of(url)
    assert upgrade_store(url) == Upgraded(1, tables.VERSION)
    assert rows_of(url) == before
    with open_store(url) as store:
        info = store.info()
        assert (info.views, info.bundles, info.runs, info.operators) == (3, 4, 4, 15)
        keys = [store.put_bundle(bundle, at=MORNING) for bundle in first_bundles()]
        runs = [store.put_run(run) for run in first_runs(keys)]
        assert [store.bundle(key) for key in keys] == first_bundles()
        assert [store.run(key) for key in runs] == first_runs(keys)
        # They are the same keys as then: nothing was added.
        assert store.info().bundles == 4
        assert store.info().runs == 4


def test_opening_an_older_store_names_the_command_that_upgrades_it(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    with pytest.raises(StoreError, match="the store has schema 1, this dfplan needs schema 2") as caught:
        open_store(first_url)
    assert "dfplan store upgrade" in caught.value.next_step


def test_an_upgrade_keeps_every_row_and_fills_new_columns_from_what_is_stored(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(first_url)
    later(monkeypatch)
    assert upgrade_store(first_url) == Upgraded(1, 2)
    assert rows_of(first_url) == before
    assert {name: len(rows) for name, rows in before.items()} == {
        "dfplan_bundle": 4,
        "dfplan_content": len(before["dfplan_content"]),
        "dfplan_environment": 6,
        "dfplan_explain": 4 * 4 + 2 * 2,
        "dfplan_operator": 3 * 5,
        "dfplan_run": 4,
        "dfplan_topology": 2,
        "dfplan_view": 3,
    }
    engine = sa.create_engine(first_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        lines = connection.exec_driver_sql("SELECT DISTINCT sql_lines FROM dfplan_bundle").scalars().all()
        cpu = connection.exec_driver_sql("SELECT operators_cpu FROM dfplan_run ORDER BY id").scalars().all()
    engine.dispose()
    assert list(lines) == [2]
    # A thousand nanoseconds a row: 25 aggregated, 1,500 joined, 25 and 1,500 scanned.
    assert list(cpu) == [3_050_000, 3_050_000, 0, 3_050_000]
    with open_store(first_url) as store:
        keys = [record.key for view in ("revenue", "nations") for record in store.bundles(view)]
        assert [store.bundle(key) for key in keys] == [first_bundles()[number] for number in (1, 0, 2)]


def test_a_second_upgrade_has_nothing_to_do(first_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    upgrade_store(first_url)
    assert upgrade_store(first_url) == Upgraded(2, 2)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(first_url)
    with monkeypatch.context() as then:
        later(then, "broken_schema")
        with pytest.raises(StoreError, match="dfplan_nowhere"):
            upgrade_store(first_url)
    assert rows_of(first_url) == before
    with open_store(first_url) as store:
        assert store.info().bundles == 4


def test_a_newer_store_is_refused(first_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as then:
        later(then)
        upgrade_store(first_url)
    for use in (open_store, upgrade_store):
        with pytest.raises(StoreError, match="the store has schema 2, this dfplan knows only up to schema 1"):
            use(first_url)


def test_a_store_that_is_upgraded_while_it_is_open_is_not_written_by_the_old_dfplan(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(first_url) as store:
        with monkeypatch.context() as then:
            later(then)
            upgrade_store(first_url)
        before = rows_of(first_url)
        with pytest.raises(StoreError, match="knows only up to schema 1"):
            store.put_bundle(samples.bundle("new"), at=MORNING)
        with pytest.raises(StoreError, match="knows only up to schema 1"):
            store.gc(keep_bundles=1)
    assert rows_of(first_url) == before


def test_an_upgrade_where_there_is_no_store_says_so_and_makes_none(store_url: str) -> None:
    with pytest.raises(StoreError, match="there is no"):
        upgrade_store(store_url)
    if store_url.startswith("sqlite"):
        assert not Path(store_url.removeprefix("sqlite:///")).exists()


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store_url: str) -> None:
    database = open_database(store_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": tables.VERSION_TABLE}
        )
        assert compare_metadata(context, tables.metadata) == []
    database.close()


def test_the_last_migration_is_the_version_that_the_code_needs() -> None:
    heads = ScriptDirectory.from_config(migrations.configuration()).get_heads()
    assert [int(head) for head in heads] == [tables.VERSION]


def test_every_migration_is_shipped_under_the_number_of_its_schema() -> None:
    names = sorted(path.name for path in migrations.VERSIONS[0].glob("v*.py"))
    assert [int(name[1:5]) for name in names] == list(range(1, tables.VERSION + 1))
