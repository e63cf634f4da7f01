"""Schedules of ``dfplan.yaml`` in Dagster: what they ask for, and what is said where they cannot."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.definitions import project_definitions, run_definitions
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets_tests.small_projects import plan_of, write_shop

NIGHT = datetime(2026, 1, 2, 3, tzinfo=timezone.utc)


def shop(folder: Path, **schedules: object) -> Path:
    """A shop with these schedules in its dfplan.yaml."""
    write_shop(folder)
    file = folder / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schedules": schedules}), encoding="utf-8")
    return folder


def schedule_of(definitions: dg.Definitions, name: str) -> dg.ScheduleDefinition:
    schedule = definitions.get_repository_def().get_schedule_def(name)
    assert isinstance(schedule, dg.ScheduleDefinition)
    return schedule


def tick(definitions: dg.Definitions, name: str) -> dg.RunRequest | str:
    """What a schedule asks for at a time, or why it asks for nothing."""
    context = dg.build_schedule_context(
        instance=dg.DagsterInstance.ephemeral(), scheduled_execution_time=NIGHT
    )
    result = schedule_of(definitions, name).evaluate_tick(context)
    requests = result.run_requests or []
    return requests[0] if requests else str(result.skip_message)


def views_of(request: dg.RunRequest | str) -> list[str]:
    assert isinstance(request, dg.RunRequest), request
    return [key.to_user_string() for key in request.asset_selection or ()]


def test_a_schedule_runs_its_selection_upstream_first(tmp_path: Path) -> None:
    nightly = {"cron": "0 3 * * *", "select": "+best", "timezone": "Europe/Berlin"}
    definitions = project_definitions(plan_of(shop(tmp_path, nightly=nightly)))
    schedule = schedule_of(definitions, "nightly")
    assert schedule.cron_schedule == "0 3 * * *"
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert views_of(tick(definitions, "nightly")) == ["revenue", "best"]


def test_without_a_selection_everything_that_is_stored_runs(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(shop(tmp_path, all={"cron": "@daily", "status": "running"})))
    assert sorted(views_of(tick(definitions, "all"))) == ["best", "mart/cheap", "revenue"]
    assert schedule_of(definitions, "all").default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_schedule_may_have_the_name_of_a_view(tmp_path: Path) -> None:
    schedule = {"cron": "@daily", "select": "revenue"}
    definitions = project_definitions(plan_of(shop(tmp_path, revenue=schedule)))
    dg.Definitions.validate_loadable(definitions)
    assert views_of(tick(definitions, "revenue")) == ["revenue"]


def test_a_schedule_of_what_is_stale_runs_that_alone(tmp_path: Path) -> None:
    schedules = {"all": {"cron": "@daily", "stale": True}, "best": {"cron": "@daily", "stale": True}}
    schedules["best"]["select"] = "best"
    root = shop(tmp_path, **schedules)
    definitions = project_definitions(plan_of(root))
    request = tick(definitions, "all")
    assert sorted(views_of(request)) == ["best", "mart/cheap", "revenue"]
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dfplan/stale"] == "true"
    job = definitions.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert tick(definitions, "all") == "Nothing is stale of the 3 views that it selects."
    (root / "data/nation.csv").write_text("key,name\n1,IT\n", encoding="utf-8")
    assert views_of(tick(definitions, "all")) == ["revenue", "best"]
    # What is stale through a view that it does not select is not its business.
    assert tick(definitions, "best") == "Nothing is stale of the 1 views that it selects."
    (root / "views/new.sql").write_text("select 1 as one", encoding="utf-8")
    assert "new is new. Reload the code location." in str(tick(definitions, "all"))


@pytest.mark.parametrize(
    ("select", "cause"),
    [
        ("revenu", "there is no view revenu"),
        ("tag:mart", "it selects no view"),
        ("and and", "the selection cannot be read"),
    ],
)
def test_a_selection_that_means_nothing_names_its_schedule(tmp_path: Path, select: str, cause: str) -> None:
    plan = plan_of(shop(tmp_path, nightly={"cron": "0 3 * * *", "select": select}))
    with pytest.raises(ProjectError) as raised:
        project_definitions(plan)
    error = raised.value
    assert error.where == f"{tmp_path}/dfplan.yaml:1: schedule nightly"
    assert error.cause == f"select: {select}: {cause}"
    assert error.next_step
    # A run here and now has nothing to do with schedules.
    run_definitions(plan, DfplanTranslator())
