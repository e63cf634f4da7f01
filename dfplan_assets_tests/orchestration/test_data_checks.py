"""Checks of rows as Dagster has them: where they run, what they stop, what they show."""

from __future__ import annotations

import json
import warnings
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration import view_checks
from dfplan_assets.orchestration.data_checks import sample_text
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.held_back import held_back
from dfplan_assets.orchestration.repeated_checks import evaluated_of
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.view_steps import view_steps
from dfplan_assets.planning.check_queries import plan_checks
from dfplan_assets_tests.partitioned import DAILY, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_project

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def view_with(checks: str, query: str) -> str:
    """A view with these checks, one in each line, ``;`` before options of a check."""
    lines = "".join(f"  - {line.replace('; ', chr(10) + '    ')}\n" for line in checks.splitlines())
    return f"/* ---\nchecks:\n{lines}--- */\n{query}"


def shop(folder: Path, checks: str, **views: str) -> Path:
    """Three orders, of which one has no price, and a view ``sales`` over them that ``best`` reads."""
    folder.mkdir(exist_ok=True)
    orders = {"id": [1, 2, 3], "customer": [1, 1, 2], "price": [10.0, 20.0, None]}
    pq.write_table(pa.table(orders), folder / "orders.parquet")
    texts = {
        "sales": view_with(checks, "select * from orders"),
        "best": "select max(price) as price from sales",
        **views,
    }
    files = {f"{name}.sql": text for name, text in texts.items()}
    return write_project(folder, files, {"orders": "orders.parquet"})


def job_of(folder: Path) -> dg.JobDefinition:
    return project_definitions(plan_of(folder)).resolve_implicit_global_asset_job_def()


def run(
    folder: Path, *views: str, instance: dg.DagsterInstance | None = None, stale: bool = False
) -> dg.ExecuteInProcessResult:
    return job_of(folder).execute_in_process(
        instance=instance or dg.DagsterInstance.ephemeral(),
        asset_selection=[dg.AssetKey(view) for view in views] or None,
        tags={STALE_TAG: "true"} if stale else None,
        raise_on_error=False,
    )


def key(check: str, view: str = "sales") -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(view), check)


def check_alone(
    folder: Path, *checks: str, instance: dg.DagsterInstance | None = None
) -> dg.ExecuteInProcessResult:
    """A run of some checks of sales and of nothing else, as the UI's "Execute check" starts it."""
    job = job_of(folder).get_subset(asset_selection=set(), asset_check_selection=set(map(key, checks)))
    return job.execute_in_process(instance=instance or dg.DagsterInstance.ephemeral(), raise_on_error=False)


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def materialised(result: dg.ExecuteInProcessResult) -> list[str]:
    events = result.get_asset_materialization_events()
    return sorted(event.asset_key.to_user_string() for event in events if event.asset_key is not None)


def test_a_check_is_one_of_its_asset_and_can_be_executed_by_itself(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        definitions = project_definitions(
            plan_of(shop(tmp_path, "unique: id\nnot_null: price; blocking: true"))
        )
    graph = definitions.resolve_asset_graph()
    assert graph.asset_check_keys == {key("unique_id"), key("not_null_price")}
    # More keys in this set are what the UI takes for "requires materialization".
    assert graph.get_execution_set_asset_and_check_keys(key("unique_id")) == {key("unique_id")}
    spec = graph.get_check_spec(key("not_null_price"))
    assert (spec.blocking, spec.description) == (True, "No row has a null in price.")


def test_a_check_that_does_not_pass_says_how_many_rows_and_shows_some(tmp_path: Path) -> None:
    result = run(shop(tmp_path, "not_null: [price]\nexpression: id > 0\nunique: customer; severity: warn"))
    assert result.success
    assert materialised(result) == ["best", "sales"]
    found = evaluations(result)
    nulls = found["not_null_price"]
    assert (nulls.passed, nulls.severity) == (False, ERROR)
    assert nulls.description == "1 of 3 rows (33.3 %): null in price"
    shown = {name: value.value for name, value in nulls.metadata.items()}
    assert shown["dfplan/rows"] == 3
    assert shown["dfplan/failing_rows"] == 1
    assert shown["dfplan/failing_share"] == pytest.approx(1 / 3)
    assert shown["dfplan/sample"] == "| price | id | customer |\n| --- | --- | --- |\n| NULL | 3 | 2 |"
    assert shown["dfplan/sql"] == (
        '```sql\nSELECT "price", "id", "customer" FROM "sales" WHERE "price" IS NULL\n```'
    )
    assert {"dfplan/seconds", "dfplan/bytes_scanned"} <= shown.keys()
    assert str(shown["dfplan/scan"]).startswith("One scan counted for 2 checks")
    assert (found["expression"].passed, found["unique_customer"].passed) == (True, False)
    assert found["unique_customer"].severity == WARN
    assert "| customer | rows |\n| --- | --- |\n| 1 | 2 |" in str(
        found["unique_customer"].metadata["dfplan/sample"].value
    )


def test_a_check_that_blocks_publishes_and_stops_what_reads_the_view(tmp_path: Path) -> None:
    folder = shop(tmp_path, "not_null: price; blocking: true")
    instance = dg.DagsterInstance.ephemeral()
    result = run(folder, instance=instance)
    assert not result.success
    assert materialised(result) == ["sales"]
    held = held_back(instance, plan_of(folder), ["best"], lambda view: dg.AssetKey(view))
    assert held == {"best": "check not_null_price of sales"}
    shop(tmp_path, "not_null: id\n", best="select 1 as price")
    assert run(folder, instance=instance).success
    assert held_back(instance, plan_of(folder), ["best"], lambda view: dg.AssetKey(view)) == {}


def test_a_check_that_cannot_be_made_warns_and_one_that_blocks_then_blocks(tmp_path: Path) -> None:
    broken = "not_null: prise\nexpression: 1 / (id - 1) > 0; name: divides"
    result = run(shop(tmp_path / "a", broken))
    assert result.success
    found = evaluations(result)
    for name, reason in (("divides", "Divide by zero"), ("not_null_prise", "column prise does not exist")):
        assert (found[name].passed, found[name].severity) == (False, WARN)
        assert (found[name].description or "").startswith("It cannot be told: ")
        assert reason in (found[name].description or "")
    blocking = run(shop(tmp_path / "b", "expression: 1 / (id - 1) > 0; blocking: true"))
    assert not blocking.success
    assert materialised(blocking) == ["sales"]


def test_a_check_over_a_column_that_does_not_exist_leaves_the_project_and_says_so(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(shop(tmp_path, "not_null: prise\nunique: id")))
    description = definitions.resolve_asset_graph().get_check_spec(key("not_null_prise")).description or ""
    assert "This check cannot be evaluated." in description
    assert "sales.sql:3 (view sales): check not_null_prise: column prise does not exist" in description
    assert "Did you mean price?" in description


def test_checks_by_themselves_run_no_view(tmp_path: Path) -> None:
    folder = shop(tmp_path, "unique: id\nnot_null: price\nrow_count: {min: 1}")
    assert run(folder).success
    (tmp_path / "orders.parquet").unlink()
    # Loading reads the source's columns; checks read what is published.
    pq.write_table(
        pa.table({"id": [9, 9], "customer": [1, 1], "price": [1.0, 1.0]}), tmp_path / "orders.parquet"
    )
    result = check_alone(folder, "unique_id", "row_count")
    assert result.success
    assert materialised(result) == []
    # Its time says nothing of the view's.
    assert view_steps(result.job_def) == {}
    found = evaluations(result)
    assert {name: each.passed for name, each in found.items()} == {"unique_id": True, "row_count": True}
    assert found["row_count"].metadata["dfplan/rows"].value == 3


def test_a_plan_check_runs_by_itself_too(tmp_path: Path) -> None:
    folder = shop(tmp_path, "unique: id")
    file = folder / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "checks": {"result_schema": "warn"}}))
    assert run(folder).success
    result = check_alone(folder, "result_schema")
    assert [each.passed for each in evaluations(result).values()] == [True]
    assert materialised(result) == []


def test_checks_of_a_view_that_never_ran_say_so(tmp_path: Path) -> None:
    result = check_alone(shop(tmp_path, "unique: id"), "unique_id")
    assert not result.success
    failure = result.failure_data_for_node("sales")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert (failure.user_failure_data.description or "").startswith(
        "There is nothing to check: sales has no published result."
    )


CUSTOMERS = "select 1 as id"
RELATED = "relationships: {column: customer, to: zcustomers, field: id}; name: known"


def test_a_relationship_is_checked_when_both_views_have_run(tmp_path: Path) -> None:
    folder = shop(tmp_path, RELATED, zcustomers=CUSTOMERS)
    result = run(folder)
    assert result.success
    assert evaluations(result)["known"].description == (
        "1 of 3 rows (33.3 %): a value of customer that is not in zcustomers.id"
    )
    # The view itself waits for nothing that it does not read.
    graph = project_definitions(plan_of(folder)).resolve_asset_graph()
    assert graph.get(dg.AssetKey("sales")).parent_keys == {dg.AssetKey("orders")}


def test_a_relationship_that_blocks_stops_what_reads_the_view(tmp_path: Path) -> None:
    result = run(shop(tmp_path, RELATED + "; blocking: true", zcustomers=CUSTOMERS))
    assert not result.success
    assert materialised(result) == ["sales", "zcustomers"]


def test_a_view_whose_relationship_cannot_be_checked_runs_all_the_same(tmp_path: Path) -> None:
    folder = shop(
        tmp_path, RELATED, zcustomers="select cast(kind as int) as id from (values ('x')) as t(kind)"
    )
    result = run(folder)
    assert not result.success
    assert materialised(result) == ["best", "sales"]
    assert evaluations(result) == {}


def test_a_result_that_stays_has_its_checks_results_without_a_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop(tmp_path, "not_null: price; blocking: true\nunique: id")
    instance = dg.DagsterInstance.ephemeral()
    before = evaluations(run(folder, "sales", instance=instance))
    monkeypatch.setattr(view_checks, "evaluate", lambda plan, planned, *_: _none(planned.queries))
    result = run(folder, "sales", instance=instance, stale=True)
    (event,) = result.get_asset_materialization_events()
    assert "dfplan/cached" in event.step_materialization_data.materialization.metadata
    after = evaluations(result)
    assert not result.success  # the check still blocks
    for name, found in before.items():
        assert (after[name].passed, after[name].severity) == (found.passed, found.severity)
        assert (after[name].description, after[name].metadata) == (found.description, found.metadata)
        assert after[name].target_materialization_data != found.target_materialization_data


def _none(queries: object) -> tuple[()]:
    assert queries == ()
    return ()


def test_a_result_that_stays_is_checked_when_the_check_is_another_one(tmp_path: Path) -> None:
    folder = shop(tmp_path, "row_count: {min: 1}")
    instance = dg.DagsterInstance.ephemeral()
    assert evaluations(run(folder, "sales", instance=instance))["row_count"].passed
    shop(folder, "row_count: {min: 4}")
    found = evaluations(run(folder, "sales", instance=instance, stale=True))["row_count"]
    assert found.description == "3 rows, but there must be at least 4 rows"


def test_what_time_decides_is_checked_anew(tmp_path: Path) -> None:
    folder = shop(tmp_path, "expression: to_timestamp('2020-01-01') < now(); name: past\nunique: id")
    plan = plan_of(folder)
    publication = Publication("sales", "1", ("a",), 3, 1, datetime(2024, 1, 1, tzinfo=timezone.utc))
    assert list(evaluated_of(plan, plan_checks(plan, "sales"), publication)) == ["unique_id"]


def test_partitions_are_checked_one_by_one_and_the_worst_is_told(tmp_path: Path) -> None:
    daily = DAILY.replace("--- */", "backfill: single_run\nchecks:\n  - row_count: {min: 2}\n--- */")
    folder = write_daily(tmp_path, daily=daily)
    instance = dg.DagsterInstance.ephemeral()
    job = job_of(folder)
    result = job.execute_in_process(instance=instance, partition_key="2024-02-27", raise_on_error=False)
    assert evaluations(result)["row_count"].description == (
        "2 rows of partition 2024-02-27, as there must be at least 2 rows"
    )
    tags = {
        "dagster/asset_partition_range_start": "2024-02-27",
        "dagster/asset_partition_range_end": "2024-03-01",
    }
    result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert evaluations(result)["row_count"].description == (
        "1 row of partition 2024-02-28, but there must be at least 2 rows"
    )
    alone = job.get_subset(asset_selection=set(), asset_check_selection={key("row_count", "daily")})
    found = evaluations(alone.execute_in_process(instance=instance))["row_count"]
    assert found.description == "5 rows, as there must be at least 2 rows"


def test_relationships_of_a_partition_are_checked_for_that_partition(tmp_path: Path) -> None:
    check = "checks:\n  - relationships: {column: amount, to: known, field: amount}\n--- */"
    folder = write_daily(tmp_path, {"known": "select 1 as amount"}, daily=DAILY.replace("--- */", check))
    result = job_of(folder).execute_in_process(partition_key="2024-02-27", raise_on_error=False)
    assert evaluations(result)["relationships_amount_known"].description == (
        "1 of 2 rows of partition 2024-02-27 (50.0 %): a value of amount that is not in known.amount"
    )


def test_no_event_is_too_large(tmp_path: Path) -> None:
    columns = ", ".join(
        f'repeat(concat(\'|\n`"\', chr(228)), 4000) as "column {number}"' for number in range(200)
    )
    query = f"select 1 as id, {columns} from generate_series(1, 10)"
    values = ", ".join(f"a value that takes its place {number}" for number in range(500))
    checks = f'unique: id\nexpression: id > 1\naccepted_values: {{column: "column 7", values: [{values}]}}'
    folder = write_project(tmp_path, {"sales.sql": view_with(checks, query)})
    result = run(folder)
    assert [each.passed for each in evaluations(result).values()] == [False] * 3
    sizes = [len(dg.serialize_value(event)) for event in result.all_events]
    assert max(sizes) < EVENT_LIMIT_BYTES


def test_what_is_left_out_of_a_sample_is_said() -> None:
    sample = pa.table({f"c{number}": ["x" * 100] * 5 for number in range(20)})
    text = sample_text(sample)
    assert text.startswith("| c0 | c1 |")
    assert "…" in text
    assert text.endswith("8 more columns are left out.")


class Silent:
    def on_selected(self, views: tuple[str, ...]) -> None: ...
    def on_order(self, line: str) -> None: ...
    def on_start(self, view: str) -> None: ...
    def on_outcome(self, outcome: ViewOutcome) -> None: ...


def report_of(folder: Path) -> RunReport:
    return run_views(plan_of(folder), None, Silent())


def test_the_command_tells_checks_that_did_not_pass_wherever_they_ran(tmp_path: Path) -> None:
    report = report_of(shop(tmp_path, f"not_null: price\nunique: id\n{RELATED}", zcustomers=CUSTOMERS))
    assert report.success
    assert dict(report.views["sales"].failed_checks) == {
        "not_null_price": "1 of 3 rows (33.3 %): null in price",
        "known": "1 of 3 rows (33.3 %): a value of customer that is not in zcustomers.id",
    }
    assert report.views["sales"].state == "materialised"


def test_the_command_tells_what_a_relationship_stopped(tmp_path: Path) -> None:
    report = report_of(shop(tmp_path, RELATED + "; blocking: true", zcustomers=CUSTOMERS))
    assert not report.success
    states = {name: outcome.state for name, outcome in report.views.items()}
    assert states == {"sales": "failed", "zcustomers": "materialised", "best": "skipped"}
    assert "known: 1 of 3 rows" in str(report.views["sales"].error)
    assert report.views["best"].error == "waits for sales"
