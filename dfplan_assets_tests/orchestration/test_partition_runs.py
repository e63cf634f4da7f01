"""Partitions in Dagster: which runs they take, and what these say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dfplan_assets.errors import InputError
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.partition_runs import PartitionRange, PlannedRun, planned_runs
from dfplan_assets.orchestration.run_report import RunReport, ViewOutcome
from dfplan_assets.orchestration.runs import run_partitions
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.store import open_store
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of

_NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)
_ALL = PartitionRange(DAYS[0], DAYS[-1])
_SINGLE = DAILY.replace("partitions:", "backfill: single_run\npartitions:")
_FAILING = DAILY.replace("select order_date, amount", "select order_date, 100 / (amount - 10) as amount")
_AFTER = DAILY.replace("from orders", "from daily")


class _Silent:
    def on_selected(self, views: tuple[str, ...]) -> None:
        """Nothing."""

    def on_order(self, line: str) -> None:
        """Nothing."""

    def on_start(self, view: str) -> None:
        """Nothing."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        """Nothing."""


def _run(root: Path, asked: PartitionRange | None, selection: str | None = None) -> tuple[RunReport, ...]:
    return run_partitions(plan_of(root), selection, asked, _Silent())


def _one(key: str) -> PartitionRange:
    return PartitionRange(key, key)


def _published(root: Path) -> dict[str, int]:
    """The rows of each published partition of ``daily``."""
    project = plan_of(root).project
    partitions = project.views["daily"].partitions
    assert partitions is not None
    found = Warehouse.of(project).published("daily", partitions)
    return {key: publication.rows for key, publication in found.items()}


def _materialised(root: Path, view: str) -> list[tuple[str | None, Any]]:
    """The partition and the rows of each materialisation of a view, in order."""
    with open_instance(root) as instance:
        records = instance.fetch_materializations(dg.AssetKey(view), limit=100, ascending=True).records
    found = []
    for record in records:
        materialization = record.asset_materialization
        assert materialization is not None
        key = "dagster/row_count" if materialization.partition is None else "dagster/partition_row_count"
        found.append((materialization.partition, materialization.metadata[key].value))
    return found


def test_one_partition_is_one_run_with_what_reads_it(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    (report,) = _run(root, _one("2024-03-01"))
    assert report.success
    assert {view: outcome.rows for view, outcome in report.views.items()} == {"daily": 2, "whole": 1}
    assert _materialised(root, "daily") == [("2024-03-01", 2)]
    assert _materialised(root, "whole") == [(None, 1)]
    with open_instance(root) as instance:
        run = instance.get_run_by_id(report.run_id)
        assert run is not None
        assert run.tags["dagster/partition"] == "2024-03-01"


def test_a_range_takes_a_run_for_each_partition_and_one_for_what_reads_them(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE})
    reports = _run(root, _ALL)
    assert [str(report.partitions) for report in reports] == [*DAYS, "None"]
    assert len({report.run_id for report in reports}) == 5
    assert _published(root) == {"2024-02-27": 2, "2024-02-28": 1, "2024-02-29": 0, "2024-03-01": 2}
    assert _materialised(root, "daily") == [(day, _published(root)[day]) for day in DAYS]
    assert _materialised(root, "whole") == [(None, 1)]


def test_a_range_takes_one_run_where_that_is_asked_for(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE}, _SINGLE)
    (report,) = _run(root, _ALL)
    assert report.success
    assert {view: outcome.rows for view, outcome in report.views.items()} == {"daily": 5, "whole": 1}
    assert _materialised(root, "daily") == [(day, _published(root)[day]) for day in DAYS]


@pytest.mark.parametrize(
    "daily", [_FAILING, _FAILING.replace("partitions:", "backfill: single_run\npartitions:")]
)
def test_a_partition_that_fails_leaves_the_others(tmp_path: Path, daily: str) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE}, daily)
    reports = _run(root, _ALL)
    others = [day for day in DAYS if day != "2024-02-28"]
    assert list(_published(root)) == others
    assert [key for key, _ in _materialised(root, "daily")] == others
    errors = [outcome.error for report in reports for outcome in report.views.values() if outcome.error]
    assert len(errors) == 2  # of the view that failed, and of the one that waited for it
    assert "Divide by zero" in errors[0]
    assert reports[-1].views["whole"].state == "skipped"
    assert _materialised(root, "whole") == []


def test_a_single_run_says_how_many_partitions_failed(tmp_path: Path) -> None:
    root = write_daily(tmp_path, daily=_FAILING.replace("partitions:", "backfill: single_run\npartitions:"))
    (report,) = _run(root, _ALL)
    error = report.views["daily"].error
    assert error is not None
    assert error.startswith("1 of 4 partitions failed, the others are published.\n")


def test_a_run_is_recorded_with_its_partition(tmp_path: Path) -> None:
    root = write_daily(tmp_path, daily=_SINGLE)
    _run(root, PartitionRange(DAYS[0], DAYS[1]))
    store = open_store(plan_of(root).project.store)
    try:
        assert sorted(store.runs("daily")["partition_key"]) == list(DAYS[:2])
    finally:
        store.close()


def test_a_run_in_dagster_without_a_partition_says_which_there_are(tmp_path: Path) -> None:
    definitions = project_definitions(plan_of(write_daily(tmp_path)))
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "none is asked for" in str(failure.step_failure_data)
    assert "the first is 2024-02-27, the last that is over is 2024-03-01" in str(failure.step_failure_data)


def test_assets_have_partitions_mappings_and_a_backfill_policy(tmp_path: Path) -> None:
    root = write_daily(tmp_path, {"whole": WHOLE, "after": _AFTER}, _SINGLE)
    graph = project_definitions(plan_of(root)).resolve_asset_graph()
    daily, after, whole = (graph.get(dg.AssetKey(view)) for view in ("daily", "after", "whole"))
    assert daily.partitions_def is not None
    assert daily.partitions_def.get_partition_keys() == list(DAYS)
    assert daily.backfill_policy == dg.BackfillPolicy.single_run()
    assert after.backfill_policy == dg.BackfillPolicy.multi_run()
    assert isinstance(after.partition_mappings[daily.key], dg.TimeWindowPartitionMapping)
    assert (whole.partitions_def, whole.backfill_policy) == (None, None)
    assert isinstance(whole.partition_mappings[daily.key], dg.AllPartitionMapping)


def _planned(plan: ProjectPlan, asked: PartitionRange | None, *views: str) -> list[tuple[set[str], str]]:
    runs = planned_runs(plan, views or plan.all_views, asked, _NOW)
    return [(set(run.views), str(run.partitions)) for run in runs]


def test_what_comes_before_and_behind_a_range(tmp_path: Path) -> None:
    views = {
        "prepared": "select order_date, amount from orders",
        "other": "select 1 as a",
        "whole": WHOLE,
        "last": "select orders from whole",
    }
    plan = plan_of(write_daily(tmp_path, views, DAILY.replace("from orders", "from prepared")))
    asked = PartitionRange(DAYS[0], DAYS[1])
    assert _planned(plan, asked) == [
        ({"prepared", "other"}, "None"),
        ({"daily"}, DAYS[0]),
        ({"daily"}, DAYS[1]),
        ({"whole", "last"}, "None"),
    ]
    assert _planned(plan, asked, "daily") == [({"daily"}, DAYS[0]), ({"daily"}, DAYS[1])]
    assert _planned(plan, _one(DAYS[0])) == [(set(plan.all_views), DAYS[0])]
    assert _planned(plan, None, "prepared", "other") == [({"prepared", "other"}, "None")]


@pytest.mark.parametrize(
    ("selected", "asked", "cause", "next_step"),
    [
        (
            ("daily",),
            None,
            "it has partitions (every day), and none is asked for",
            "Add --partition KEY or --partition-range FIRST..LAST: the first is 2024-02-27, the last that is "
            "over is 2024-03-01.",
        ),
        (("whole",), _one(DAYS[0]), "no view of the selection has partitions", "Run it without a partition."),
        (
            ("daily",),
            _one("2024-02-30"),
            "there is no such partition (every day)",
            "Choose another one: the first is 2024-02-27, the last that is over is 2024-03-01.",
        ),
        (
            ("daily",),
            PartitionRange(DAYS[1], DAYS[0]),
            "2024-02-27 comes before 2024-02-28",
            "Write it as 2024-02-27..2024-02-28.",
        ),
        (
            ("daily", "monthly"),
            _one(DAYS[0]),
            "the views have different partitions: every day: daily; every month: monthly",
            "Select views of the same partitions: from, to and timezone are a part of them.",
        ),
        (
            ("daily", "whole", "again"),
            _ALL,
            "again reads a view without partitions that reads partitioned ones of this selection: a range in "
            "several runs has no place for it",
            "Run the range for what is upstream of it first, then for the rest; or declare backfill: "
            "single_run for all views with partitions.",
        ),
    ],
)
def test_partitions_that_cannot_be_run(
    tmp_path: Path,
    selected: tuple[str, ...],
    asked: PartitionRange | None,
    cause: str,
    next_step: str,
) -> None:
    monthly = _AFTER.replace("every: day, from: 2024-02-27, to: 2024-03-02", "every: month, from: 2024-02-01")
    again = DAILY.replace("amount from orders", "orders from orders cross join whole")
    plan = plan_of(write_daily(tmp_path, {"whole": WHOLE, "monthly": monthly, "again": again}))
    with pytest.raises(InputError) as raised:
        planned_runs(plan, selected, asked, _NOW)
    assert (raised.value.cause, raised.value.next_step) == (cause, next_step)


def test_the_tags_of_a_run_are_those_of_dagster() -> None:
    views = frozenset({"daily"})
    expected: list[tuple[PartitionRange | None, Mapping[str, str]]] = [
        (None, {}),
        (_one(DAYS[0]), {"dagster/partition": DAYS[0]}),
        (
            _ALL,
            {
                "dagster/asset_partition_range_start": DAYS[0],
                "dagster/asset_partition_range_end": DAYS[-1],
            },
        ),
    ]
    for asked, tags in expected:
        assert PlannedRun(views, asked).tags == tags


def test_a_schedule_runs_the_last_partition_of_each_kind(tmp_path: Path) -> None:
    monthly = _AFTER.replace("every: day, from: 2024-02-27, to: 2024-03-02", "every: month, from: 2024-02-01")
    root = write_daily(tmp_path, {"whole": WHOLE, "monthly": monthly})
    settings = json.loads((root / "dfplan.yaml").read_text())
    settings["schedules"] = {"nightly": {"cron": "0 3 * * *"}}
    (root / "dfplan.yaml").write_text(json.dumps(settings))
    definitions = project_definitions(plan_of(root))
    dg.Definitions.validate_loadable(definitions)
    repository = definitions.get_repository_def()

    def requests(when: datetime) -> list[tuple[set[str], str | None]]:
        context = dg.build_schedule_context(scheduled_execution_time=when, repository_def=repository)
        tick = definitions.resolve_schedule_def("nightly").evaluate_tick(context)
        return [
            ({key.to_user_string() for key in request.asset_selection or ()}, request.partition_key)
            for request in tick.run_requests or ()
        ]

    assert requests(datetime(2024, 4, 2, 3, tzinfo=timezone.utc)) == [
        ({"daily", "whole"}, "2024-03-01"),
        ({"monthly"}, "2024-03-01"),
    ]
    assert requests(datetime(2024, 2, 29, 3, tzinfo=timezone.utc)) == [({"daily", "whole"}, "2024-02-28")]
    assert requests(datetime(2024, 2, 1, 3, tzinfo=timezone.utc)) == [({"whole"}, None)]
