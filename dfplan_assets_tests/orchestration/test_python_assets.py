from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dfplan_assets.errors import InputError, ProjectError
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.stale_views import run_stale_views
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets_tests.orchestration.python_beside import SCORES, change_project, write_scored_shop
from dfplan_assets_tests.small_projects import plan_of, write_project

ASSETS = """\
import dagster as dg
import pandas as pd
import pyarrow as pa
from dfplan_assets.orchestration.datafusion_resource import DataFusionResource


@dg.asset(key=["models", "scores"], io_manager_key="dfplan_io_manager")
def scores(revenue: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"name": revenue["name"], "score": revenue["total"] / 10})


@dg.asset
def report(ranked: pa.Table, datafusion: DataFusionResource) -> None:
    with datafusion.session(["ranked", "orders"]) as ctx:
        (counted,) = ctx.sql("select count(*) as n from ranked, orders").to_pylist()
    if counted["n"] != 6 or ranked.num_rows != 2:
        raise ValueError(f"{counted} and {ranked.num_rows}")


@dg.asset_check(asset="revenue")
def revenue_is_there(revenue: pa.Table) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=revenue.num_rows > 0)


helper = [scores, report]  # no asset itself
"""


class Silent:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.selected: tuple[str, ...] = ()
        self.done: list[str] = []

    def on_selected(self, views: tuple[str, ...]) -> None:
        self.selected = views

    def on_order(self, line: str) -> None:
        """Says nothing."""

    def on_start(self, view: str) -> None:
        """Says nothing."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        self.done.append(outcome.view)


@pytest.fixture(autouse=True)
def _no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def extended(folder: Path, text: str = ASSETS, **settings: Any) -> Path:
    write_scored_shop(folder)
    (folder / "shop_assets.py").write_text(text, encoding="utf-8")
    change_project(folder, extends=["shop_assets"], **settings)
    return folder


def run(folder: Path, selection: str | None = None, listener: Silent | None = None) -> RunReport:
    return run_views(plan_of(folder), selection, listener or Silent())


def states(report: RunReport) -> dict[str, str]:
    return {name: outcome.state for name, outcome in {**report.views, **report.assets}.items()}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunReport, Silent]:
    """A project that ran once."""
    folder, listener = extended(tmp_path_factory.mktemp("ran")), Silent()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        return folder, run(folder, listener=listener), listener


def test_assets_and_checks_of_extends_are_part_of_the_definitions(
    ran: tuple[Path, RunReport, Silent],
) -> None:
    definitions = project_definitions(plan_of(ran[0]))
    graph = definitions.resolve_asset_graph()
    views = {
        dg.AssetKey("revenue"),
        dg.AssetKey("best"),
        dg.AssetKey("ranked"),
        dg.AssetKey(["mart", "cheap"]),
    }
    assert graph.materializable_asset_keys == {
        *views,
        dg.AssetKey(["models", "scores"]),
        dg.AssetKey("report"),
    }
    assert dg.AssetCheckKey(dg.AssetKey("revenue"), "revenue_is_there") in graph.asset_check_keys


def test_a_run_of_everything_runs_views_and_python_in_their_order(
    ran: tuple[Path, RunReport, Silent],
) -> None:
    _, report, listener = ran
    assert report.success, report
    assert states(report) == dict.fromkeys(
        ["revenue", "best", "ranked", "mart.cheap", "models/scores", "report"], "materialised"
    )
    scores = report.assets["models/scores"]
    assert (scores.rows, report.assets["report"].rows) == (2, None)
    assert scores.wall_seconds is not None
    assert set(listener.selected) == set(listener.done)
    path = ["revenue", "models/scores", "ranked", "report"]
    assert [name for name in listener.done if name in path] == path


@pytest.mark.parametrize(
    ("selection", "made"),
    [
        ("models/scores+", {"models/scores", "ranked", "report"}),
        ("report", {"report"}),
        ("+ranked", {"revenue", "models/scores", "ranked"}),
        ("ranked or best", {"ranked", "best"}),
    ],
)
def test_selections_take_python_assets_by_their_keys(
    ran: tuple[Path, RunReport, Silent], selection: str, made: set[str]
) -> None:
    assert set(states(run(ran[0], selection))) == made


def test_a_schedule_runs_the_python_assets_that_it_selects(tmp_path: Path) -> None:
    path = {"cron": "0 3 * * *", "select": "+report"}
    schedules = {"path": path, "everything": {"cron": "@daily"}, "stale": {"cron": "@daily", "stale": True}}
    definitions = project_definitions(plan_of(extended(tmp_path, schedules=schedules)))

    def requested(name: str) -> set[str]:
        schedule = definitions.resolve_schedule_def(name)
        at = datetime(2024, 1, 1, tzinfo=timezone.utc)
        with dg.build_schedule_context(scheduled_execution_time=at) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or ()
        return {key.to_user_string() for key in request.asset_selection or ()}

    views = {"revenue", "best", "ranked", "mart/cheap"}
    assert requested("path") == {"revenue", "models/scores", "ranked", "report"}
    assert requested("everything") == {*views, "models/scores", "report"}
    assert requested("stale") == views


def test_a_failed_python_asset_stops_what_reads_its_table_alone(tmp_path: Path) -> None:
    folder = extended(tmp_path, ASSETS.replace('revenue["total"] / 10', "revenue.profit"))
    report = run(folder)
    assert not report.success
    assert states(report) == {
        "revenue": "materialised",
        "best": "materialised",
        "mart.cheap": "materialised",
        "models/scores": "failed",
        "ranked": "skipped",
        "report": "skipped",
    }
    assert "profit" in str(report.assets["models/scores"].error)
    assert report.views["ranked"].error == "waits for models/scores"
    assert report.assets["report"].error == "waits for models/scores"


def test_a_run_for_what_is_stale_runs_views_and_names_python_assets_behind_them(tmp_path: Path) -> None:
    folder = extended(tmp_path)
    assert run(folder).success
    view = folder / "views" / "marts" / "revenue.sql"
    view.write_text(
        view.read_text(encoding="utf-8").replace("sum(o.price)", "sum(o.price) * 2"), encoding="utf-8"
    )
    plan = plan_of(folder)
    (report,) = run_stale_views(plan, None, Silent(), staleness_now(plan))
    assert states(report) == {"revenue": "materialised", "best": "materialised"}
    (note,) = report.notes
    assert note.startswith("models/scores reads views with new results and did not run")
    assert "dfplan run 'models/scores+'" in note


SELF_CONTAINED = "import dagster as dg\n\n\n"


@pytest.mark.parametrize(
    ("text", "said", "next_step"),
    [
        (
            "@dg.asset(key=['models', 'scores'])\ndef scores(): ...\n",
            "makes the source scores, but hands what it returns to another IO manager (io_manager)",
            'io_manager_key="dfplan_io_manager"',
        ),
        (
            "@dg.asset(key=['models', 'scores'], io_manager_key='dfplan_io_manager')\n"
            "def scores() -> None: ...\n",
            "is annotated as one that returns nothing",
            "let it return a table",
        ),
        ("@dg.asset\ndef revenue(): ...\n", "has the key of the view revenue", "another key"),
        ("@dg.asset\ndef orders(): ...\n", "has the key of the source orders", "{asset: orders}"),
        (
            "@dg.asset\ndef a(): ...\n\n\n@dg.asset(name='a')\ndef b(): ...\n",
            "two assets have the key a",
            "another key",
        ),
        (
            "@dg.asset(required_resource_keys={'mail'})\ndef a(): ...\n",
            "the asset a (module shop_assets) needs the resource mail",
            "resource_defs",
        ),
    ],
)
def test_an_asset_that_does_not_fit_is_an_error_of_the_project(
    tmp_path: Path, text: str, said: str, next_step: str
) -> None:
    folder = extended(tmp_path, SELF_CONTAINED + text)
    with pytest.raises(ProjectError) as caught:
        project_definitions(plan_of(folder))
    assert caught.value.where.endswith("dfplan.yaml: extends")
    assert said in caught.value.cause
    assert next_step in caught.value.next_step


PARTITIONED = SELF_CONTAINED + (
    "@dg.asset(partitions_def=dg.StaticPartitionsDefinition(['EU', 'US']))\n"
    "def regional(context) -> None:\n    assert context.partition_key == 'EU'\n"
)


def test_a_python_asset_with_partitions_runs_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    from dfplan_assets.orchestration.partition_runs import PartitionRange
    from dfplan_assets.orchestration.runs import run_partitions

    folder = write_project(tmp_path, {"one.sql": "select 1 as one"}, extends=["shop_assets"])
    (folder / "shop_assets.py").write_text(PARTITIONED, encoding="utf-8")

    def ran_for(key: str | None) -> Callable[[], tuple[RunReport, ...]]:
        asked = None if key is None else PartitionRange(key, key)
        return lambda: run_partitions(plan_of(folder), None, asked, Silent())

    with pytest.raises(InputError, match="asset regional: it has partitions, and none is asked for"):
        ran_for(None)()
    with pytest.raises(InputError, match="it has no partition ASIA"):
        ran_for("ASIA")()
    (report,) = ran_for("EU")()
    assert states(report) == {"one": "materialised", "regional": "materialised"}


def test_a_source_need_not_be_made_by_an_asset_of_extends(tmp_path: Path) -> None:
    folder = extended(tmp_path, SELF_CONTAINED, sources={"scores": SCORES})
    graph = project_definitions(plan_of(folder)).resolve_asset_graph()
    assert graph.get(dg.AssetKey("ranked")).parent_keys == {dg.AssetKey(["models", "scores"])}
