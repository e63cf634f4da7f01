from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets_tests.small_projects import plan_of, write_shop


@dataclass
class _Notes:
    """A listener that keeps what it is told."""

    selected: tuple[str, ...] = ()
    heard: list[tuple[str, str]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    def on_selected(self, views: tuple[str, ...]) -> None:
        self.selected = views

    def on_order(self, line: str) -> None:
        self.orders.append(line)

    def on_start(self, view: str) -> None:
        self.heard.append((view, "started"))

    def on_outcome(self, outcome: ViewOutcome) -> None:
        self.heard.append((outcome.view, outcome.state))


@contextmanager
def _dagsters_own_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance as the UI opens it, with nothing of this package."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def _run(plan: ProjectPlan, selection: str | None = None) -> RunReport:
    return run_views(plan, selection, _Notes())


def test_a_run_publishes_all_views(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    report = _run(plan)
    assert report.success
    assert {name: (o.state, o.rows) for name, o in report.views.items()} == {
        "revenue": ("materialised", 2),
        "best": ("materialised", 1),
        "mart.cheap": ("materialised", 2),
    }
    for name, outcome in report.views.items():
        published = Warehouse.of(plan.project).current(name)
        assert published is not None
        assert (published.rows, published.bytes) == (outcome.rows, outcome.bytes)


def test_the_run_its_steps_and_its_results_are_in_dagsters_own_storage(tmp_path: Path) -> None:
    report = _run(plan_of(write_shop(tmp_path)))
    with _dagsters_own_instance(tmp_path / ".dfplan" / "dagster") as instance:
        run = instance.get_run_by_id(report.run_id)
        assert run is not None
        assert run.is_success
        assert {step.step_key for step in instance.get_run_step_stats(report.run_id)} == {
            "revenue",
            "best",
            "mart__cheap",
        }
        for key in ("revenue", "best", "mart/cheap"):
            event = instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key))
            assert event is not None
            assert event.run_id == report.run_id


def test_the_run_belongs_to_the_code_location_that_the_ui_loads(tmp_path: Path) -> None:
    report = _run(plan_of(write_shop(tmp_path)))
    with _dagsters_own_instance(tmp_path / ".dfplan" / "dagster") as instance:
        run = instance.get_run_by_id(report.run_id)
    assert run is not None
    assert run.remote_job_origin is not None
    repository = run.remote_job_origin.repository_origin
    assert repository.code_location_origin.location_name == "dfplan_assets.definitions"
    assert repository.repository_name == "__repository__"


def test_dagster_home_decides_where_the_run_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    report = _run(plan_of(write_shop(tmp_path / "shop")))
    with _dagsters_own_instance(home) as instance:
        assert instance.get_run_by_id(report.run_id) is not None
    assert not (tmp_path / "shop" / ".dfplan" / "dagster").exists()


def test_a_second_run_adds_to_the_first(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    reports = [_run(plan), _run(plan, "revenue")]
    with _dagsters_own_instance(tmp_path / ".dfplan" / "dagster") as instance:
        assert {run.run_id for run in instance.get_runs()} == {report.run_id for report in reports}


def test_a_selection_runs_nothing_else(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    assert set(_run(plan, "mart.cheap").views) == {"mart.cheap"}
    assert Warehouse.of(plan.project).current("revenue") is None


def _broken_shop(folder: Path) -> ProjectPlan:
    return plan_of(
        write_shop(
            folder,
            broken="select 100 / (id - 2) as boom from orders",
            child="select boom from broken",
            grandchild="select c.boom, b.name from child c cross join best b",
        )
    )


def test_what_depends_on_a_failed_view_is_skipped_and_all_else_runs(tmp_path: Path) -> None:
    report = _run(_broken_shop(tmp_path))
    assert not report.success
    assert {name: outcome.state for name, outcome in report.views.items()} == {
        "revenue": "materialised",
        "best": "materialised",
        "mart.cheap": "materialised",
        "broken": "failed",
        "child": "skipped",
        "grandchild": "skipped",
    }


def test_a_failed_view_says_where_and_why(tmp_path: Path) -> None:
    error = _run(_broken_shop(tmp_path)).views["broken"].error
    assert error is not None
    assert error.startswith(f"{tmp_path / 'views' / 'broken.sql'} (view broken): ")
    assert "zero" in error
    assert "Traceback" not in error


def test_a_skipped_view_names_the_failed_view_that_it_waits_for(tmp_path: Path) -> None:
    views = _run(_broken_shop(tmp_path)).views
    assert views["child"].error == "waits for broken"
    assert views["grandchild"].error == "waits for broken"


def test_the_failure_in_dagsters_events_is_the_message(tmp_path: Path) -> None:
    report = _run(_broken_shop(tmp_path))
    with _dagsters_own_instance(tmp_path / ".dfplan" / "dagster") as instance:
        failures = [
            entry.dagster_event.step_failure_data
            for entry in instance.all_logs(report.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            if entry.dagster_event is not None
        ]
    (failure,) = failures
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == report.views["broken"].error


def test_a_failed_run_leaves_the_last_result(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path, id_two="select 10 / (id - 4) as x from orders"))
    assert _run(plan).success
    before = Warehouse.of(plan.project).current("id_two")
    (tmp_path / "views" / "id_two.sql").write_text("select 10 / (id - 3) as x from orders", encoding="utf-8")
    assert not _run(plan_of(tmp_path)).success
    assert Warehouse.of(plan.project).current("id_two") == before


def test_a_corrupt_source_fails_the_views_that_read_it(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path, none="select 1 as one"))
    (tmp_path / "data" / "orders.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    report = _run(plan)
    assert {name: outcome.state for name, outcome in report.views.items()} == {
        "revenue": "failed",
        "mart.cheap": "failed",
        "best": "skipped",
        "none": "materialised",
    }


def test_the_listener_hears_each_view_start_and_end(tmp_path: Path) -> None:
    notes = _Notes()
    run_views(_broken_shop(tmp_path), "+best or +child", notes)
    assert set(notes.selected) == {"revenue", "best", "broken", "child"}
    assert sorted(notes.heard) == [
        ("best", "materialised"),
        ("best", "started"),
        ("broken", "failed"),
        ("broken", "started"),
        ("revenue", "materialised"),
        ("revenue", "started"),
    ]
