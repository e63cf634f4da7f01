"""The password in a store's URL is seen by the database's driver and by nobody else."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from dfplan_assets.errors import StoreError
from dfplan_assets.store import Recorder, open_store, tables, upgrade_store
from dfplan_assets.store.address import read_address
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.postgres import PASSWORD, PASSWORD_IN_URL, PostgresServer
from dfplan_assets_tests.store.samples import MORNING

SECRET = "hunter2"


def all_texts_of(error: BaseException) -> str:
    """All that a log, a terminal or another process could show of an error."""
    shown = [str(error), repr(error), *traceback.format_exception(error), repr(vars(error))]
    chained = error.__cause__
    while chained is not None:
        shown += [str(chained), repr(chained)]
        chained = chained.__cause__
    return "\n".join([*shown, str(pickle.loads(pickle.dumps(error)))])


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@host/db",
        "mysql://me:hunter2",
        "sqlite://me:hunter2@/plans.db",
        "sqlite://me:hunter2@host/plans.db",
        "sqlite:///plans.db?password=hunter2",
        "postgresql://me:hunter2/db",
        "postgresql://me:hunter2@host:port/db",
        "postgresql://me:p@hunter2@host/db",
        "postgresql://me:p@x/hunter2@host/db",
        "postgresql:/me:hunter2@host/db",
        "me:hunter2@host/db",
        "postgresql://me:hunter2@127.0.0.1:1/db",
        "postgresql://me@127.0.0.1:1/db?password=hunter2",
        "postgresql://127.0.0.1:1/db?user=me&password=hunter2&sslpassword=hunter2",
        "postgresql://me:hunter2@127.0.0.1:1/db?no_such_option=1",
        "postgresql://me:hunter2@[::1]:1/db",
        "postgresql://me:hunter2@127.0.0.1:1/db?sslmode=hunter2x",
    ],
)
@pytest.mark.parametrize("use", [open_store, upgrade_store])
def test_no_error_about_a_url_shows_its_password(
    url: str, use: Callable[[str], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreError) as caught:
        use(url)
    assert SECRET not in all_texts_of(caught.value)
    assert SECRET not in caplog.text


def test_the_errors_of_a_real_server_do_not_show_the_password(
    postgres_server: PostgresServer, postgres_store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = postgres_store_url.replace(PASSWORD_IN_URL, SECRET)
    missing = postgres_server.url("nowhere")
    shown = ""
    for url in (wrong, missing):
        with pytest.raises(StoreError) as caught:
            open_store(url)
        shown += all_texts_of(caught.value)
    assert "password authentication failed" in shown
    for secret in (SECRET, PASSWORD, PASSWORD_IN_URL):
        assert secret not in shown + caplog.text


def test_nothing_that_is_open_or_stored_or_queued_or_logged_shows_the_password(
    postgres_store_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = Recorder(postgres_store_url, tmp_path / "queue")
    recorder.record(samples.run(), bundle=samples.bundle(), at=MORNING)
    recorder.queue.add_bundle(samples.bundle(year=1), at=MORNING)
    with open_store(postgres_store_url) as store:
        database = store._database
        shown = [repr(each) for each in (store, recorder, store.info(), database.engine, database.address)]
        shown += [repr(database.engine.url), database.engine.url.render_as_string(hide_password=False)]
        with database.engine.connect() as connection:
            for name in [*tables.metadata.tables, tables.VERSION_TABLE]:
                shown += map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}").all())
    shown += [path.read_text() for path in (tmp_path / "queue").iterdir()]
    recorder.close()
    for secret in (PASSWORD, PASSWORD_IN_URL):
        assert secret not in "\n".join(shown) + caplog.text


def test_a_password_reaches_the_server_whatever_characters_it_has(postgres_store_url: str) -> None:
    open_store(postgres_store_url).close()
    as_option = postgres_store_url.replace(f":{PASSWORD_IN_URL}@", "@") + f"?password={PASSWORD_IN_URL}"
    open_store(as_option).close()


def test_the_location_names_the_place_without_user_or_options() -> None:
    address = read_address("postgresql://me:hunter2@db.example:5433/plans?sslmode=require")
    assert address.location == "postgresql://db.example:5433/plans"
    assert address.where == "plan store postgresql://db.example:5433/plans"
    assert dict(address.secrets) == {"password": "hunter2"}
    assert SECRET not in repr(address)
    assert read_address("sqlite:////var/lib/plans.db").location == "sqlite:////var/lib/plans.db"
