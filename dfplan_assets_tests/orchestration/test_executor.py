from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import dagster as dg
import pytest

from dfplan_assets.orchestration.executor import dfplan_executor
from dfplan_assets_tests.orchestration.jobs import (
    WAIT_SECONDS,
    Notes,
    asset_job,
    messages,
    run_job,
    states,
)

notes = Notes()
meeting = threading.Barrier(2, timeout=WAIT_SECONDS)
attempts = Notes()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    notes.lines.clear()
    attempts.lines.clear()
    meeting.reset()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


# Two steps that wait for each other can only both succeed when they run at the same time.


@dg.op
def left() -> int:
    meeting.wait()
    dg.get_dagster_logger().info("said by left")
    print("printed by left")
    meeting.wait()
    return 1


@dg.op
def right() -> int:
    context = dg.OpExecutionContext.get()
    meeting.wait()
    context.log.info("said by right")
    print("printed by right")
    meeting.wait()
    return 2


@dg.op
def both(left: int, right: int) -> int:
    notes.add(f"{left} {right}")
    return left + right


@dg.job(executor_def=dfplan_executor)
def two_at_once() -> None:
    both(left(), right())


def test_steps_run_at_the_same_time_and_what_depends_on_them_after(instance: dg.DagsterInstance) -> None:
    result = run_job(two_at_once, instance, {"max_concurrent": 2})
    assert result.success
    assert states(result) == {"left": "succeeded", "right": "succeeded", "both": "succeeded"}
    assert notes.lines == ["1 2"]


def test_all_steps_run_in_the_process_of_the_run(instance: dg.DagsterInstance) -> None:
    result = run_job(two_at_once, instance, {"max_concurrent": 2})
    assert len({event.pid for event in result.all_events}) == 1


def test_each_line_of_a_log_stands_once_and_under_its_own_step(instance: dg.DagsterInstance) -> None:
    result = run_job(two_at_once, instance, {"max_concurrent": 2})
    said = [line for line in messages(instance, result.run_id) if line[1].startswith("said")]
    assert sorted(said) == [("left", "said by left"), ("right", "said by right")]


def test_what_steps_print_is_in_the_captured_output_that_each_of_them_names() -> None:
    with dg.instance_for_test() as instance:
        result = run_job(two_at_once, instance, {"max_concurrent": 2})
        (captured,) = result.filter_events(lambda e: e.event_type is dg.DagsterEventType.LOGS_CAPTURED)
        data = captured.logs_captured_data
        assert set(data.step_keys or ()) == {"left", "right", "both"}
        manager = instance.compute_log_manager
        log = manager.get_log_data(manager.build_log_key_for_run(result.run_id, data.file_key))
    assert log.stdout is not None
    # Two threads that print at once may share a line.
    assert all(text in log.stdout.decode() for text in ("printed by left", "printed by right"))


@dg.op
def failing() -> int:
    raise ValueError("no good")


@dg.op
def after(value: int) -> None:
    notes.add("after")


@dg.op
def beside() -> None:
    notes.add("beside")


@dg.job(executor_def=dfplan_executor)
def one_fails() -> None:
    after(failing())
    beside()


def test_what_depends_on_a_failed_step_does_not_run_and_all_else_does(instance: dg.DagsterInstance) -> None:
    result = run_job(one_fails, instance)
    assert not result.success
    assert states(result) == {"failing": "failed", "beside": "succeeded"}
    assert notes.lines == ["beside"]
    assert any(
        step == "after" and "Dependencies for step after failed" in line
        for step, line in messages(instance, result.run_id)
    )


def test_raise_on_error_raises_the_error_of_the_step(instance: dg.DagsterInstance) -> None:
    with pytest.raises(ValueError, match="no good"):
        run_job(one_fails, instance, raise_on_error=True)


def test_a_run_is_continued_from_its_failure(instance: dg.DagsterInstance) -> None:
    first = run_job(one_fails, instance)
    notes.lines.clear()
    second = run_job(
        one_fails, instance, reexecution_options=dg.ReexecutionOptions.from_failure(first.run_id, instance)
    )
    assert states(second) == {"failing": "failed"}
    assert notes.lines == []


def test_a_selection_of_steps_runs_these_alone(instance: dg.DagsterInstance) -> None:
    result = run_job(one_fails, instance, op_selection=["beside"])
    assert states(result) == {"beside": "succeeded"}


def test_steps_take_the_outputs_of_an_earlier_run(instance: dg.DagsterInstance) -> None:
    first = run_job(two_at_once, instance, {"max_concurrent": 2})
    again = dg.ReexecutionOptions(first.run_id, step_selection=["both"])
    assert states(run_job(two_at_once, instance, reexecution_options=again)) == {"both": "succeeded"}
    assert notes.lines == ["1 2", "1 2"]


# Retries


@dg.op
def asks_for_a_retry() -> None:
    context = dg.OpExecutionContext.get()
    attempts.add(str(context.retry_number))
    if context.retry_number < 2:
        raise dg.RetryRequested(max_retries=2)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1, delay=0.01))
def has_a_policy() -> None:
    context = dg.OpExecutionContext.get()
    attempts.add(f"policy {context.retry_number}")
    if context.retry_number < 1:
        raise ValueError("only at first")


@dg.job(executor_def=dfplan_executor)
def retrying() -> None:
    asks_for_a_retry()
    has_a_policy()


def test_steps_that_ask_for_it_are_run_again(instance: dg.DagsterInstance) -> None:
    result = run_job(retrying, instance)
    assert result.success
    assert sorted(attempts.lines) == ["0", "1", "2", "policy 0", "policy 1"]
    kinds = [event.event_type_value for event in result.all_events if event.step_key == "asks_for_a_retry"]
    assert kinds.count("STEP_START") == 1
    assert kinds.count("STEP_RESTARTED") == 2
    assert kinds.count("STEP_UP_FOR_RETRY") == 2


def test_retries_that_are_disabled_are_failures(instance: dg.DagsterInstance) -> None:
    result = run_job(retrying, instance, {"retries": {"disabled": {}}})
    assert states(result) == {"asks_for_a_retry": "failed", "has_a_policy": "failed"}
    assert sorted(attempts.lines) == ["0", "policy 0"]


# Hooks and resources


@dg.success_hook
def note_success(context: dg.HookContext) -> None:
    notes.add(f"{context.op.name} succeeded")


@dg.failure_hook
def note_failure(context: dg.HookContext) -> None:
    notes.add(f"{context.op.name} failed with {context.op_exception}")


@dg.success_hook
def broken_hook(context: dg.HookContext) -> None:
    raise ValueError("hook")


@dg.job(executor_def=dfplan_executor, hooks={note_success, note_failure, broken_hook})
def hooked() -> None:
    failing()
    beside()


def test_hooks_run_after_their_steps(instance: dg.DagsterInstance) -> None:
    result = run_job(hooked, instance)
    assert sorted(notes.lines) == ["beside", "beside succeeded", "failing failed with no good"]
    kinds = {(event.step_key, event.event_type_value) for event in result.all_events}
    assert {("failing", "HOOK_COMPLETED"), ("beside", "HOOK_COMPLETED"), ("beside", "HOOK_ERRORED")} <= kinds


@dg.resource
def opened(_: dg.InitResourceContext) -> Iterator[str]:
    notes.add("opened")
    yield "resource"
    notes.add("closed")


@dg.op(required_resource_keys={"opened"})
def uses() -> None:
    context = dg.OpExecutionContext.get()
    notes.add(f"used {context.resources.opened}")


@dg.job(executor_def=dfplan_executor, resource_defs={"opened": opened})
def with_resource() -> None:
    uses.alias("one")()
    uses.alias("two")()


def test_a_resource_is_opened_once_for_all_steps_and_closed_after_them(instance: dg.DagsterInstance) -> None:
    assert run_job(with_resource, instance).success
    assert notes.lines == ["opened", "used resource", "used resource", "closed"]


@dg.resource
def unavailable(_: dg.InitResourceContext) -> None:
    raise OSError("no such server")


@dg.job(executor_def=dfplan_executor, resource_defs={"opened": unavailable})
def without_resource() -> None:
    uses()


def test_a_resource_that_cannot_be_opened_fails_the_run(instance: dg.DagsterInstance) -> None:
    result = run_job(without_resource, instance)
    assert not result.success
    assert states(result) == {}
    assert any("no such server" in str(event.event_specific_data) for event in result.all_events)


# Async steps


@dg.op
async def awaits() -> str:
    # Each waits in the loop until the other is there as well.
    notes.add(dg.OpExecutionContext.get().op.name)
    while len(notes.lines) < 2:
        await asyncio.sleep(0)
    return "awaited"


@dg.job(executor_def=dfplan_executor)
def waiting() -> None:
    awaits.alias("one")()
    awaits.alias("two")()


def test_async_steps_wait_beside_each_other(instance: dg.DagsterInstance) -> None:
    assert run_job(waiting, instance, {"max_concurrent": 2}).success
    assert sorted(notes.lines) == ["one", "two"]


@dg.resource
def loop(context: dg.InitResourceContext) -> asyncio.AbstractEventLoop:
    assert context.event_loop is not None
    return context.event_loop


@dg.op(required_resource_keys={"loop"})
async def runs_in_the_loop_of_its_resource() -> None:
    assert asyncio.get_running_loop() is dg.OpExecutionContext.get().resources.loop
    notes.add("ran")


@dg.job(executor_def=dfplan_executor, resource_defs={"loop": loop})
def with_async_resource() -> None:
    runs_in_the_loop_of_its_resource()


def test_an_async_step_runs_in_the_event_loop_of_its_resources(instance: dg.DagsterInstance) -> None:
    assert run_job(with_async_resource, instance).success
    assert notes.lines == ["ran"]


# Dynamic outputs


@dg.op(out=dg.DynamicOut(int))
def several() -> Iterator[dg.DynamicOutput[int]]:
    for number in (1, 2, 3):
        yield dg.DynamicOutput(number, mapping_key=str(number))


@dg.op
def twice(number: int) -> int:
    return 2 * number


@dg.op
def total(numbers: list[int]) -> int:
    notes.add(str(sum(numbers)))
    return sum(numbers)


@dg.job(executor_def=dfplan_executor)
def mapped() -> None:
    total(several().map(twice).collect())


def test_dynamic_outputs_are_mapped_and_collected(instance: dg.DagsterInstance) -> None:
    result = run_job(mapped, instance, {"max_concurrent": 2})
    assert result.success
    assert {f"twice[{key}]" for key in "123"} <= states(result).keys()
    assert notes.lines == ["12"]


@dg.op(out={"yes": dg.Out(is_required=False), "no": dg.Out(is_required=False)})
def decides() -> Iterator[dg.Output[int]]:
    yield dg.Output(1, "yes")


@dg.job(executor_def=dfplan_executor)
def branching() -> None:
    yes, no = decides()
    after.alias("taken")(yes)
    after.alias("untaken")(no)


def test_a_step_without_its_input_is_skipped(instance: dg.DagsterInstance) -> None:
    assert states(run_job(branching, instance)) == {
        "decides": "succeeded",
        "taken": "succeeded",
        "untaken": "skipped",
    }


# Limits


@dg.op(tags={"database": "small"})
def needs_the_database() -> None:
    notes.add("in")
    notes.add("out")


@dg.op(pool="tiny")
def needs_the_pool() -> None:
    notes.add("in")
    notes.add("out")


@dg.job(executor_def=dfplan_executor)
def limited_by_tag() -> None:
    for name in "abcdef":
        needs_the_database.alias(name)()


@dg.job(executor_def=dfplan_executor)
def limited_by_pool() -> None:
    for name in "ab":
        needs_the_pool.alias(name)()


def test_one_thread_runs_one_step_after_the_other(instance: dg.DagsterInstance) -> None:
    assert run_job(limited_by_tag, instance, {"max_concurrent": 1}).success
    assert notes.lines == ["in", "out"] * 6


def test_a_tag_limits_how_many_steps_run_at_once(instance: dg.DagsterInstance) -> None:
    config = {"max_concurrent": 4, "tag_concurrency_limits": [{"key": "database", "limit": 1}]}
    assert run_job(limited_by_tag, instance, config).success
    assert notes.lines == ["in", "out"] * 6


def test_a_pool_limits_how_many_steps_run_at_once(instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots("tiny", 1)
    result = run_job(limited_by_pool, instance, {"max_concurrent": 2})
    assert result.success
    assert notes.lines == ["in", "out"] * 2
    info = instance.event_log_storage.get_concurrency_info("tiny")
    assert (info.active_slot_count, info.pending_step_count) == (0, 0)


# Assets


@dg.asset(description="Plain Python beside views.")
def python_asset() -> int:
    return 3


@dg.asset
def downstream_asset(python_asset: int) -> dg.MaterializeResult[None]:
    notes.add("downstream")
    return dg.MaterializeResult(metadata={"value": python_asset})


@dg.asset_check(asset=python_asset, blocking=True)
def blocks() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.asset_check(asset=python_asset)
def warns() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


def blocked() -> dg.JobDefinition:
    return asset_job(python_asset, downstream_asset, blocks, executor=dfplan_executor)


def warned() -> dg.JobDefinition:
    return asset_job(python_asset, downstream_asset, warns, executor=dfplan_executor)


def test_a_blocking_asset_check_that_fails_stops_what_is_downstream(instance: dg.DagsterInstance) -> None:
    result = run_job(blocked, instance)
    assert not result.success
    assert states(result) == {"python_asset": "succeeded", "python_asset_blocks": "failed"}
    assert notes.lines == []


def test_an_asset_check_that_only_warns_stops_nothing(instance: dg.DagsterInstance) -> None:
    result = run_job(warned, instance)
    assert result.success
    assert notes.lines == ["downstream"]
    event = instance.get_latest_materialization_event(dg.AssetKey("downstream_asset"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["value"].value == 3
