"""Which runs what is stale takes: as few as backfills of it would, and in an order in which they can run."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.stale_runs import stale_runs
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import own_reasons_now
from dfplan_assets.staleness.results import Part, results_now
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of

SINGLE = DAILY.replace("partitions:", "backfill: single_run\npartitions:")
WEEKLY = DAILY.replace("day, from: 2024-02-27, to: 2024-03-02", "week, from: 2024-02-26, to: 2024-03-11")
VIEWS = {
    "prepared": "select order_date, amount from orders",
    "after": DAILY.replace("from orders", "from daily"),
    "weekly": WEEKLY.replace("from orders", "from after"),
    "whole": WHOLE,
    "last": "select orders from whole",
}


def plan_with(folder: Path, daily: str, **views: str) -> ProjectPlan:
    daily = daily.replace("from orders", "from prepared")
    return plan_of(write_daily(folder, {**VIEWS, **views}, daily))


@pytest.fixture(scope="module")
def by_key(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    return plan_with(tmp_path_factory.mktemp("by_key"), DAILY)


@pytest.fixture(scope="module")
def in_ranges(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    after = SINGLE.replace("from orders", "from daily")
    return plan_with(tmp_path_factory.mktemp("in_ranges"), SINGLE, after=after)


def runs_of(plan: ProjectPlan, *parts: str) -> list[tuple[set[str], str | None]]:
    """The views and partitions of each run; a part is ``view`` or ``view key``."""
    order = {view: number for number, view in enumerate(plan.all_views)}
    asked = [Part(view, key or None) for view, _, key in (part.partition(" ") for part in parts)]
    asked.sort(key=lambda part: (order[part.view], str(part.key)))
    runs = stale_runs(plan, asked, results_now(plan).keys)
    assert sorted(map(str, asked)) == sorted(str(part) for run in runs for part in run.parts)
    made: set[Part] = set()
    for run in runs:
        assert run.waits_for <= made  # each run finds what it reads
        made.update(run.parts)
    keys = [None if run.run.partitions is None else str(run.run.partitions) for run in runs]
    return [(set(run.run.views), key) for run, key in zip(runs, keys, strict=True)]


def each_of(view: str, *days: str) -> list[str]:
    return [f"{view} {day}" for day in days]


def test_views_without_partitions_are_one_run(by_key: ProjectPlan) -> None:
    assert runs_of(by_key, "prepared", "whole", "last") == [({"prepared", "whole", "last"}, None)]


def test_one_partition_takes_what_is_before_and_behind_it_into_its_run(by_key: ProjectPlan) -> None:
    parts = ["prepared", f"daily {DAYS[1]}", f"after {DAYS[1]}", "whole", "last"]
    assert runs_of(by_key, *parts) == [({"prepared", "daily", "after", "whole", "last"}, DAYS[1])]


def test_several_partitions_are_a_run_each_and_what_reads_them_comes_behind(by_key: ProjectPlan) -> None:
    parts = ["prepared", *each_of("daily", *DAYS[:2]), *each_of("after", DAYS[1]), "whole"]
    assert runs_of(by_key, *parts) == [
        ({"prepared"}, None),
        ({"daily"}, DAYS[0]),
        ({"daily", "after"}, DAYS[1]),
        ({"whole"}, None),
    ]


def test_keys_that_follow_each_other_are_a_range_where_one_run_makes_them(in_ranges: ProjectPlan) -> None:
    parts = [*each_of("daily", *DAYS), *each_of("after", *DAYS), "whole"]
    assert runs_of(in_ranges, *parts) == [({"daily", "after", "whole"}, f"{DAYS[0]}..{DAYS[3]}")]


def test_a_hole_between_keys_or_another_set_of_views_ends_a_range(in_ranges: ProjectPlan) -> None:
    parts = [*each_of("daily", DAYS[0], DAYS[1], DAYS[3]), *each_of("after", DAYS[1])]
    assert runs_of(in_ranges, *parts) == [
        ({"daily"}, DAYS[0]),
        ({"daily", "after"}, DAYS[1]),
        ({"daily"}, DAYS[3]),
    ]


def test_other_partitions_are_other_runs(by_key: ProjectPlan) -> None:
    parts = [*each_of("after", *DAYS[:2]), "weekly 2024-02-26"]
    assert runs_of(by_key, *parts) == [
        ({"after"}, DAYS[0]),
        ({"after"}, DAYS[1]),
        ({"weekly"}, "2024-02-26"),
    ]


def test_each_partition_of_a_single_run_has_its_own_version_in_dagster(tmp_path: Path) -> None:
    daily = SINGLE.replace("partitions:", "data_version: content\npartitions:")
    plan = plan_of(write_daily(tmp_path, daily=daily))
    job = project_definitions(plan).resolve_implicit_global_asset_job_def()
    instance = dg.DagsterInstance.ephemeral()

    def make(first: str, last: str) -> dict[str | None, str]:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        asked = [dg.AssetKey("daily")]
        result = job.execute_in_process(instance=instance, asset_selection=asked, tags=tags)
        made = [event.materialization for event in result.get_asset_materialization_events()]
        return {each.partition: (each.tags or {})["dagster/data_version"] for each in made}

    all_days = make(DAYS[0], DAYS[3])
    assert list(all_days) == list(DAYS)
    assert len(set(all_days.values())) == 4
    some_days = make(DAYS[1], DAYS[2])
    assert some_days == {day: all_days[day] for day in DAYS[1:3]}
    assert own_reasons_now(plan, Part("daily", DAYS[0])) == ()


def test_a_schedule_asks_for_the_partitions_that_are_stale(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    settings = json.loads((root / "dfplan.yaml").read_text())
    settings["schedules"] = {"nightly": {"cron": "0 3 * * *", "stale": True}}
    (root / "dfplan.yaml").write_text(json.dumps(settings))
    definitions = project_definitions(plan_of(root))
    job = definitions.resolve_implicit_global_asset_job_def()
    instance = dg.DagsterInstance.ephemeral()

    def tick() -> dg.ScheduleExecutionData:
        context = dg.build_schedule_context(
            scheduled_execution_time=datetime(2024, 4, 2, 3, tzinfo=timezone.utc),
            repository_def=definitions.get_repository_def(),
        )
        return definitions.resolve_schedule_def("nightly").evaluate_tick(context)

    def requests() -> list[tuple[set[str], str | None]]:
        return [
            (
                {key.to_user_string() for key in request.asset_selection or ()},
                request.tags.get("dagster/partition"),
            )
            for request in tick().run_requests or ()
        ]

    assert str(tick().skip_message).endswith(
        "What waits for a backfill: daily: never ran: start with a backfill of some of its 4 partitions."
    )
    for day in DAYS[1:3]:
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("daily")], partition_key=day)
    assert requests() == [({"daily", "whole"}, DAYS[3])]
    (root / "orders.parquet").touch()
    asked = requests()
    assert asked == [({"daily"}, day) for day in DAYS[1:]]
    assert len({request.run_key for request in tick().run_requests or ()}) == 3
