"""The event log with connections that stay open holds what Dagster's own storage makes of the same events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage

from dfplan_assets.orchestration.executor import dfplan_executor
from dfplan_assets.orchestration.sqlite_events import PooledEventLogStorage
from dfplan_assets.orchestration.sqlite_storage import kept_connections

_SECONDS_OF_THE_DATABASE = "create_timestamp"


@dg.asset(code_version="1", metadata={"quote": "\N{SNOWMAN} \"'%s"})
def upstream() -> dg.MaterializeResult[None]:
    context = dg.AssetExecutionContext.get()
    context.log.info("a line of the log, 100 % done")
    context.log_event(dg.AssetObservation("elsewhere", metadata={"seen": 1}))
    return dg.MaterializeResult(metadata={"rows": 3, "text": "\N{SNOWMAN} % \n \\"})


@dg.asset(deps=[upstream], partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def parted() -> None:
    """One partition at a time."""


@dg.asset_check(asset=upstream, blocking=True)
def good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"why": "because"})


@dg.asset(deps=[upstream])
def failing() -> None:
    raise dg.Failure("on purpose")


@dg.asset(deps=[upstream])
def downstream() -> None:
    """Made after upstream."""


_DEFINITIONS = dg.Definitions(
    assets=[upstream, parted, failing, downstream], asset_checks=[good], executor=dg.in_process_executor
)


def _run(
    instance: dg.DagsterInstance, *names: str, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    job = _DEFINITIONS.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(name) for name in names],
        partition_key=partition,
        raise_on_error=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return folder


@pytest.fixture
def plain(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance as Dagster itself opens it."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@dataclass(frozen=True)
class _Written:
    """All rows of all tables of the files that a storage wrote, by file and table."""

    rows: dict[str, dict[str, list[tuple[object, ...]]]]

    @classmethod
    def in_folder(cls, folder: Path) -> _Written:
        return cls({file.name: _tables(file) for file in sorted(folder.glob("*.db"))})


def _tables(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as connection:
        names = [
            name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        ]
        found = {}
        for name in names:
            if name == "secondary_indexes":
                continue  # when the file was made
            columns = [column[1] for column in connection.execute(f"pragma table_info({name})")]
            kept = ", ".join(f'"{column}"' for column in columns if column != _SECONDS_OF_THE_DATABASE)
            found[name] = list(connection.execute(f"select {kept} from {name} order by rowid"))
        return found


def _pooled(folder: Path, instance: dg.DagsterInstance) -> PooledEventLogStorage:
    storage = PooledEventLogStorage(str(folder))
    storage.register_instance(instance)
    return storage


def _entries(instance: dg.DagsterInstance) -> list[dg.EventLogEntry]:
    """What runs of all kinds of steps store, in order."""
    runs = [
        _run(instance, "upstream", "downstream", "failing"),
        _run(instance, "parted", partition="a"),
        _run(instance, "upstream"),
    ]
    return [entry for run in runs for entry in instance.all_logs(run.run_id)]


def test_the_same_events_make_the_same_rows(tmp_path: Path, plain: dg.DagsterInstance) -> None:
    entries = _entries(plain)
    kinds = {entry.dagster_event_type for entry in entries if entry.dagster_event is not None}
    assert kinds >= {
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_OBSERVATION,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.RUN_START,
        dg.DagsterEventType.RUN_FAILURE,
    }
    dagsters, ours, batched = tmp_path / "dagsters", tmp_path / "ours", tmp_path / "batched"
    reference = SqliteEventLogStorage(str(dagsters))
    reference.register_instance(plain)
    one_by_one, at_once = _pooled(ours, plain), _pooled(batched, plain)
    for entry in entries:
        reference.store_event(entry)
        one_by_one.store_event(entry)
    at_once.store_event_batch(entries)
    expected = _Written.in_folder(dagsters)
    assert len(expected.rows) == 4  # three runs and the index
    assert all(expected.rows[f"{INDEX_SHARD_NAME}.db"][table] for table in ("event_logs", "asset_keys"))
    assert _Written.in_folder(ours) == expected
    assert _Written.in_folder(batched) == expected


def test_an_asset_without_a_planned_event_gets_its_row(tmp_path: Path, plain: dg.DagsterInstance) -> None:
    run = _run(plain, "upstream")
    (entry,) = (
        entry
        for entry in plain.all_logs(run.run_id)
        if entry.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    dagsters = SqliteEventLogStorage(str(tmp_path / "dagsters"))
    dagsters.register_instance(plain)
    for storage in (dagsters, _pooled(tmp_path / "ours", plain)):
        storage.store_event(entry)
    assert _Written.in_folder(tmp_path / "ours") == _Written.in_folder(tmp_path / "dagsters")


def test_events_are_stored_all_or_none(tmp_path: Path, plain: dg.DagsterInstance) -> None:
    entries = plain.all_logs(_run(plain, "upstream").run_id)
    storage = _pooled(tmp_path / "ours", plain)
    unfit = entries[-1]._replace(user_message="\ud800", dagster_event=None)  # no text that UTF-8 can hold
    broken = entries[-1]._replace(dagster_event=object())  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r".+"):
        storage.store_event_batch([*entries, broken])
    rows = _Written.in_folder(tmp_path / "ours").rows
    assert all(not tables["event_logs"] for tables in rows.values())
    assert rows[f"{INDEX_SHARD_NAME}.db"]["asset_keys"] == []
    storage.store_event(unfit)  # serialised as ASCII
    assert len(storage.get_logs_for_run(unfit.run_id)) == 1


def test_what_belongs_together_is_seen_at_once(tmp_path: Path, plain: dg.DagsterInstance) -> None:
    entries = plain.all_logs(_run(plain, "upstream").run_id)
    run_id = entries[0].run_id
    storage = _pooled(tmp_path / "ours", plain)
    elsewhere = SqliteEventLogStorage(str(tmp_path / "ours"))
    elsewhere.register_instance(plain)
    with storage.together(run_id, INDEX_SHARD_NAME):
        for entry in entries:
            storage.store_event(entry)
        assert len(storage.get_logs_for_run(run_id)) == len(entries)
        assert elsewhere.get_logs_for_run(run_id) == []
        assert elsewhere.get_asset_records() == []
    assert len(elsewhere.get_logs_for_run(run_id)) == len(entries)
    assert dg.AssetKey("upstream") in {each.asset_entry.asset_key for each in elsewhere.get_asset_records()}


def test_nothing_of_what_belongs_together_stays_after_an_error(
    tmp_path: Path, plain: dg.DagsterInstance
) -> None:
    entries = plain.all_logs(_run(plain, "upstream").run_id)
    storage = _pooled(tmp_path / "ours", plain)

    def stop_half_way() -> None:
        with storage.together(entries[0].run_id, INDEX_SHARD_NAME):
            for entry in entries:
                storage.store_event(entry)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert storage.get_logs_for_run(entries[0].run_id) == []
    storage.store_event(entries[0])
    assert len(storage.get_logs_for_run(entries[0].run_id)) == 1


def test_the_latest_materialisation_is_that_of_whoever_wrote_last(plain: dg.DagsterInstance) -> None:
    key = dg.AssetKey("upstream")
    with kept_connections(plain):
        first = _run(plain, "upstream")
        assert _latest_run(plain, key) == first.run_id
        with dg.DagsterInstance.from_ref(plain.get_ref()) as another_process:
            second = _run(another_process, "upstream")
            assert _latest_run(another_process, key) == second.run_id
        assert _latest_run(plain, key) == second.run_id
        plain.wipe_assets([key])
        assert plain.get_asset_records([key]) == []
        third = _run(plain, "upstream")
        assert _latest_run(plain, key) == third.run_id
    assert _latest_run(plain, key) == third.run_id


def _latest_run(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    (record,) = instance.get_asset_records([key])
    latest = record.asset_entry.last_materialization_record
    assert latest is not None
    assert record.asset_entry.last_run_id == latest.run_id
    return latest.run_id


def test_a_record_at_hand_is_the_record_that_is_stored(plain: dg.DagsterInstance) -> None:
    with kept_connections(plain):
        _run(plain, "upstream", "downstream")
        keys = [dg.AssetKey("downstream"), dg.AssetKey("upstream")]
        at_hand = plain.get_asset_records(keys)
    assert at_hand == plain.get_asset_records(keys)


@dg.op
def tells_storage() -> None:
    context = dg.OpExecutionContext.get()
    for storage in (context.instance.event_log_storage, context.instance.run_storage):
        context.log.info(f"storage {type(storage).__name__}")


@dg.job(executor_def=dfplan_executor)
def names_its_storage() -> None:
    tells_storage()


def test_runs_that_come_with_dagsters_own_instance_keep_connections_open(plain: dg.DagsterInstance) -> None:
    before = (plain.event_log_storage, plain.run_storage)
    with dg.execute_job(dg.reconstructable(names_its_storage), instance=plain) as result:
        assert result.success
    assert (plain.event_log_storage, plain.run_storage) == before
    logged = [entry.user_message for entry in plain.all_logs(result.run_id)]
    assert [line for line in logged if line.startswith("storage ")] == [
        "storage PooledEventLogStorage",
        "storage PooledRunStorage",
    ]
    run = plain.get_run_by_id(result.run_id)
    assert run is not None
    assert run.is_success


def test_storages_of_other_kinds_stay() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        before = (instance.event_log_storage, instance.run_storage)
        with kept_connections(instance):
            assert (instance.event_log_storage, instance.run_storage) == before
