"""Schedules of what is stale where views have partitions: what reads several of their runs follows them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets_tests.orchestration.test_drift_sensor import Days, partition_of, views_of
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE
from dfplan_assets_tests.small_projects import plan_of, write_shop

NIGHT = datetime(2026, 1, 2, 3, tzinfo=timezone.utc)


class Nightly(Days):
    """The first days of the view ``daily``, the very first of which was made, under a schedule."""

    def __init__(self, folder: Path, last: str, **views: str) -> None:
        self.cursor: str | None = None
        daily = views.pop("daily", DAILY).replace("to: 2024-03-02", f"to: {last}")
        super().__init__(folder, DAYS[0], daily=daily, **views)
        file = folder / "dfplan.yaml"
        nightly = {"cron": "0 3 * * *", "stale": True}
        settings = {**json.loads(file.read_text()), "schedules": {"nightly": nightly}}
        file.write_text(json.dumps(settings), encoding="utf-8")
        self.definitions = project_definitions(plan_of(folder)).get_repository_def()

    def night(self, number: int = 1) -> list[dg.RunRequest]:
        """What the schedule asks for in a night."""
        at = NIGHT + timedelta(days=number)
        context = dg.build_schedule_context(instance=self.instance, scheduled_execution_time=at)
        schedule = self.definitions.get_schedule_def("nightly")
        return list(schedule.evaluate_tick(context).run_requests or ())

    def follow(self) -> list[dg.RunRequest] | str:
        """What the sensor asks for behind the schedule, or why nothing."""
        sensor = self.definitions.get_sensor_def("dfplan_schedule_readers")
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return list(result.run_requests or ()) or str(result.skip_message)


def shown(requests: list[dg.RunRequest] | str) -> list[tuple[list[str], str | None]] | str:
    if isinstance(requests, str):
        return requests
    assert all(each.tags["dfplan/stale"] == "true" for each in requests)
    assert len({each.run_key for each in requests}) == len(requests)
    return [(views_of(each), partition_of(each)) for each in requests]


DONE = "Nothing waits for runs of a schedule."


def test_what_reads_several_runs_of_a_night_follows_when_they_have_ended(tmp_path: Path) -> None:
    world = Nightly(tmp_path, "2024-03-01", whole=WHOLE, more="select orders + 1 as more from whole")
    assert world.follow() == DONE
    requests = world.night()
    assert shown(requests) == [(["daily"], DAYS[1]), (["daily"], DAYS[2])]
    assert world.run(requests[0])
    said = "nightly for 2026-01-03T03:00:00+00:00: waiting for the end of 1 of its runs."
    assert world.follow() == said  # the daemon has not created the other yet
    running = world.leave_run(requests[1], dg.DagsterRunStatus.STARTED)
    assert world.follow() == said
    world.instance.delete_run(running.run_id)
    assert world.run(requests[1])
    readers = world.follow()
    assert shown(readers) == [(["whole", "more"], None)]
    assert isinstance(readers, list)
    assert world.run(readers[0])
    assert world.follow() == DONE
    assert world.night(2) == []


def test_what_failed_in_a_night_is_left_to_the_next_one_with_what_reads_it(tmp_path: Path) -> None:
    world = Nightly(tmp_path, "2024-03-01", whole=WHOLE)
    requests = world.night()
    assert world.run(requests[0])
    world.fail(requests[1])
    assert world.follow() == (
        "nightly for 2026-01-03T03:00:00+00:00: left to the next time, since a run failed or was cancelled, "
        "or a check did not pass: daily, whole."
    )
    assert world.follow() == DONE
    # One stale partition and what reads it are one run.
    assert shown(world.night(2)) == [(["daily", "whole"], DAYS[2])]


def test_what_is_never_up_to_date_runs_once_a_night_and_then_what_reads_it(tmp_path: Path) -> None:
    daily = DAILY.replace("amount from", "amount, now() as made_at from")
    world = Nightly(tmp_path, "2024-02-29", daily=daily, whole=WHOLE)
    requests = world.night()
    assert shown(requests) == [(["daily"], DAYS[0]), (["daily"], DAYS[1])]
    for each in requests:
        assert world.run(each)
    readers = world.follow()
    assert shown(readers) == [(["whole"], None)]
    assert isinstance(readers, list)
    assert world.run(readers[0])
    assert world.follow() == DONE


def test_without_partitions_nothing_waits_and_there_is_no_such_sensor(tmp_path: Path) -> None:
    root = write_shop(tmp_path)
    file = root / "dfplan.yaml"
    schedules = {"nightly": {"cron": "0 3 * * *", "stale": True}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "schedules": schedules}), encoding="utf-8")
    sensors = project_definitions(plan_of(root)).sensors or ()
    assert [sensor.name for sensor in sensors] == ["dfplan_drift"]
