from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest

from dfplan_assets.forecast.comparison import Ran, compare
from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.markdown import stored_bytes
from dfplan_assets.orchestration.measured_order import MeasuredOrder, orderer_of
from dfplan_assets.orchestration.order_events import is_of_order, order_metadata, outcome_metadata
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES
from dfplan_assets.orchestration.run_order import OrderKind, RunOrder, StepTiming
from dfplan_assets.orchestration.run_report import ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.scheduling.model import Slot
from dfplan_assets.store import open_store
from dfplan_assets_tests.run_history import put_history
from dfplan_assets_tests.schedules import schedule_of
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

# Of different meaning, since runs of equal queries tell of each other.
INDEPENDENT = {f"{name}.sql": f"select '{name}' as name" for name in ("a", "b", "c", "d")}


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfplan_assets.forecast.prediction.usable_cores", lambda: 4)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def job_of(plan: ProjectPlan, *others: dg.AssetsDefinition) -> dg.JobDefinition:
    definitions = dg.Definitions.merge(
        run_definitions(plan, DfplanTranslator()), dg.Definitions(assets=others)
    )
    return definitions.resolve_implicit_global_asset_job_def()


@dataclass
class Asked:
    """An orderer that was asked for the order of all steps of a job."""

    orderer: MeasuredOrder
    run: dg.DagsterRun
    order: RunOrder

    @property
    def first_to_last(self) -> list[str]:
        return sorted(self.order.priorities, key=lambda step: -self.order.priorities[step])

    @property
    def reasons(self) -> str:
        return str(self.order.metadata["dfplan/reasons"].value)


def ask(
    plan: ProjectPlan,
    instance: dg.DagsterInstance,
    *others: dg.AssetsDefinition,
    kind: OrderKind = "measured",
    max_concurrent: int | None = 2,
) -> Asked:
    job = job_of(plan, *others)
    orderer = orderer_of(job, kind)
    assert orderer is not None
    run = dg.DagsterRun(job.name)
    steps = [node.name for node in job.nodes]
    return Asked(orderer, run, orderer.order(instance, run, job, steps, max_concurrent))


def test_the_longest_view_starts_first(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    put_history(plan, {"a": [1.0], "b": [8.0], "c": [4.0], "d": [2.0]})
    asked = ask(plan, instance)
    assert asked.first_to_last == ["b", "c", "d", "a"]
    assert "measured, 4 of 4 views have history" in asked.order.title
    assert "predicted 8.0 s on 2 workers" in asked.order.title


def test_what_a_long_view_waits_for_starts_before_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    views = {"a.sql": "select 1 as x", "b.sql": "select 2 as x", "long.sql": "select x from b"}
    plan = plan_of(write_project(tmp_path, views))
    put_history(plan, {"a": [5.0], "b": [0.1], "long": [9.0]})
    assert ask(plan, instance).first_to_last == ["b", "long", "a"]


def test_the_second_run_is_ordered_by_what_the_first_one_took(tmp_path: Path) -> None:
    folder = write_project(tmp_path, INDEPENDENT, scheduling={"max_concurrent": 1})
    first = Heard()
    run_views(plan_of(folder), None, first)
    assert "none of 4 views has history" in first.orders[0]
    plan = plan_of(folder)
    put_history(plan, {"a": [2.0] * 9, "b": [1.0] * 9, "c": [8.0] * 9, "d": [4.0] * 9})
    second = Heard()
    assert run_views(plan, None, second).success
    assert second.started == ["c", "d", "a", "b"]
    assert second.orders[0].startswith("order: measured, 4 of 4 views have history; critical path c 8.0 s;")
    # 15 s of the views, and what the steps of the first run took beside theirs.
    assert re.match(r"predicted \d+ s, took ", second.orders[-1])


def test_prediction_and_outcome_of_a_run_are_in_the_store(tmp_path: Path) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT, scheduling={"max_concurrent": 1}))
    put_history(plan, {"a": [2.0], "b": [1.0], "c": [8.0], "d": [4.0]})
    report = run_views(plan, None, Heard())
    with open_store(plan.project.store) as store:
        kept = store.schedule(report.run_id)
    assert kept is not None
    assert (kept.mode, kept.workers, kept.views) == ("measured", 1, 4)
    assert kept.predicted_makespan_seconds == pytest.approx(15.0)
    assert kept.actual_makespan_seconds is not None
    estimates = {each.view: (each.estimated_seconds, each.source) for each in kept.predictions}
    assert estimates["c"] == (8.0, "history n=1")
    assert all(each.actual_end_seconds is not None and each.attempt == 1 for each in kept.predictions)


def test_the_runs_page_shows_the_order_and_then_the_outcome(tmp_path: Path) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, {"revenue": [2.0]})
    report = run_views(plan, None, Heard())
    with dg.DagsterInstance.from_config(str(tmp_path / ".dfplan" / "dagster")) as instance:
        shown = [
            entry.dagster_event.engine_event_data.metadata
            for entry in instance.all_logs(report.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if entry.dagster_event is not None and is_of_order(entry.dagster_event.engine_event_data.metadata)
        ]
    before, after = shown
    table = str(before["dfplan/order"].value).splitlines()
    assert [cell.strip() for cell in table[0].split("|")][2:5] == ["step", "cost s", "spread s"]
    assert any("| revenue | 2.000 |" in line and "history n=1" in line for line in table)
    for image in (before["dfplan/predicted_timeline"], after["dfplan/timeline"]):
        assert str(image.value).startswith("![timeline](data:image/svg+xml;base64,")
    rows = str(after["dfplan/estimates"].value).splitlines()
    assert sorted(row.split("|")[1].strip() for row in rows[2:]) == ["best", "mart.cheap", "revenue"]


def test_checks_in_a_step_of_their_own_are_counted_apart_and_measured_too(tmp_path: Path) -> None:
    checks = "checks:\n  - relationships: {column: id, to: zlast, field: id}"
    views = {
        "first.sql": f"/* ---\n{checks}\n--- */\nselect 1 as id",
        "zlast.sql": "select 1 as id, 'z' as z",
    }
    folder = write_project(tmp_path, views, scheduling={"max_concurrent": 1})
    first, second = Heard(), Heard()
    report = run_views(plan_of(folder), None, first)
    assert run_views(plan_of(folder), None, second).success
    assert "none of 2 views and 1 other step has history" in first.orders[0]
    assert "2 of 2 views and 1 of 1 other step have history" in second.orders[0]
    with open_store(plan_of(folder).project.store) as store:
        kept = store.schedule(report.run_id)
    assert kept is not None
    assert {each.view for each in kept.predictions} == {"first", "zlast", "checks of first"}


@pytest.mark.parametrize(
    "seconds",
    [[], [3.0], [float("nan")], [-5.0], [float("inf")], [0.0], [1e300], [2.0, float("nan"), -1.0]],
    ids=["none", "one", "nan", "negative", "infinite", "zero", "beyond all ages", "some of each"],
)
def test_any_history_gives_an_order_with_a_reason_for_each_step(
    tmp_path: Path, instance: dg.DagsterInstance, seconds: list[float]
) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, {"revenue": seconds, "mart.cheap": [1.0]})
    asked = ask(plan, instance)
    assert asked.first_to_last.index("revenue") < asked.first_to_last.index("best")
    table = str(asked.order.metadata["dfplan/order"].value).splitlines()[2:]
    reasons = {row.split("|")[2].strip(): row.split("|")[-2].strip() for row in table}
    assert set(reasons) == {"revenue", "best", "mart.cheap"}
    assert all(reasons.values())


def test_a_view_that_never_ran_is_estimated_beside_those_that_did(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    put_history(plan, {"a": [1.0], "b": [8.0], "c": [4.0]})
    asked = ask(plan, instance)
    assert set(asked.first_to_last) == {"a", "b", "c", "d"}
    assert "3 of 4 views have history" in asked.order.title


def test_history_from_a_machine_of_other_cores_orders_this_one(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    put_history(plan, {"a": [1.0], "b": [8.0], "c": [4.0], "d": [2.0]}, cores=192)
    assert ask(plan, instance).first_to_last == ["b", "c", "d", "a"]


def test_the_authors_priority_outranks_every_measurement(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    views = {**INDEPENDENT, "d.sql": "/* ---\npriority: 7\n--- */ select 4 as four"}
    plan = plan_of(write_project(tmp_path, views))
    put_history(plan, {"a": [1.0], "b": [8.0], "c": [4.0], "d": [0.1]})
    asked = ask(plan, instance)
    assert asked.first_to_last == ["d", "b", "c", "a"]
    row = next(
        line for line in str(asked.order.metadata["dfplan/order"].value).splitlines() if "| d |" in line
    )
    assert "priority 7" in row


def test_a_single_view_has_an_order(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    asked = ask(plan_of(write_project(tmp_path, {"only.sql": "select 1 as one"})), instance)
    assert list(asked.order.priorities) == ["only"]


def test_step_keys_stand_for_views_whose_names_they_cannot_have(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, {"mart.cheap": [9.0], "revenue": [1.0], "best": [1.0]})
    asked = ask(plan, instance)
    assert set(asked.first_to_last) == set(op_names(plan.all_views).values())
    assert asked.first_to_last[0] == "mart__cheap"


def test_only_the_steps_of_the_run_are_ordered(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    plan = plan_of(write_shop(tmp_path))
    job = job_of(plan)
    orderer = orderer_of(job, "measured")
    assert orderer is not None
    order = orderer.order(instance, dg.DagsterRun(job.name), job, ["best"], 2)
    assert set(order.priorities) == {"best"}


def test_a_view_over_a_damaged_source_is_ordered_like_any_other(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    write_shop(tmp_path)
    (tmp_path / "data" / "orders.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    plan = plan_of(tmp_path)
    assert plan.unplanned
    assert set(ask(plan, instance).first_to_last) == set(op_names(plan.all_views).values())


def materialised(instance: dg.DagsterInstance, wall_seconds: Mapping[str, float]) -> None:
    for view, seconds in wall_seconds.items():
        metadata = {"dfplan/wall_seconds": dg.MetadataValue.float(seconds)}
        instance.report_runless_asset_event(dg.AssetMaterialization(view, metadata=metadata))


COSTS = {"a": 1.0, "b": 8.0, "c": 4.0, "d": 2.0}


def test_without_a_store_the_instance_says_what_views_took(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    materialised(instance, COSTS)
    asked = ask(plan, instance)
    assert asked.first_to_last == ["b", "c", "d", "a"]
    assert "There is no plan store yet." in asked.reasons
    assert "4 of 4 views have a materialisation in Dagster's instance" in asked.reasons


def test_a_store_that_cannot_be_read_is_named_and_the_instance_stands_in(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    store = tmp_path / ".dfplan" / "plans.db"
    store.parent.mkdir(exist_ok=True)
    store.write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    materialised(instance, COSTS)
    asked = ask(plan, instance)
    assert asked.first_to_last == ["b", "c", "d", "a"]
    assert "The plan store cannot be read" in asked.reasons
    assert "plans.db" in asked.reasons


def test_what_cannot_be_stored_after_a_run_is_shown_and_waits(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    store = tmp_path / ".dfplan" / "plans.db"
    store.parent.mkdir(exist_ok=True)
    store.write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    asked = ask(plan, instance)
    timings = [StepTiming(step, 0.0, 1.0, True, 1) for step in asked.first_to_last]
    outcome = asked.orderer.compare(instance, asked.run, timings)
    assert outcome is not None
    assert "waits in" in str(outcome.metadata["dfplan/store_failure"].value)
    assert len(list((tmp_path / ".dfplan" / "queue").iterdir())) == 1


def test_an_order_by_the_graph_alone_reads_no_history(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    plan = plan_of(write_shop(tmp_path))
    put_history(plan, {"mart.cheap": [100.0]})
    asked = ask(plan, instance, kind="static")
    assert asked.first_to_last[0] == "revenue"
    assert "by the graph alone" in asked.order.title
    assert "history" not in asked.order.title


def test_another_asset_is_a_step_with_the_time_it_took_before(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    @dg.asset
    def fetch() -> None:
        """Something that no view makes."""

    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    put_history(plan, {view: [seconds] for view, seconds in COSTS.items()})
    assert dg.materialize([fetch], instance=instance).success
    asked = ask(plan, instance, fetch)
    assert set(asked.first_to_last) == {*COSTS, "fetch"}
    row = next(
        line for line in str(asked.order.metadata["dfplan/order"].value).splitlines() if "| fetch |" in line
    )
    assert "history n=1" in row


def test_a_view_waits_for_the_asset_that_makes_its_source(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_shop(tmp_path))

    @dg.asset(deps=[dg.AssetKey("revenue")])
    def report() -> None:
        """Reads a view, and takes long."""

    put_history(plan, {"revenue": [1.0], "best": [1.0], "mart.cheap": [3.0]})
    asked = ask(plan, instance, report)
    assert asked.first_to_last.index("revenue") < asked.first_to_last.index("report")


def test_a_job_without_views_has_no_orderer() -> None:
    @dg.asset
    def fetch() -> None:
        """Something that no view makes."""

    job = dg.Definitions([fetch]).resolve_implicit_global_asset_job_def()
    assert orderer_of(job, "measured") is None


def test_a_run_without_an_order_has_nothing_to_compare(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    asked = ask(plan_of(write_project(tmp_path, INDEPENDENT)), instance)
    assert asked.orderer.compare(instance, dg.DagsterRun("another"), []) is None


def test_the_page_of_a_large_run_is_small_and_says_what_it_leaves_out() -> None:
    slots = [Slot(f"a_view_with_a_long_name_{n:04}", n % 4, n // 4 * 1.0, n // 4 + 1.0) for n in range(1_500)]
    ran = [Ran(slot.name, slot.start_seconds, slot.end_seconds, True) for slot in slots]
    schedule = schedule_of(slots, workers=4, reason="12 s from its start to the end of the run → it is →" * 3)
    before = order_metadata(schedule, ["a note"] * 5)
    after = outcome_metadata(schedule, compare(schedule, ran), ran)
    for metadata, what in ((before, "dfplan/order"), (after, "dfplan/estimates")):
        size = sum(stored_bytes(str(value.value)) for value in metadata.values())
        assert size < EVENT_LIMIT_BYTES
        assert "of 1,500" in str(metadata[what].value)


@dataclass
class Heard:
    """A listener that keeps the order in which views start, and what it is told of it."""

    started: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    def on_selected(self, views: tuple[str, ...]) -> None:
        """Not of interest."""

    def on_order(self, line: str) -> None:
        self.orders.append(line)

    def on_start(self, view: str) -> None:
        self.started.append(view)

    def on_outcome(self, outcome: ViewOutcome) -> None:
        """Not of interest."""


def test_without_scheduling_nothing_is_said_or_kept(tmp_path: Path) -> None:
    plan = plan_of(write_project(tmp_path, INDEPENDENT))
    settings = replace(plan.project.scheduling, order="off")
    heard = Heard()
    report = run_views(replace(plan, project=replace(plan.project, scheduling=settings)), None, heard)
    assert report.success
    assert heard.orders == []
    with open_store(plan.project.store) as store:
        assert store.latest_schedule() is None
