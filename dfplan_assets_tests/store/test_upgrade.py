"""A store outlives the versions of dfplan: older ones are upgraded in place, newer ones refused."""

from __future__ import annotations

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
from dfplan_assets_tests.store.first_store import (
    DROPPED,
    engine_of,
    first_bundles,
    first_runs,
    first_tables,
    make_first_store,
)
from dfplan_assets_tests.store.samples import MORNING

HERE = Path(__file__).parent


@pytest.fixture
def first_url(store_url: str) -> str:
    """A store of the first schema, with rows, on each database."""
    make_first_store(store_url)
    return store_url


@pytest.fixture
def current_url(first_url: str) -> str:
    """The same, upgraded to the schema of this dfplan."""
    upgrade_store(first_url)
    return first_url


def later(monkeypatch: pytest.MonkeyPatch, folder: str = "next_schema") -> None:
    """Make this a later dfplan, which knows one more migration."""
    monkeypatch.setattr(migrations, "VERSIONS", (*migrations.VERSIONS, HERE / folder))
    monkeypatch.setattr(tables, "VERSION", 3)


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    engine = engine_of(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(sql)]
    engine.dispose()
    return found


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the first schema, with those of its columns that are still there."""
    found = {}
    for table in first_tables():
        names = [f'"{column.name}"' for column in table.columns if column.name not in DROPPED]
        found[table.name] = query(url, f"SELECT {', '.join(names)} FROM {table.name} ORDER BY 1, 2")
    return found


def test_a_store_of_the_first_schema_is_upgraded_with_all_that_it_holds(first_url: str) -> None:
    before = rows_of(first_url)
    run_keys = [key for (key,) in query(first_url, "SELECT key FROM dfplan_run ORDER BY id")]
    assert upgrade_store(first_url) == Upgraded(1, tables.VERSION)
    assert rows_of(first_url) == before
    with open_store(first_url) as store:
        info = store.info()
        assert (info.views, info.bundles, info.runs, info.operators) == (3, 4, 4, 15)
        keys = [store.put_bundle(bundle, at=MORNING) for bundle in first_bundles()]
        assert [store.bundle(key) for key in keys] == first_bundles()
        assert store.info().bundles == 4  # they are the same keys as then: nothing was added
        assert [store.run(key) for key in run_keys] == first_runs(keys)


def test_what_runs_spilled_and_scanned_is_summed_from_their_metrics(first_url: str) -> None:
    counted = '[{"spilled_bytes":7,"bytes_scanned":1},{"spilled_bytes":5},{"bytes_scanned":20}]'
    engine = engine_of(first_url)
    with engine.begin() as connection:
        for run_id, codec, data in ((2, "raw", counted.encode()), (4, "zlib", b"damaged")):
            content = {"run": run_id, "sha256": str(run_id), "codec": codec, "data": data}
            connection.execute(
                sa.text("INSERT INTO dfplan_content VALUES (:sha256, :codec, 99, :data)"), content
            )
            connection.execute(sa.text("UPDATE dfplan_run SET metrics = :sha256 WHERE id = :run"), content)
    engine.dispose()
    upgrade_store(first_url)
    # The operators of the first run count neither, the third has no profile.
    sums = query(first_url, "SELECT id, spilled_bytes, bytes_scanned FROM dfplan_run ORDER BY id")
    assert sums == [(1, 0, None), (2, 12, 21), (3, None, None), (4, None, None)]


def test_opening_an_older_store_names_the_command_that_upgrades_it(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    with pytest.raises(StoreError, match="the store has schema 1, this dfplan needs schema 3") as caught:
        open_store(first_url)
    assert "dfplan store upgrade" in caught.value.next_step


def test_an_upgrade_keeps_every_row_and_fills_new_columns_from_what_is_stored(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(first_url)
    later(monkeypatch)
    assert upgrade_store(first_url) == Upgraded(1, 3)
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
    lines = query(first_url, "SELECT DISTINCT sql_lines FROM dfplan_bundle")
    cpu = query(first_url, "SELECT operators_cpu FROM dfplan_run ORDER BY id")
    assert lines == [(2,)]
    # A thousand nanoseconds a row: 25 aggregated, 1,500 joined, 25 and 1,500 scanned.
    assert cpu == [(3_050_000,), (3_050_000,), (0,), (3_050_000,)]
    with open_store(first_url) as store:
        keys = [record.key for view in ("revenue", "nations") for record in store.bundles(view)]
        assert [store.bundle(key) for key in keys] == [first_bundles()[number] for number in (1, 0, 2)]


def test_a_second_upgrade_has_nothing_to_do(first_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    upgrade_store(first_url)
    assert upgrade_store(first_url) == Upgraded(3, 3)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    first_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(first_url)
    with monkeypatch.context() as then:
        later(then, "broken_schema")
        with pytest.raises(StoreError, match="dfplan_nowhere"):
            upgrade_store(first_url)
    assert rows_of(first_url) == before
    assert upgrade_store(first_url) == Upgraded(1, 2)
    with open_store(first_url) as store:
        assert store.info().bundles == 4


def test_a_newer_store_is_refused(current_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as then:
        later(then)
        upgrade_store(current_url)
    for use in (open_store, upgrade_store):
        with pytest.raises(StoreError, match="the store has schema 3, this dfplan knows only up to schema 2"):
            use(current_url)


def test_a_store_that_is_upgraded_while_it_is_open_is_not_written_by_the_old_dfplan(
    current_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(current_url) as store:
        with monkeypatch.context() as then:
            later(then)
            upgrade_store(current_url)
        before = rows_of(current_url)
        with pytest.raises(StoreError, match="knows only up to schema 2"):
            store.put_bundle(samples.bundle("new"), at=MORNING)
        with pytest.raises(StoreError, match="knows only up to schema 2"):
            store.gc(keep_bundles=1)
    assert rows_of(current_url) == before


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
