"""What is stale of views with partitions, where it is easily missed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets.staleness.results import Part, results_now
from dfplan_assets.staleness.staleness import left_out, to_run
from dfplan_assets_tests.partitioned import DAILY, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_project
from dfplan_assets_tests.staleness.partition_world import (
    by_steps,
    executed,
    own_reasons,
    steps_of,
    versions,
)

WEEKLY = DAILY.replace("day, from: 2024-02-27, to: 2024-03-02", "week, from: 2024-02-26, to: 2024-03-04")
WEEK = DAILY.replace("from: 2024-02-27, to: 2024-03-02", "from: 2024-02-26, to: 2024-03-04")
DAYS_OF_WEEK = [f"2024-02-{day}" for day in range(26, 30)] + [f"2024-03-0{day}" for day in range(1, 4)]


def make(plan: ProjectPlan, view: str, *keys: str | None) -> None:
    with steps_of(plan) as step:
        for key in keys or (None,):
            step(Part(view, key))


def test_the_only_partition_is_another_one_that_was_made_of_the_same(tmp_path: Path) -> None:
    def plan_with(region: str) -> ProjectPlan:
        regional = (
            f"/* ---\npartitions: {{by: region, values: [{region}]}}\n--- */\n"
            "select region, name from stores where region = $partition_key"
        )
        views = {"regional.sql": regional, "total.sql": "select count(*) as stores from regional"}
        return plan_of(write_project(tmp_path, views, {"stores": "stores.csv"}))

    (tmp_path / "stores.csv").write_text("region,name\nEU,a\nUS,b\nUS,c\n")
    plan = plan_with("EU")
    make(plan, "regional", "EU")
    make(plan, "total")
    plan = plan_with("US")
    make(plan, "regional", "US")
    assert own_reasons(plan) == {("total", None): ("upstream regional has a newer result",)}


def test_what_is_left_of_a_partition_out_of_range_is_not_read(tmp_path: Path) -> None:
    weekly = WEEKLY.replace("from orders", "from daily")
    plan = plan_of(write_daily(tmp_path, {"weekly": weekly}, WEEK))
    make(plan, "daily", *DAYS_OF_WEEK)
    make(plan, "weekly", "2024-02-26")
    later = WEEK.replace("from: 2024-02-26", "from: 2024-02-28")
    plan = plan_of(write_daily(tmp_path, {"weekly": weekly}, later))
    with pytest.raises(ExecutionError, match="no published result: 2024-02-26, 2024-02-27"):
        make(plan, "weekly", "2024-02-26")
    staleness = staleness_now(plan)
    taken = to_run(staleness)
    assert {part.view for part in taken} == {"daily"}  # its source was written again
    assert left_out(staleness, taken) == {"weekly": "1 partition waits for what never ran of daily"}


def test_a_partition_of_an_earlier_form_is_not_read_with_nulls_in_its_new_column(tmp_path: Path) -> None:
    plan = plan_of(write_daily(tmp_path, {"whole": WHOLE}))
    make(plan, "daily", "2024-02-27", "2024-02-28")
    wider = DAILY.replace("select order_date", "select 1 as more, order_date")
    plan = plan_of(write_daily(tmp_path, {"whole": WHOLE}, wider))
    make(plan, "daily", "2024-02-27")  # the first one that is read
    with pytest.raises(ExecutionError, match="earlier form of that view: more: absent"):
        make(plan, "whole")


def test_a_table_that_was_not_read_before_is_not_said_to_have_changed(tmp_path: Path) -> None:
    def plan_with(between: str) -> ProjectPlan:
        views = {"between": between, "last": "select amount from between"}
        return plan_of(write_daily(tmp_path, views))

    plan = plan_with("select amount from orders")
    make(plan, "between")
    make(plan, "last")
    plan = plan_with("/* ---\nmaterialized: view\n--- */\nselect amount from orders")
    assert own_reasons(plan)["last", None] == (
        "view between is inlined into it now",
        "it reads orders, which it did not",
    )
    assert by_steps(plan) == set()
    plan = plan_with("select amount from orders")
    make(plan, "between")
    assert own_reasons(plan)["last", None] == (
        "view between is no longer inlined into it",
        "it reads between, which it did not",
    )


IN_BERLIN = """\
/* ---
partitions: {{by: at, every: {every}, from: {first}, to: {end}, timezone: Europe/Berlin}}
data_version: content
--- */
select at, n from {table} where at >= $partition_start and at < $partition_end
"""


@pytest.mark.parametrize(
    ("day", "hours", "late_utc", "late_key"),
    [
        ("2024-03-31", 23, ["01:30"], ["2024-03-31-03:00"]),
        ("2024-10-27", 25, ["00:30", "01:30"], ["2024-10-27-02:00", "2024-10-27-02:00+0100"]),
    ],
)
def test_late_rows_of_the_hour_in_which_the_clock_changes_run_what_reads_that_hour(
    tmp_path: Path, day: str, hours: int, late_utc: list[str], late_key: list[str]
) -> None:
    following = date.fromisoformat(day) + timedelta(days=1)
    spans = {
        "hourly": ("hour", day, following, "events"),
        "night": ("hour", f"{day} 01:00:00", f"{day} 04:00:00", "hourly"),
        "daily": ("day", day, following, "hourly"),
    }
    views = {
        f"{name}.sql": IN_BERLIN.format(every=every, first=first, end=end, table=table)
        for name, (every, first, end, table) in spans.items()
    }

    def write_events(*times: str) -> ProjectPlan:
        moments = pa.array([datetime.fromisoformat(f"{day}T{time}") for time in times], pa.timestamp("us"))
        pq.write_table(pa.table({"at": moments, "n": list(range(len(times)))}), tmp_path / "events.parquet")
        return plan_of(write_project(tmp_path, views, {"events": "events.parquet"}))

    plan = write_events("08:30")
    keys = results_now(plan).keys
    assert len(keys["hourly"]) == hours
    for view in views:
        make(plan, view.removesuffix(".sql"), *keys[view.removesuffix(".sql")])
    assert own_reasons(plan) == {}

    plan = write_events("08:30", *late_utc)
    before = versions(plan)
    assert by_steps(plan) == set()
    ran = executed(before, versions(plan))
    assert {part for part in ran if part[0] == "hourly"} == {("hourly", key) for key in keys["hourly"]}
    assert {part for part in ran if part[0] != "hourly"} == {
        *(("night", key) for key in late_key),
        ("daily", day),
    }
    assert own_reasons(plan) == {}
