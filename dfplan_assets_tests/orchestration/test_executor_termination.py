from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.executor_definition import ExecutorDefinition
from dagster._core.execution.job_execution_result import JobExecutionResult
from dagster._core.execution.retries import RetryMode

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.permit import PATIENCE_SECONDS, publishing
from dfplan_assets.orchestration.shared_executor import GRACE_SECONDS, SharedExecutor
from dfplan_assets_tests.orchestration.jobs import WAIT_SECONDS, Notes, messages, run_job, states

notes = Notes()
begun = threading.Barrier(2, timeout=WAIT_SECONDS)
heard = threading.Event()
release = threading.Event()


def wait_for_abandoned_steps() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("steps-"):
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    notes.lines.clear()
    begun.reset()
    heard.clear()
    release.clear()
    yield
    release.set()
    wait_for_abandoned_steps()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def executor(grace_seconds: float) -> dg.ExecutorDefinition:
    definition: dg.ExecutorDefinition = ExecutorDefinition.hardcoded_executor(
        SharedExecutor(2, RetryMode.ENABLED, grace_seconds=grace_seconds)
    )
    return definition


def interrupt_and_wait_until_it_is_heard() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    context = dg.OpExecutionContext.get()
    while not any("is to end" in (e.user_message or "") for e in context.instance.all_logs(context.run_id)):
        time.sleep(0.01)
    heard.set()


@dg.op
def terminates_the_run() -> None:
    """Does what the button in the UI does, once the other step runs."""
    begun.wait()
    context = dg.OpExecutionContext.get()
    context.instance.report_run_canceling(context.run)
    interrupt_and_wait_until_it_is_heard()


@dg.op
def is_interrupted() -> None:
    """Ends as by Ctrl-C on the command line, once the other step runs."""
    begun.wait()
    interrupt_and_wait_until_it_is_heard()


@dg.op
def finishes_in_time() -> int:
    begun.wait()
    assert heard.wait(WAIT_SECONDS)
    with publishing("a view"):
        notes.add("published")
    return 1


@dg.op
def never_finishes() -> int:
    context = dg.OpExecutionContext.get()
    begun.wait()
    assert release.wait(WAIT_SECONDS)
    try:
        with publishing("a view"):
            notes.add("published")
    except ExecutionError as error:
        notes.add(f"not published: {error.cause}")
    context.log.info("said too late")
    return 1


@dg.op
def next_step(value: int) -> None:
    notes.add("next step")


PATIENT, HASTY = executor(WAIT_SECONDS), executor(0)


@dg.job(executor_def=PATIENT)
def terminated() -> None:
    terminates_the_run()
    next_step(finishes_in_time())


@dg.job(executor_def=HASTY)
def terminated_in_vain() -> None:
    terminates_the_run()
    next_step(never_finishes())


@dg.job(executor_def=PATIENT)
def interrupted() -> None:
    is_interrupted()
    next_step(finishes_in_time())


def status(instance: dg.DagsterInstance, result: JobExecutionResult) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.status


def test_a_terminated_run_lets_its_steps_finish_and_starts_no_other(instance: dg.DagsterInstance) -> None:
    result = run_job(terminated, instance)
    assert status(instance, result) is dg.DagsterRunStatus.CANCELED
    assert states(result) == {"terminates_the_run": "succeeded", "finishes_in_time": "succeeded"}
    assert notes.lines == ["published"]


def test_a_step_that_does_not_finish_is_abandoned_and_fails(instance: dg.DagsterInstance) -> None:
    result = run_job(terminated_in_vain, instance)
    assert status(instance, result) is dg.DagsterRunStatus.CANCELED
    assert states(result)["never_finishes"] == "failed"
    (failure,) = result.filter_events(lambda e: e.is_step_failure and e.step_key == "never_finishes")
    assert failure.step_failure_data.error is not None
    assert failure.step_failure_data.error.cls_name == "DagsterExecutionInterruptedError"


def test_an_abandoned_step_publishes_and_logs_nothing_after_the_run(instance: dg.DagsterInstance) -> None:
    result = run_job(terminated_in_vain, instance)
    before = len(instance.all_logs(result.run_id))
    release.set()
    wait_for_abandoned_steps()
    assert notes.lines == [
        "not published: the run ended before the view was ready, so that its result was not published"
    ]
    assert "said too late" not in [line for _, line in messages(instance, result.run_id)]
    assert len(instance.all_logs(result.run_id)) == before


def test_a_run_ends_within_ten_seconds_even_where_a_disk_hangs() -> None:
    assert GRACE_SECONDS + PATIENCE_SECONDS < 10


def test_an_interrupted_run_that_nobody_terminated_fails(instance: dg.DagsterInstance) -> None:
    result = run_job(interrupted, instance)
    assert status(instance, result) is dg.DagsterRunStatus.FAILURE
    assert "next step" not in notes.lines


@dg.op(pool="tiny")
def holds_a_slot() -> int:
    return never_finishes_body()


def never_finishes_body() -> int:
    begun.wait()
    release.wait(WAIT_SECONDS)
    return 1


@dg.job(executor_def=HASTY)
def terminated_with_a_slot() -> None:
    terminates_the_run()
    holds_a_slot()


def test_an_abandoned_step_gives_its_slot_of_a_pool_back(instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots("tiny", 1)
    run_job(terminated_with_a_slot, instance)
    info = instance.event_log_storage.get_concurrency_info("tiny")
    assert (info.active_slot_count, info.pending_step_count) == (0, 0)


# A second request to end does not wait any longer.


@dg.op
def insists() -> int:
    begun.wait()
    interrupt_and_wait_until_it_is_heard()
    os.kill(os.getpid(), signal.SIGINT)
    return never_ends()


def never_ends() -> int:
    release.wait(WAIT_SECONDS)
    return 1


@dg.op
def waits() -> int:
    begun.wait()
    return never_ends()


@dg.job(executor_def=PATIENT)
def interrupted_twice() -> None:
    insists()
    waits()


def test_a_second_interrupt_ends_the_run_at_once(instance: dg.DagsterInstance) -> None:
    result = run_job(interrupted_twice, instance)
    assert not release.is_set()
    assert states(result) == {"insists": "failed", "waits": "failed"}
