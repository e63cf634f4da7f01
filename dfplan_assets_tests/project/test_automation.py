"""Schedules, automation, freshness and the drift sensor, as a user writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.errors import InputError, ProjectError, ViewError
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Automation, DriftSensor, Freshness, Project, View
from dfplan_assets_tests.project.folders import write_project


def project_of(folder: Path, yaml: str) -> Project:
    return load_project(write_project(folder, f"name: shop\n{yaml}"))


def view_of(folder: Path, front_matter: str) -> View:
    text = f"/* ---\n{front_matter}\n--- */ select 1 as one"
    return load_project(write_project(folder, views={"one.sql": text})).views["one"]


def test_a_schedule_says_when_what_runs(tmp_path: Path) -> None:
    yaml = 'schedules:\n  nightly: {cron: "0 3 * * *", select: tag:mart}\n  often: {cron: "@hourly", '
    yaml += "timezone: Europe/Berlin, stale: true, status: running}\n"
    nightly, often = project_of(tmp_path, yaml).schedules
    assert (nightly.name, nightly.cron, nightly.select, nightly.timezone) == (
        "nightly",
        "0 3 * * *",
        "tag:mart",
        "UTC",
    )
    assert (nightly.stale, nightly.running) == (False, False)
    assert (often.name, often.cron, often.select, often.timezone) == (
        "often",
        "@hourly",
        None,
        "Europe/Berlin",
    )
    assert (often.stale, often.running) == (True, True)
    assert nightly.where == f"{tmp_path}/dfplan.yaml:3: schedule nightly"


def test_a_project_says_nothing_of_all_this(tmp_path: Path) -> None:
    project = project_of(tmp_path, "")
    assert project.schedules == ()
    assert project.automation_of(project.views["one"]) is None
    assert project.views["one"].freshness is None
    assert project.drift_sensor == DriftSensor(every_seconds=60, running=False)


@pytest.mark.parametrize(
    ("yaml", "line", "cause"),
    [
        ("schedules: {nightly: {cron: 0 3 * *}}", 2, "the schedule nightly: '0 3 * *' is no cron: it has 4"),
        ("schedules:\n  nightly:\n    cron: never", 4, "the schedule nightly: 'never' is no cron: it has 1"),
        ("schedules: {nightly: {select: one}}", 2, "the schedule nightly has no cron"),
        ("schedules: {nightly: }", 2, "the schedule nightly has no cron"),
        ("schedules: {every night: {cron: '@daily'}}", 2, "'every night' cannot be the name of a schedule"),
        ("schedules: {a: {cron: '@daily', timezone: Mars}}", 2, "the schedule a: 'Mars' is no time zone"),
        ("schedules: {a: {cron: '@daily', timezone: ../x}}", 2, "the schedule a: '../x' is no time zone"),
        ("schedules: {a: {cron: '@daily', stale: 1}}", 2, "schedules.a.stale must be true or false"),
        ("schedules: {a: {cron: '@daily', selct: one}}", 2, "unknown key schedules.a.selct"),
        ("schedules: {a: {cron: '@daily', select: ''}}", 2, "schedules.a.select is empty"),
        ("schedules: {a: {cron: '@daily', status: on}}", 2, "schedules.a.status cannot be 'on'"),
        ("schedules: {dfplan_drift: {cron: '@daily'}}", 2, "dfplan_drift has a name of this package's own"),
        ("schedules: [a]", 2, "schedules must be a mapping"),
        ("automation: sometimes", 2, "automation cannot be 'sometimes'"),
        ("automation: on_cron(0 25 * * *)", 2, "'0 25 * * *' is no cron: its hour cannot be '25'"),
        ("automation: on_cron", 2, "automation cannot be 'on_cron'"),
        ("drift_sensor: {every: 60}", 2, "drift_sensor.every must be text, not a whole number"),
        ("drift_sensor: {every: 0s}", 2, "drift_sensor.every must be at least a second"),
        ("drift_sensor: {every: soon}", 2, "drift_sensor.every is no duration"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_line(tmp_path: Path, yaml: str, line: int, cause: str) -> None:
    with pytest.raises(ProjectError) as raised:
        project_of(tmp_path, yaml + "\n")
    assert raised.value.where == f"{tmp_path}/dfplan.yaml:{line}"
    assert cause in raised.value.cause
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("written", "automation"),
    [
        ("eager", Automation("eager")),
        ("on_change", Automation("on_change")),
        ("on_cron(0 3 * * *)", Automation("on_cron", "0 3 * * *")),
        ('on_cron("@daily")', Automation("on_cron", "@daily")),
    ],
)
def test_a_view_says_when_it_runs_by_itself(tmp_path: Path, written: str, automation: Automation) -> None:
    assert view_of(tmp_path, f"automation: {written}").automation == automation
    assert project_of(tmp_path / "project", f"automation: {written}\n").automation == automation


def test_a_view_is_automated_as_it_says_else_as_the_project_does(tmp_path: Path) -> None:
    views = {"a.sql": "select 1 as one", "b.sql": "/* ---\nautomation: eager\n--- */ select 1 as one"}
    project = load_project(write_project(tmp_path, "automation: on_change\n", views))
    kinds = {name: project.automation_of(view) for name, view in project.views.items()}
    assert kinds == {"a": Automation("on_change"), "b": Automation("eager")}


@pytest.mark.parametrize(
    ("written", "freshness"),
    [
        ("{within: 24h}", Freshness(86_400)),
        ("{within: 90s}", Freshness(90)),
        ("{within: 1 w}", Freshness(604_800)),
        ('{within: 1h, cron: "0 9 * * *"}', Freshness(3600, "0 9 * * *")),
        (
            '{within: 1h, cron: "0 9 * * *", timezone: Asia/Tokyo}',
            Freshness(3600, "0 9 * * *", "Asia/Tokyo"),
        ),
    ],
)
def test_a_view_says_how_old_its_result_may_be(tmp_path: Path, written: str, freshness: Freshness) -> None:
    assert view_of(tmp_path, f"freshness: {written}").freshness == freshness


@pytest.mark.parametrize(
    ("front_matter", "cause"),
    [
        ("freshness: {within: 30s}", "freshness.within must be at least a minute"),
        ("freshness: {within: 24}", "freshness.within must be text"),
        ("freshness: {within: a day}", "freshness.within is no duration"),
        ("freshness: {cron: '@daily'}", "freshness has no within"),
        ("freshness: 24h", "freshness must be a mapping"),
        ("freshness: {within: 24h, timezone: UTC}", "freshness has a timezone but no cron"),
        ("freshness: {within: 1h, cron: x}", "'x' is no cron: it has 1 fields, not 5"),
        ("automation: on_cron()", "'' is no cron"),
        ("automation: eager\nmaterialized: view", "automation has no use in a view that is not stored"),
        ("freshness: {within: 1h}\nmaterialized: view", "freshness has no use in a view that is not stored"),
    ],
)
def test_what_a_view_cannot_say(tmp_path: Path, front_matter: str, cause: str) -> None:
    with pytest.raises(ViewError) as raised:
        view_of(tmp_path, front_matter)
    error: InputError = raised.value
    assert error.where == f"{tmp_path}/views/one.sql:2 (view one)"
    assert cause in error.cause


def test_the_drift_sensor_is_set_up(tmp_path: Path) -> None:
    assert project_of(tmp_path, "drift_sensor: {every: 5m, status: running}\n").drift_sensor == DriftSensor(
        every_seconds=300, running=True
    )
