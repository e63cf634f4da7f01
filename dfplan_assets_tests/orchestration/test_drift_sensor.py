"""The drift sensor: one run of what is stale, none twice for one change, and a reason where there is none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.snap import snapshot_from_execution_plan
from dagster._core.storage.tags import RUN_KEY_TAG
from dagster._core.test_utils import create_run_for_test

from dfplan_assets.errors import InputError
from dfplan_assets.golden.update import update
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
from dfplan_assets.orchestration.runs_under_way import CHANGE_TAG
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project import load_project
from dfplan_assets_tests.partitioned import DAILY, DAYS, WHOLE, write_daily
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

_REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("shop"), "__repository__")
REVENUE = "marts/revenue.sql"


class World:
    """A shop under a sensor, of which nothing ever ran. Its clock begins with that of the machine."""

    def __init__(self, shop: Path, instance: dg.DagsterInstance) -> None:
        self.shop = shop
        self.instance = instance
        self.passed_seconds = 0.0
        self.loaded: ProjectPlan = plan_of(shop)
        self.load()

    def load(self) -> None:
        """What reloading the code location does."""
        self.loaded = plan_of(self.shop)
        self.sensor = build_drift_sensor(self.loaded, clock=self._now)

    def tick(self) -> dg.RunRequest | str:
        """The run that a tick asks for, or why it asks for none. Nothing but the instance outlives a tick."""
        with dg.build_sensor_context(instance=self.instance) as context:
            result = self.sensor.evaluate_tick(context)
        assert result.cursor is None
        requests = result.run_requests or []
        assert len(requests) <= 1
        return requests[0] if requests else str(result.skip_message)

    def requested(self) -> dg.RunRequest:
        request = self.tick()
        assert isinstance(request, dg.RunRequest), request
        return request

    def skipped(self) -> str:
        reason = self.tick()
        assert isinstance(reason, str), reason
        return reason

    def run(self, request: dg.RunRequest) -> bool:
        """What the daemon makes of a request, here and now, with the definitions as they are on the disk."""
        job = project_definitions(plan_of(self.shop)).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=self.instance,
            asset_selection=request.asset_selection,
            tags={**request.tags, RUN_KEY_TAG: str(request.run_key)},
            raise_on_error=False,
        )
        return result.success

    def leave_run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """A run as the daemon made it of a request, that got as far as this and no further."""
        run: dg.DagsterRun = create_run_for_test(
            self.instance,
            status=status,
            tags={**request.tags, RUN_KEY_TAG: str(request.run_key)},
            asset_selection=frozenset(request.asset_selection or ()),
            remote_job_origin=_REPOSITORY.get_job_origin("__ASSET_JOB"),
        )
        return run

    def fail(self, request: dg.RunRequest) -> dg.DagsterRun:
        run = self.leave_run(request, dg.DagsterRunStatus.STARTED)
        self.instance.report_run_failed(run)
        return run

    def rewrite(self, old: str, new: str, file: str = REVENUE) -> None:
        path = self.shop / "views" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def write_orders(self, *prices: float) -> None:
        count = len(prices)
        orders = {"id": list(range(count)), "price": list(prices), "nation_key": [1] * count}
        pq.write_table(pa.table(orders), self.shop / "data/orders.parquet")

    def _now(self) -> float:
        runs = self.instance.get_run_records(dg.RunsFilter())
        ends = [each.end_time for each in runs if each.end_time is not None]
        return max(ends, default=0.0) + self.passed_seconds


@pytest.fixture
def new_world(tmp_path: Path) -> World:
    return World(write_shop(tmp_path), dg.DagsterInstance.ephemeral())


@pytest.fixture
def world(new_world: World) -> World:
    """A shop of which everything ran."""
    assert new_world.run(new_world.requested())
    return new_world


def views_of(request: dg.RunRequest) -> list[str]:
    return [key.to_user_string() for key in request.asset_selection or ()]


def partition_of(request: dg.RunRequest) -> str | None:
    return request.tags.get("dagster/partition")


def test_what_never_ran_runs_as_one_run_upstream_first(new_world: World) -> None:
    request = new_world.requested()
    assert sorted(views_of(request)) == ["best", "mart/cheap", "revenue"]
    assert views_of(request).index("revenue") < views_of(request).index("best")
    assert request.tags["dfplan/stale"] == "true"


def test_nothing_runs_where_nothing_changed(world: World) -> None:
    assert world.skipped() == "Nothing is stale: all 3 views are what running them would give."


def test_a_changed_source_runs_what_reads_it_and_all_behind(world: World) -> None:
    nation = world.shop / "data/nation.csv"
    nation.write_text("key,name\n1,FR\n2,DE\n3,IT\n", encoding="utf-8")
    request = world.requested()
    assert views_of(request) == ["revenue", "best"]
    assert world.run(request)
    assert "Nothing is stale" in world.skipped()


def test_a_changed_meaning_on_the_disk_runs_without_a_reload(world: World) -> None:
    world.rewrite("select id, price", "select id, price * 2 as price", "staging/mart.cheap.sql")
    request = world.requested()
    assert views_of(request) == ["mart/cheap"]
    assert world.run(request)
    assert "Nothing is stale" in world.skipped()


def test_a_comment_runs_nothing(world: World) -> None:
    world.rewrite("select n.name", "-- by nation\nselect   n.name")
    assert "Nothing is stale" in world.skipped()


def test_a_result_that_is_gone_is_made_again(world: World) -> None:
    shutil.rmtree(world.shop / "warehouse/revenue")
    assert views_of(world.requested()) == ["revenue", "best"]


def test_two_ticks_ask_for_the_same_run(world: World) -> None:
    world.write_orders(1.0)
    assert world.requested().run_key == world.requested().run_key


def test_each_change_asks_for_a_run_of_its_own(world: World) -> None:
    world.write_orders(1.0)
    first = world.requested().run_key
    world.write_orders(1.0, 2.0)
    assert world.requested().run_key != first


def test_a_change_that_comes_back_asks_for_a_run_of_its_own(world: World) -> None:
    keys = []
    for old, new in (("sum(o.price)", "avg(o.price)"), ("avg(o.price)", "sum(o.price)")) * 2:
        world.rewrite(old, new)
        request = world.requested()
        keys.append(request.run_key)
        assert world.run(request)
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_a_run_under_way_for_the_same_change_is_waited_for(world: World, status: dg.DagsterRunStatus) -> None:
    world.write_orders(1.0)
    run = world.leave_run(world.requested(), status)
    assert f"Run {run.run_id} is {status.value.lower()} and makes views that are stale" in world.skipped()


def test_a_run_that_somebody_started_is_waited_for_where_it_makes_what_is_stale(world: World) -> None:
    world.write_orders(1.0)
    run = create_run_for_test(
        world.instance,
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey("best")}),
    )
    assert run.run_id in world.skipped()


def test_a_run_of_other_views_is_not_waited_for(world: World) -> None:
    (world.shop / "data/nation.csv").write_text("key,name\n1,IT\n", encoding="utf-8")
    create_run_for_test(
        world.instance,
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey(["mart", "cheap"])}),
    )
    assert views_of(world.requested()) == ["revenue", "best"]


@pytest.mark.parametrize(("job", "waits"), [("everything", True), ("something_else", False)])
def test_a_run_of_a_whole_job_is_waited_for_where_it_makes_what_is_stale(
    world: World, job: str, waits: bool
) -> None:
    @dg.job
    def something_else() -> None:
        dg.op(name="other")(lambda: None)()

    everything = project_definitions(world.loaded).resolve_implicit_global_asset_job_def()
    definition = {"everything": everything, "something_else": something_else}[job]
    plan = create_execution_plan(definition)
    world.write_orders(1.0)
    run = create_run_for_test(
        world.instance,
        status=dg.DagsterRunStatus.STARTED,
        job_snapshot=definition.get_job_snapshot(),
        execution_plan_snapshot=snapshot_from_execution_plan(plan, definition.get_job_snapshot_id()),
    )
    assert (run.run_id in str(world.tick())) == waits


def test_a_run_that_the_daemon_created_and_did_not_submit_is_asked_for_again(world: World) -> None:
    world.write_orders(1.0)
    request = world.requested()
    world.leave_run(request, dg.DagsterRunStatus.NOT_STARTED)
    assert world.requested().run_key == request.run_key


def test_a_failed_run_is_tried_again_later_and_later(world: World) -> None:
    world.write_orders(1.0)
    first = world.requested()
    failed = world.fail(first)
    assert f"Run {failed.run_id} for this change failed (1 so far); the next attempt is in 60 s" in (
        world.skipped()
    )
    assert "revenue: orders.parquet changed" in world.skipped()
    world.passed_seconds = 60
    second = world.requested()
    assert second.run_key not in (None, first.run_key)
    world.fail(second)
    assert "failed (2 so far); the next attempt is in 60 s" in world.skipped()
    world.passed_seconds = 119
    assert isinstance(world.tick(), str)
    world.passed_seconds = 120
    third = world.requested()
    assert third.run_key not in (first.run_key, second.run_key)
    assert world.run(third)
    assert "Nothing is stale" in world.skipped()


def test_a_failing_run_is_tried_once_an_hour_in_the_end(world: World) -> None:
    world.write_orders(1.0)
    for _ in range(8):
        world.passed_seconds = 3600
        world.fail(world.requested())
    world.passed_seconds = 3599
    assert "the next attempt is in 1 s" in world.skipped()


def test_another_change_does_not_wait_for_the_failed_one(world: World) -> None:
    world.write_orders(1.0)
    world.fail(world.requested())
    world.write_orders(1.0, 2.0)
    assert "revenue" in views_of(world.requested())


def test_a_failed_view_is_told_from_those_that_ran(world: World) -> None:
    world.write_orders(1.0)
    world.rewrite("order by total", "where 1 / (octet_length(name) - 2) > 0 order by total", "marts/best.sql")
    request = world.requested()
    assert not world.run(request)
    # The others made it. What is left is another change, tried at once and then later and later.
    left = world.requested()
    assert views_of(left) == ["best"]
    assert left.tags[CHANGE_TAG] != request.tags[CHANGE_TAG]
    assert not world.run(left)
    assert "the next attempt is in 60 s. Still stale: best: " in world.skipped()


def test_a_clock_that_goes_back_keeps_nothing_waiting(world: World) -> None:
    world.write_orders(1.0)
    world.fail(world.requested())
    world.passed_seconds = -86_400
    assert "revenue" in views_of(world.requested())


def test_a_source_whose_clock_goes_back_has_changed(world: World) -> None:
    orders = world.shop / "data/orders.parquet"
    stat = orders.stat()
    os.utime(orders, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**15))
    assert "revenue" in views_of(world.requested())


def test_a_cancelled_run_is_not_asked_for_again(world: World) -> None:
    world.write_orders(1.0)
    run = world.leave_run(world.requested(), dg.DagsterRunStatus.STARTED)
    world.instance.report_run_canceled(run)
    world.passed_seconds = 86_400
    assert f"Run {run.run_id} for this change was cancelled. Still stale: mart.cheap: orders" in (
        world.skipped()
    )


def test_a_run_that_changed_nothing_is_not_asked_for_again(world: World) -> None:
    world.write_orders(1.0)
    run = world.leave_run(world.requested(), dg.DagsterRunStatus.SUCCESS)
    assert f"Run {run.run_id} for this change succeeded, and yet these are stale" in world.skipped()


def test_a_run_that_dagster_will_retry_is_left_to_it(world: World) -> None:
    world.write_orders(1.0)
    run = world.fail(world.requested())
    world.instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    world.passed_seconds = 86_400
    assert world.skipped() == f"Run {run.run_id} failed, and Dagster will retry it."


@pytest.mark.parametrize(
    ("file", "text", "difference"),
    [
        ("new.sql", "select 1 as one", "new is new"),
        ("marts/best.sql", "select id from orders", "best reads other tables"),
        ("marts/best.sql", None, "best is gone"),
        ("marts/best.sql", "/* ---\nmaterialized: view\n--- */ select name from revenue", "best is no"),
    ],
)
def test_another_graph_on_the_disk_asks_for_a_reload(
    world: World, file: str, text: str | None, difference: str
) -> None:
    path = world.shop / "views" / file
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    reason = world.skipped()
    assert difference in reason
    assert reason.endswith("Reload the code location.")
    world.load()
    assert "Reload" not in str(world.tick())


def test_a_query_that_cannot_be_planned_is_the_error_of_the_tick(world: World) -> None:
    world.rewrite("sum(o.price)", "sum(o.prise)")
    with pytest.raises(InputError, match=r"revenue.sql \(view revenue\)"):
        world.tick()


def test_a_view_that_is_never_up_to_date_waits_for_a_change_of_another(tmp_path: Path) -> None:
    world = World(write_shop(tmp_path, clock="select now() as at"), dg.DagsterInstance.ephemeral())
    assert world.run(world.requested())
    assert world.skipped() == (
        "Nothing changed. What is never up to date waits for a change or a schedule: "
        "clock: uses now(): never up to date."
    )
    (world.shop / "data/nation.csv").write_text("key,name\n1,IT\n", encoding="utf-8")
    assert sorted(views_of(world.requested())) == ["best", "clock", "revenue"]


def test_a_view_that_is_never_up_to_date_runs_where_it_never_ran(tmp_path: Path) -> None:
    write_project(tmp_path, {"clock.sql": "select now() as at"})
    assert views_of(World(tmp_path, dg.DagsterInstance.ephemeral()).requested()) == ["clock"]


def test_a_source_that_cannot_be_asked_is_said_and_runs_nothing(tmp_path: Path) -> None:
    source = {"path": "data/a.csv", "data_version": "latest_version:latest"}
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "data/version").write_text("1", encoding="utf-8")
    (tmp_path / "latest_version.py").write_text(
        "from pathlib import Path\n\n"
        "def latest(source):\n    return (Path(source.path).parent / 'version').read_text()\n"
    )
    folder = write_project(tmp_path, {"one.sql": "select id from a"}, {"a": source})
    world = World(folder, dg.DagsterInstance.ephemeral())
    assert world.run(world.requested())
    (tmp_path / "data/version").unlink()
    assert "one: whether a changed cannot be told: latest_version:latest failed: FileNotFoundError" in (
        world.skipped()
    )
    (tmp_path / "data/version").write_text("1", encoding="utf-8")
    assert "Nothing is stale" in world.skipped()


def test_a_view_that_is_not_stored_never_runs_but_lets_a_change_through(tmp_path: Path) -> None:
    text = "/* ---\nmaterialized: view\n--- */ select price from orders"
    world = World(
        write_shop(tmp_path, prices=text, most="select max(price) as most from prices"),
        dg.DagsterInstance.ephemeral(),
    )
    assert world.run(world.requested())
    world.write_orders(1.0)
    assert sorted(views_of(world.requested())) == ["best", "mart/cheap", "most", "revenue"]


def test_the_sensor_is_part_of_the_definitions_and_off(world: World) -> None:
    sensor = project_definitions(world.loaded).get_sensor_def("dfplan_drift")
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 60


def test_what_a_blocking_check_stopped_waits_until_the_check_passes(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    file = shop / "dfplan.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "checks": {"plan_drift": "block"}}))
    update(load_project(shop))
    world = World(shop, dg.DagsterInstance.ephemeral())
    assert world.run(world.requested())
    world.rewrite("sum(o.price)", "avg(o.price)")
    stopped = world.requested()
    assert views_of(stopped) == ["revenue", "best"]
    assert not world.run(stopped)
    assert world.skipped() == (
        "What is stale waits, since what it reads did not pass check plan_drift of revenue: best. "
        "When that is in order, run the view with the check again."
    )
    # Others do not wait with it.
    world.rewrite("price < 25", "price < 5", "staging/mart.cheap.sql")
    update(load_project(shop))
    assert views_of(world.requested()) == ["mart/cheap"]
    assert world.run(world.requested())
    assert world.run(dg.RunRequest(run_key="by hand", asset_selection=[dg.AssetKey("revenue")]))
    assert views_of(world.requested()) == ["best"]


class Days(World):
    """The view ``daily`` under a sensor, of which one day was made; a tick may ask for several runs."""

    def __init__(self, folder: Path, first_day: str = DAYS[0], **views: str) -> None:
        super().__init__(write_daily(folder, views), dg.DagsterInstance.ephemeral())
        self.make(first_day)

    def make(self, day: str) -> None:
        job = project_definitions(self.loaded).resolve_implicit_global_asset_job_def()
        asked = [dg.AssetKey("daily")]
        assert job.execute_in_process(
            instance=self.instance, asset_selection=asked, partition_key=day
        ).success

    def requests(self) -> list[tuple[list[str], str | None]]:
        """The views and the partition of each run that a tick asks for."""
        return [(views_of(each), partition_of(each)) for each in self.all_requested()]

    def all_requested(self) -> list[dg.RunRequest]:
        with dg.build_sensor_context(instance=self.instance) as context:
            return list(self.sensor.evaluate_tick(context).run_requests or ())


def test_what_never_had_a_partition_is_left_to_a_backfill_and_what_reads_it_waits(tmp_path: Path) -> None:
    views = {"whole": WHOLE, "other": "select max(amount) as most from orders"}
    world = World(write_daily(tmp_path, views), dg.DagsterInstance.ephemeral())
    assert views_of(world.requested()) == ["other"]
    assert world.run(world.requested())
    assert world.skipped() == (
        "Nothing that can run is stale. What waits for a backfill: daily: never ran: start with a backfill "
        "of some of its 4 partitions."
    )


def test_stale_partitions_have_a_run_each_and_then_what_reads_them(tmp_path: Path) -> None:
    world = Days(tmp_path, DAYS[1], whole=WHOLE)
    asked = world.all_requested()
    assert [(views_of(each), partition_of(each)) for each in asked] == [
        (["daily"], DAYS[2]),
        (["daily"], DAYS[3]),
    ]
    assert len({each.run_key for each in asked}) == 2
    assert [each.run_key for each in world.all_requested()] == [each.run_key for each in asked]
    assert world.run(asked[0])
    assert world.run(asked[1])
    assert world.requests() == [(["whole"], None)]
    assert world.run(world.requested())
    assert "Nothing is stale: all 2 views" in world.skipped()


def test_one_stale_partition_and_what_reads_it_are_one_run(tmp_path: Path) -> None:
    world = Days(tmp_path, DAYS[2], whole=WHOLE)
    assert world.requests() == [(["daily", "whole"], DAYS[3])]
    assert world.run(world.requested())
    assert "Nothing is stale" in world.skipped()


def test_partitions_of_a_single_run_are_asked_for_as_a_range(tmp_path: Path) -> None:
    single = DAILY.replace("partitions:", "backfill: single_run\npartitions:")
    world = Days(tmp_path, whole=WHOLE, daily=single)
    request = world.requested()
    assert views_of(request) == ["daily", "whole"]
    assert request.tags["dagster/asset_partition_range_start"] == DAYS[1]
    assert request.tags["dagster/asset_partition_range_end"] == DAYS[3]
    assert world.run(request)
    assert "Nothing is stale" in world.skipped()


def test_a_partition_that_is_being_made_is_waited_for_and_others_are_not(tmp_path: Path) -> None:
    world = Days(tmp_path)
    first, *others = world.all_requested()
    run = world.leave_run(first, dg.DagsterRunStatus.STARTED)
    assert [each.run_key for each in world.all_requested()] == [each.run_key for each in others]
    for each in others:
        world.leave_run(each, dg.DagsterRunStatus.QUEUED)
    assert world.skipped().startswith(f"Run {run.run_id} is started and makes views that are stale: waiting")


def test_a_tick_asks_for_so_many_runs_at_most_and_says_how_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfplan_assets.orchestration.drift_sensor.MOST_RUNS", 2)
    world = Days(tmp_path)
    assert [day for _, day in world.requests()] == [DAYS[1], DAYS[2]]
    for each in world.all_requested():
        world.leave_run(each, dg.DagsterRunStatus.QUEUED)
    assert world.skipped().endswith(" 2 more runs wait.")


def test_a_partition_that_failed_is_tried_again_later_and_the_others_at_once(tmp_path: Path) -> None:
    world = Days(tmp_path)
    world.fail(world.all_requested()[0])
    assert [day for _, day in world.requests()] == [DAYS[2], DAYS[3]]
    for request in world.all_requested():
        assert world.run(request)
    assert f"Still stale: daily {DAYS[1]}: never ran." in world.skipped()
    world.passed_seconds = 60
    assert world.requests() == [(["daily"], DAYS[1])]


def test_partitions_of_a_backfill_are_left_to_it(tmp_path: Path) -> None:
    world = Days(tmp_path)
    graph = project_definitions(world.loaded).resolve_asset_graph()
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="monthly_repair",
        asset_graph=graph,
        partition_names=[DAYS[2]],
        asset_selection=[dg.AssetKey("daily")],
        backfill_timestamp=1_717_200_000.0,  # in 2024, when its partitions are over
        tags={},
        dynamic_partitions_store=world.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    world.instance.add_backfill(backfill)
    assert world.skipped() == "Backfill monthly_repair makes partitions of daily. 2 more runs wait."
    world.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_SUCCESS))
    assert len(world.all_requested()) == 3
