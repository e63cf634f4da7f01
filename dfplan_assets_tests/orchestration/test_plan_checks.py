from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.golden.update import update
from dfplan_assets.orchestration.assets import view_assets
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.plan_checks import difference_text
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runner import Attempt, Made, ProjectRunner
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.diff import difference, facts_of_bundle
from dfplan_assets.project import load_project
from dfplan_assets.store import AcceptanceRecord, open_store
from dfplan_assets_tests.small_projects import plan_of, write_shop
from dfplan_assets_tests.store import samples

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
CHANGED = (
    "select n.name, sum(o.price) * 2 as total from orders o join nation n on o.nation_key = n.key group by 1"
)


def shop_with(folder: Path, **checks: str) -> Path:
    """The shop, with these of its checks on."""
    if not (folder / "dfplan.yaml").exists():
        write_shop(folder)
    document = json.loads((folder / "dfplan.yaml").read_text())
    (folder / "dfplan.yaml").write_text(json.dumps({**document, "checks": checks}))
    return folder


def change(shop: Path) -> None:
    (shop / "views" / "marts" / "revenue.sql").write_text(CHANGED)


def run(shop: Path, *views: str) -> dg.ExecuteInProcessResult:
    """What a run of these views, or of all, in Dagster's in-process executor gives."""
    definitions = project_definitions(plan_of(shop))
    keys = [dg.AssetKey(view.split(".")) for view in views] or None
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)


def evaluation(result: dg.ExecuteInProcessResult, view: str, check: str) -> dg.AssetCheckEvaluation:
    """The evaluation of one check of one view."""
    (found,) = (
        each
        for each in result.get_asset_check_evaluations()
        if (each.asset_key, each.check_name) == (dg.AssetKey(view.split(".")), check)
    )
    return found


def text(found: dg.AssetCheckEvaluation, key: str) -> str:
    return str(found.metadata[key].value)


def materialised(result: dg.ExecuteInProcessResult) -> set[str]:
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events if event.asset_key is not None}


def remember(shop: Path, seconds: Sequence[float], since: datetime) -> None:
    """Store runs of revenue like the one that was made last, but for the time they took."""
    with open_store(load_project(shop).store) as store:
        made = store.run(store.latest_runs(["revenue"])["revenue"].key)
        assert made.profile is not None
        for number, each in enumerate(seconds):
            at = since + number * timedelta(microseconds=1)
            profile = replace(made.profile, wall_seconds=each)
            store.put_run(replace(made, started_at=at, profile=profile))


def get_slower(shop: Path) -> None:
    """Give revenue a history of a second a run, and another plan a history of three seconds."""
    assert run(shop, "revenue").success
    remember(shop, [1.0] * 12, datetime.now(timezone.utc) - timedelta(hours=1))
    change(shop)
    run(shop, "revenue")
    remember(shop, [3.0] * 11, datetime.now(timezone.utc))


def test_a_project_that_asks_for_none_has_no_checks(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_shop(tmp_path)))
    assert not definitions.resolve_asset_graph().asset_check_keys


def test_each_view_has_the_checks_that_are_on(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_drift="warn", result_schema="block")
    definitions = project_definitions(plan_of(shop))
    keys = definitions.resolve_asset_graph().asset_check_keys
    assert {(key.asset_key.to_user_string(), key.name) for key in keys} == {
        (view, check)
        for view in ("revenue", "best", "mart/cheap")
        for check in ("plan_drift", "result_schema")
    }


def test_the_first_run_has_too_little_history_and_passes(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_regression="block", result_schema="block")
    result = run(shop)
    assert result.success
    regression = evaluation(result, "mart.cheap", "plan_regression")
    assert regression.passed
    assert (regression.description or "").startswith("too few runs: 1 run with its plan")
    assert text(regression, "dfplan/verdict") == "too few runs"
    schema = evaluation(result, "mart.cheap", "result_schema")
    assert (schema.passed, schema.description) == (True, "columns as planned: id, price")


def test_a_regression_that_warns_lets_everything_run(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_regression="warn")
    get_slower(shop)
    result = run(shop)
    assert result.success
    assert materialised(result) == {"revenue", "best", "mart/cheap"}
    found = evaluation(result, "revenue", "plan_regression")
    assert (found.passed, found.severity) == (False, WARN)
    assert (found.description or "").startswith("regression: its plan changed on ")
    assert text(found, "dfplan/verdict") == "regression"
    assert "`sum(price)` became" in text(found, "dfplan/plan_diff")
    assert "| wall seconds | 1.000 | 3.000 |" in text(found, "dfplan/figures")


def test_a_regression_that_blocks_publishes_its_result_and_stops_what_reads_it(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_regression="block")
    get_slower(shop)
    result = run(shop)
    assert not result.success
    assert materialised(result) == {"revenue", "mart/cheap"}
    found = evaluation(result, "revenue", "plan_regression")
    assert (found.passed, found.severity) == (False, ERROR)
    assert sorted(pq.read_table(_file(shop, "revenue"))["total"].to_pylist()) == [60.0, 61.0]


def test_an_accepted_regression_passes_and_says_who_accepted_it(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_regression="block")
    get_slower(shop)
    with open_store(load_project(shop).store) as store:
        bundle = store.latest_bundle("revenue")
        assert bundle is not None
        identity = bundle.identity
        now = datetime.now(timezone.utc)
        store.put_acceptance(
            AcceptanceRecord(
                view="revenue",
                complete=identity.complete,
                fingerprint=identity.fingerprint,
                accepted_at=now,
                accepted_by="ada",
                note="twice the revenue",
            )
        )
    result = run(shop)
    assert result.success
    found = evaluation(result, "revenue", "plan_regression")
    assert found.passed
    assert text(found, "dfplan/accepted").endswith("UTC by ada: twice the revenue")


def test_drift_from_the_golden_plan_is_shown_with_its_cause(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_drift="warn")
    update(load_project(shop))
    before = run(shop)
    assert evaluation(before, "revenue", "plan_drift").passed
    change(shop)
    found = evaluation(run(shop), "revenue", "plan_drift")
    assert (found.passed, found.severity) == (False, WARN)
    assert "`sum(price)` became" in (found.description or "")
    assert "best" in text(found, "dfplan/reaches")
    assert "* 2 as total" in text(found, "dfplan/plan_diff")


def test_drift_that_blocks_stops_what_lies_downstream(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_drift="block")
    update(load_project(shop))
    change(shop)
    result = run(shop)
    assert not result.success
    assert materialised(result) == {"revenue", "mart/cheap"}


def test_a_view_without_golden_plan_is_a_warning_with_the_command_even_where_drift_blocks(
    tmp_path: Path,
) -> None:
    shop = shop_with(tmp_path, plan_drift="block")
    result = run(shop)
    assert result.success
    found = evaluation(result, "revenue", "plan_drift")
    assert (found.passed, found.severity) == (False, WARN)
    assert "dfplan golden update" in (found.description or "")


def test_a_store_that_cannot_be_read_is_a_warning_even_where_regressions_block(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, plan_regression="block")
    (shop / ".dfplan").mkdir()
    (shop / ".dfplan" / "plans.db").write_text("this is no database, and it is longer than a header is")
    result = run(shop, "mart.cheap")
    assert result.success
    found = evaluation(result, "mart.cheap", "plan_regression")
    assert (found.passed, found.severity) == (False, WARN)
    assert (found.description or "").startswith("It cannot be told: This run's records wait")


def test_a_result_of_other_columns_than_planned_fails(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, result_schema="block")
    plan = plan_of(shop)
    runner = ProjectRunner(plan)

    def meddling(attempt: Attempt) -> Made:
        made = runner(attempt)
        assert isinstance(made, Made)
        file = shop / "meddled.parquet"
        columns: Mapping[str, pa.Array] = {"price": pa.array(["10"]), "id": pa.array([1])}
        pq.write_table(pa.table(columns), file)
        publication = replace(made.done.publication, files=(str(file),))
        return replace(made, done=replace(made.done, publication=publication))

    assets = view_assets(plan, DfplanTranslator(), meddling)
    job = dg.Definitions(assets=assets).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["mart", "cheap"])], raise_on_error=False
        )
    found = evaluation(result, "mart.cheap", "result_schema")
    assert (found.passed, found.severity) == (False, ERROR)
    assert "price: string instead of double" in (found.description or "")


class _Notes:
    """A listener that keeps the outcomes it is told."""

    def __init__(self) -> None:
        self.outcomes: list[ViewOutcome] = []

    def on_selected(self, views: tuple[str, ...]) -> None:
        """Nothing."""

    def on_order(self, line: str) -> None:
        """Nothing."""

    def on_start(self, view: str) -> None:
        """Nothing."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def blocked(tmp_path: Path) -> tuple[RunReport, _Notes]:
    """The command's run of a shop whose revenue drifted, which blocks."""
    shop = shop_with(tmp_path, plan_drift="block")
    update(load_project(shop))
    change(shop)
    notes = _Notes()
    return run_views(plan_of(shop), None, notes), notes


def test_the_commands_run_says_what_a_blocking_check_found(blocked: tuple[RunReport, _Notes]) -> None:
    report, notes = blocked
    assert not report.success
    assert {name: outcome.state for name, outcome in report.views.items()} == {
        "revenue": "failed",
        "best": "skipped",
        "mart.cheap": "materialised",
    }
    error = report.views["revenue"].error or ""
    assert "view revenue: its result is published" in error
    assert "plan_drift: rows or values may differ: column total: `sum(price)` became" in error
    assert sorted((each.view, each.state) for each in notes.outcomes) == [
        ("mart.cheap", "materialised"),
        ("revenue", "failed"),
    ]


def test_a_large_difference_is_cut_and_says_so() -> None:
    before = facts_of_bundle(samples.bundle())
    changed = samples.bundle(year=1995)
    lines = "\n".join(f"  Filter: c{number} > {number}" for number in range(3_000))
    after = replace(before, logical_plan=f"Projection: x\n{lines}", identity=changed.identity)
    shown = difference_text(difference(before, after))
    assert "lines are left out" in shown
    assert len(shown.encode()) < EVENT_LIMIT_BYTES / 2


def _file(shop: Path, view: str) -> str:
    result = Warehouse.of(load_project(shop)).current(view)
    assert result is not None
    (file,) = result.files
    return file
