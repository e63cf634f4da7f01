from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.job_execution_result import JobExecutionResult
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode

from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.executor import build_executor, dfplan_executor, with_measured_priorities
from dfplan_assets.orchestration.run_order import Orderer, OrderKind
from dfplan_assets.orchestration.run_report import ViewOutcome
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.orchestration.view_steps import view_steps
from dfplan_assets.project.model import Scheduling
from dfplan_assets_tests.orchestration.jobs import WAIT_SECONDS, ListedOrderer, Notes, run_job, states
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop

notes = Notes()
threads = Notes()
orderer = ListedOrderer()
asked_for: list[OrderKind] = []


def find_orderer(job: dg.JobDefinition, kind: OrderKind) -> Orderer | None:
    """The orderer that the test at hand has made."""
    asked_for.append(kind)
    return orderer


@pytest.fixture(autouse=True)
def _fresh() -> None:
    for kept in (notes.lines, threads.lines, asked_for):
        kept.clear()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def use(**options: Any) -> ListedOrderer:
    global orderer
    orderer = ListedOrderer(**options)
    return orderer


@dg.op
def step() -> int:
    notes.add(dg.OpExecutionContext.get().op.name)
    threads.add(threading.current_thread().name)
    return 1


@dg.op(tags={"dagster/priority": "3"})
def urgent() -> None:
    notes.add("urgent")


@dg.op(tags={"dagster/priority": "-1"})
def late() -> None:
    notes.add("late")


@dg.graph
def four() -> None:
    for name in "abcd":
        step.alias(name)()


@dg.graph
def mixed() -> None:
    for name in "abcd":
        step.alias(name)()
    late()
    urgent()


ONE_AT_A_TIME = build_executor(Scheduling(max_concurrent=1), find_orderer)
four_in_order = four.to_job("four_in_order", executor_def=ONE_AT_A_TIME)
mixed_in_order = mixed.to_job("mixed_in_order", executor_def=ONE_AT_A_TIME)


def shared() -> dg.JobDefinition:
    return four_in_order


def shared_mixed() -> dg.JobDefinition:
    return mixed_in_order


def in_process() -> dg.JobDefinition:
    executor = with_measured_priorities(dg.in_process_executor, find_orderer)
    return four.to_job("four_in_process", executor_def=executor)


def in_process_mixed() -> dg.JobDefinition:
    executor = with_measured_priorities(dg.in_process_executor, find_orderer)
    return mixed.to_job("mixed_in_process", executor_def=executor)


def either() -> dg.JobDefinition:
    executor = with_measured_priorities(dg.multi_or_in_process_executor, find_orderer)
    return four.to_job("four_either", executor_def=executor)


def configured() -> dg.JobDefinition:
    inner = dg.in_process_executor.configured({"retries": {"disabled": {}}})
    return four.to_job("four_configured", executor_def=with_measured_priorities(inner, find_orderer))


def engine_events(result: JobExecutionResult) -> Mapping[str, dg.DagsterEvent]:
    return {
        event.message or "": event
        for event in result.filter_events(lambda e: e.event_type is dg.DagsterEventType.ENGINE_EVENT)
    }


def test_steps_run_in_the_order_that_the_orderer_gives(instance: dg.DagsterInstance) -> None:
    use(first_to_last="cadb")
    assert run_job(shared, instance).success
    assert notes.lines == ["c", "a", "d", "b"]


@pytest.mark.parametrize("job", [in_process, configured])
def test_dagsters_in_process_executor_runs_steps_in_that_order_too(
    job: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance
) -> None:
    asked = use(first_to_last="cadb").asked
    assert run_job(job, instance).success
    assert notes.lines == ["c", "a", "d", "b"]
    assert [max_concurrent for _, _, max_concurrent in asked] == [1]


def test_a_wrapped_executor_takes_the_configuration_that_it_took_before(
    instance: dg.DagsterInstance,
) -> None:
    use(first_to_last="cadb")
    assert run_job(either, instance, {"in_process": {}}).success
    assert notes.lines == ["c", "a", "d", "b"]


@pytest.mark.parametrize("job", [shared_mixed, in_process_mixed])
def test_steps_that_the_orderer_does_not_name_run_when_their_authors_want(
    job: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance
) -> None:
    use(first_to_last="cadb")
    assert run_job(job, instance).success
    assert notes.lines == ["urgent", "c", "a", "d", "b", "late"]


def test_a_step_that_the_orderer_does_not_name_comes_last(instance: dg.DagsterInstance) -> None:
    use(first_to_last="dcb")
    run_job(shared, instance)
    assert notes.lines == ["d", "c", "b", "a"]


def test_names_of_no_step_count_for_nothing(instance: dg.DagsterInstance) -> None:
    use(first_to_last=["nobody", *"cadb"], chains={"nobody": ["c"], "b": ["nobody"]})
    assert run_job(shared, instance).success
    assert notes.lines == ["c", "a", "d", "b"]


def test_the_orderer_is_asked_once_and_knows_what_will_run(instance: dg.DagsterInstance) -> None:
    asked = use().asked
    run_job(shared, instance, op_selection=["a", "c"])
    assert [(job, sorted(steps), limit) for job, steps, limit in asked] == [("four_in_order", ["a", "c"], 1)]
    assert asked_for == ["measured"]


def test_the_configuration_of_a_run_outranks_that_of_the_project(instance: dg.DagsterInstance) -> None:
    asked = use().asked
    run_job(shared, instance, {"max_concurrent": 3, "scheduling": "static"})
    assert [limit for _, _, limit in asked] == [3]
    assert asked_for == ["static"]


def test_without_scheduling_nobody_is_asked(instance: dg.DagsterInstance) -> None:
    asked = use(first_to_last="dcba").asked
    result = run_job(shared, instance, {"scheduling": "off"})
    assert notes.lines == ["a", "b", "c", "d"]
    assert asked == []
    assert "the order of this run" not in engine_events(result)


def test_the_run_shows_its_order_before_the_first_step_and_how_it_went_at_the_end(
    instance: dg.DagsterInstance,
) -> None:
    use(first_to_last="cadb")
    result = run_job(shared, instance)
    events = engine_events(result)
    assert events["the order of this run"].engine_event_data.metadata == {"first": dg.TextMetadataValue("c")}
    assert events["how the run went"].engine_event_data.metadata == {"steps": dg.IntMetadataValue(4)}
    kinds = [
        event.message if event.is_engine_event else event.event_type_value for event in result.all_events
    ]
    assert kinds.index("the order of this run") < kinds.index("STEP_START")
    assert kinds.index("how the run went") > len(kinds) - kinds[::-1].index("STEP_SUCCESS") - 1


@pytest.mark.parametrize("job", [shared, in_process])
def test_the_orderer_is_told_when_each_step_ran(
    job: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance
) -> None:
    told = use(first_to_last="cadb").told
    run_job(job, instance)
    ((*timings,),) = told
    assert [(timing.step_key, timing.succeeded, timing.attempt) for timing in timings] == [
        ("c", True, 1),
        ("a", True, 1),
        ("d", True, 1),
        ("b", True, 1),
    ]
    starts_and_ends = [time for timing in timings for time in (timing.start_seconds, timing.end_seconds)]
    assert starts_and_ends == sorted(starts_and_ends)
    assert starts_and_ends[0] >= 0


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def fails() -> None:
    raise ValueError("no good")


@dg.job(executor_def=ONE_AT_A_TIME)
def failing() -> None:
    fails()


def test_each_attempt_has_a_time_of_its_own(instance: dg.DagsterInstance) -> None:
    told = use().told
    run_job(failing, instance)
    ((*timings,),) = told
    assert [(t.step_key, t.succeeded, t.attempt) for t in timings] == [
        ("fails", False, 1),
        ("fails", False, 2),
    ]


# Other executors


class RecordingExecutor(dg.Executor):
    """Runs nothing, and keeps the tags of the steps that it was to run."""

    def __init__(self) -> None:
        self.tags: dict[str, Mapping[str, str]] = {}

    @property
    def retries(self) -> RetryMode:
        return RetryMode.DISABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        # Those of celery and Dask look for themselves and their plan in the context.
        assert plan_context.executor is self
        assert plan_context.execution_plan is execution_plan
        steps = (execution_plan.get_step_by_key(key) for key in execution_plan.step_keys_to_execute)
        self.tags = {step.key: step.tags or {} for step in steps}
        yield from ()


recorder = RecordingExecutor()


@dg.op(tags={"dagster-celery/priority": "10"})
def first_in_celery() -> None:
    """Does nothing."""


@dg.job(
    executor_def=with_measured_priorities(dg.ExecutorDefinition.hardcoded_executor(recorder), find_orderer)
)
def for_other_executors() -> None:
    for name in "abc":
        step.alias(name)()
    first_in_celery()


def test_an_executor_finds_priorities_in_the_tags_for_dagster_and_for_celery(
    instance: dg.DagsterInstance,
) -> None:
    use(first_to_last=["b", "c", "a", "first_in_celery"])
    run_job(for_other_executors, instance)
    assert {key: tags["dagster/priority"] for key, tags in recorder.tags.items()} == {
        "b": "4",
        "c": "3",
        "a": "2",
        "first_in_celery": "1",
    }
    celery = {key: int(tags["dagster-celery/priority"]) for key, tags in recorder.tags.items()}
    assert celery["b"] > celery["c"] > celery["a"]
    assert celery["first_in_celery"] == 10
    assert all(0 <= level <= 10 for level in celery.values())


# Chains


@dg.op
def begins_a_chain() -> int:
    threads.add(threading.current_thread().name)
    return 1


@dg.op
def goes_on(value: int) -> int:
    threads.add(threading.current_thread().name)
    notes.add(dg.OpExecutionContext.get().op.name)
    return value


@dg.job(executor_def=build_executor(Scheduling(max_concurrent=1), find_orderer))
def chained() -> None:
    goes_on.alias("third")(goes_on.alias("second")(begins_a_chain()))
    step.alias("beside")()


def test_a_chain_runs_back_to_back_whatever_else_is_ready(instance: dg.DagsterInstance) -> None:
    use(
        first_to_last=["begins_a_chain", "beside", "second", "third"],
        chains={"begins_a_chain": ["second", "third"]},
    )
    assert run_job(chained, instance).success
    assert notes.lines == ["second", "third", "beside"]


def test_without_its_chain_the_same_steps_run_by_priority(instance: dg.DagsterInstance) -> None:
    use(first_to_last=["begins_a_chain", "beside", "second", "third"])
    assert run_job(chained, instance).success
    assert notes.lines == ["beside", "second", "third"]


def test_a_chain_stays_on_its_thread(instance: dg.DagsterInstance) -> None:
    use(chains={"begins_a_chain": ["second", "third"]})
    run_job(chained, instance, {"max_concurrent": 4}, op_selection=["begins_a_chain", "second", "third"])
    assert len(threads.lines) == 3
    assert len(set(threads.lines)) == 1


d_begun, b_done = threading.Event(), threading.Event()


@dg.op
def c() -> int:
    assert d_begun.wait(WAIT_SECONDS)
    return 1


@dg.op
def d() -> None:
    d_begun.set()
    assert b_done.wait(WAIT_SECONDS)


@dg.op
def b(one: int, other: int) -> None:
    b_done.set()


@dg.job(executor_def=build_executor(Scheduling(max_concurrent=2), find_orderer))
def chain_that_waits() -> None:
    b(step.alias("a")(), c())
    d()


def test_a_chain_that_waits_for_others_keeps_no_thread(instance: dg.DagsterInstance) -> None:
    # The thread of a takes d meanwhile, which ends only once b has run on the other thread.
    use(first_to_last="acdb", chains={"a": ["b"]})
    assert run_job(chain_that_waits, instance).success


# How many at once


def test_the_order_says_how_many_steps_run_at_once_where_the_configuration_does_not(
    instance: dg.DagsterInstance,
) -> None:
    use(max_concurrent=1)
    result = run_job(shared, instance, {"max_concurrent": None})
    assert any("in 1 threads" in message for message in engine_events(result))


def test_never_more_run_at_once_than_the_configuration_allows(instance: dg.DagsterInstance) -> None:
    use(max_concurrent=8)
    result = run_job(shared, instance, {"max_concurrent": 2})
    assert any("in 2 threads" in message for message in engine_events(result))


@pytest.mark.parametrize("limit", [0, -1])
def test_less_than_one_step_at_once_is_an_error(limit: int, instance: dg.DagsterInstance) -> None:
    result = run_job(shared, instance, {"max_concurrent": limit})
    assert not result.success
    assert states(result) == {}
    (failure,) = result.filter_events(lambda event: event.is_job_failure)
    assert f"max_concurrent of the executor dfplan is {limit}" in str(failure.job_failure_data.error)


@pytest.mark.parametrize("config", [{"mode": "distributed"}, {"scheduling": "by name"}])
def test_an_unknown_word_is_an_error_of_the_configuration(
    config: Mapping[str, str], instance: dg.DagsterInstance
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        run_job(shared, instance, config)


# Orderers that fail


class FailingOrderer(ListedOrderer):
    """Fails at what it is told to fail at, as an error or as a panic of Rust code."""

    def __init__(self, fails_at: str, error: BaseException) -> None:
        super().__init__(first_to_last="cadb")
        self.fails_at = fails_at
        self.error = error

    def order(self, *args: Any) -> Any:
        if self.fails_at == "order":
            raise self.error
        return super().order(*args)

    def compare(self, *args: Any) -> Any:
        raise self.error


class PanicException(BaseException):
    """Named as the panics of Rust code are."""


@pytest.mark.parametrize("error", [ZeroDivisionError("no runs"), PanicException("index out of bounds")])
def test_an_order_that_fails_is_shown_and_the_run_goes_on(
    error: BaseException, instance: dg.DagsterInstance
) -> None:
    global orderer
    orderer = FailingOrderer("order", error)
    result = run_job(shared, instance)
    assert result.success
    assert notes.lines == ["a", "b", "c", "d"]
    failed = [e for e in engine_events(result).values() if e.engine_event_data.error is not None]
    assert ["could not be ordered" in (event.message or "") for event in failed] == [True]
    assert str(error) in str(failed[0].engine_event_data.error)


def test_a_comparison_that_fails_is_shown_and_the_run_succeeds(instance: dg.DagsterInstance) -> None:
    global orderer
    orderer = FailingOrderer("compare", ZeroDivisionError("no runs"))
    result = run_job(shared, instance)
    assert result.success
    assert notes.lines == ["c", "a", "d", "b"]
    failed = [e for e in engine_events(result).values() if e.engine_event_data.error is not None]
    assert ["could not be compared" in (event.message or "") for event in failed] == [True]


# Projects


@dataclass
class Beginnings:
    """Hears of a run on the command line in which order its views begin."""

    views: list[str] = field(default_factory=list)

    def on_selected(self, views: tuple[str, ...]) -> None:
        """Of no interest."""

    def on_order(self, line: str) -> None:
        """Of no interest."""

    def on_start(self, view: str) -> None:
        self.views.append(view)

    def on_outcome(self, outcome: ViewOutcome) -> None:
        """Of no interest."""


def test_the_priority_in_a_views_front_matter_outranks_what_it_costs(tmp_path: Path) -> None:
    views = {
        "a.sql": "select 1 as x",
        "b.sql": "/* ---\npriority: -1\n--- */ select 1 as x",
        "c.sql": "select 1 as x",
        "d.sql": "/* ---\npriority: 2\n--- */ select 1 as x",
        "e.sql": "select x from c",
    }
    plan = plan_of(write_project(tmp_path, views, scheduling={"max_concurrent": 1}))
    began = Beginnings()
    assert run_views(plan, None, began).success
    # c goes before a, since e waits for it.
    assert began.views == ["d", "c", "a", "e", "b"] or began.views == ["d", "c", "e", "a", "b"]


@dg.asset(deps=["best"])
def after_best() -> None:
    notes.add("after_best")


def test_definitions_written_by_hand_find_the_projects_of_their_views(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    plan = plan_of(write_shop(tmp_path))
    views = [
        asset for asset in project_definitions(plan).assets or () if isinstance(asset, dg.AssetsDefinition)
    ]
    definitions = dg.Definitions([*views, after_best], executor=dfplan_executor)
    job = definitions.resolve_implicit_global_asset_job_def()
    assert {key: (step.project is plan, step.view) for key, step in view_steps(job).items()} == {
        "revenue": (True, "revenue"),
        "best": (True, "best"),
        "mart__cheap": (True, "mart.cheap"),
    }
    subset = job.get_subset(asset_selection={dg.AssetKey("best")})
    assert {step.view for step in view_steps(subset).values()} == {"best"}
    run = instance.create_run_for_job(job)
    events = list(execute_run_iterator(InMemoryJob(job), run, instance))
    assert notes.lines == ["after_best"]
    titles = [event.message or "" for event in events if event.is_engine_event]
    # Three views, the asset written by hand, and the op that observes the sources.
    assert any("none of 3 views and 2 other steps has history" in title for title in titles)
