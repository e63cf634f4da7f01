"""Running the steps of a run in threads of one process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from queue import Empty, Queue

from dagster import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import (
    _handle_compute_log_setup_error,
    _handle_compute_log_teardown_error,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.objects import ErrorSource, step_failure_event_from_exc_info
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._core.storage.tags import PRIORITY_TAG

from dfplan_assets.execution.permit import withdraw
from dfplan_assets.orchestration.active_steps import ActiveSteps
from dfplan_assets.orchestration.step_threads import (
    Assignment,
    Message,
    StepEnd,
    StepEvent,
    StepThread,
    logs_by_step,
    shared_event_loop,
)

GRACE_SECONDS = 5.0
"""How long running steps may go on after the run was told to end, in seconds; then they are abandoned."""

_POLL_SECONDS = 0.1  # for interrupts, delayed retries, and slots of pools that other runs give free


class SharedExecutor(Executor):
    """Runs steps in ``workers`` threads, all over the resources of one process.

    ``chains`` names, for the first step of a chain, the steps that run right behind it on its thread.
    """

    def __init__(
        self,
        workers: int,
        retries: RetryMode,
        tag_concurrency_limits: list[dict[str, object]] | None = None,
        step_dependency_config: StepDependencyConfig | None = None,
        chains: Mapping[str, Sequence[str]] | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._workers = workers
        self._retries = retries
        self._tag_concurrency_limits = tag_concurrency_limits
        self._step_dependency_config = step_dependency_config or StepDependencyConfig.default()
        self._chains = chains or {}
        self._grace_seconds = grace_seconds

    @property
    def retries(self) -> RetryMode:
        """Whether steps that ask for it are run again."""
        return self._retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """When a step may begin."""
        return self._step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Runs the plan; as with Dagster's in-process executor, resources are made once, for all steps."""
        pid = os.getpid()
        started = time.monotonic()
        yield DagsterEvent.engine_event(
            plan_context,
            f"Executing steps in {self._workers} threads of one process (pid: {pid})",
            EngineEventData.in_process(pid, execution_plan.step_keys_to_execute),
        )
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=self._steps,
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
                step_dependency_config=self.step_dependency_config,
            ),
        )
        yield DagsterEvent.engine_event(
            plan_context,
            f"Finished steps in {time.monotonic() - started:.2f}s (pid: {pid})",
            EngineEventData.in_process(pid),
        )

    def _steps(
        self, job_context: PlanExecutionContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        followers = _followers(self._chains)
        with ExitStack() as resources:
            concurrency = resources.enter_context(
                InstanceConcurrencyContext(job_context.instance, job_context.dagster_run)
            )
            continuing: dict[str, StepThread] = {}
            active = resources.enter_context(
                ActiveSteps(
                    execution_plan,
                    retry_mode=job_context.retry_mode,
                    sort_key_fn=lambda step: _rank(step, continuing),
                    tag_concurrency_limits=self._tag_concurrency_limits,
                    instance_concurrency_context=concurrency,
                    step_dependency_config=self.step_dependency_config,
                )
            )
            resources.enter_context(shared_event_loop(job_context))
            resources.enter_context(logs_by_step(job_context))
            run = _SharedRun(job_context, active, self._workers, followers, continuing, self._grace_seconds)
            resources.callback(run.close)
            yield from _captured(job_context, execution_plan, run.events())


def _captured(
    job_context: PlanExecutionContext, plan: ExecutionPlan, events: Iterator[DagsterEvent]
) -> Iterator[DagsterEvent]:
    """The events, while what the process prints is captured for all steps, as the in-process executor does.

    Captures for single steps would restore the process's output in the wrong order.
    """
    manager = job_context.instance.compute_log_manager
    step_keys = [step.key for step in plan.get_steps_to_execute_in_topo_order()]
    with ExitStack() as capture:
        file_key = create_compute_log_file_key()  # type: ignore[no-untyped-call]
        log_key = manager.build_log_key_for_run(job_context.run_id, file_key)
        try:
            log_context = capture.enter_context(manager.capture_logs(log_key))
            yield DagsterEvent.capture_logs(job_context, step_keys, log_key, log_context)
        except Exception:
            yield from _handle_compute_log_setup_error(job_context, sys.exc_info())
        yield from events
        try:
            capture.close()
        except Exception:
            yield from _handle_compute_log_teardown_error(job_context, sys.exc_info())


def _followers(chains: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """What runs right behind each step of a chain but the last."""
    followers = {}
    for first, rest in chains.items():
        for step, follower in zip((first, *rest), rest, strict=False):
            followers[step] = follower
    return followers


def _rank(step: ExecutionStep, continuing: Mapping[str, StepThread]) -> float:
    """Steps that go on with a chain first, then by priority; the first to run has the lowest rank."""
    return float("-inf") if step.key in continuing else -int(step.tags.get(PRIORITY_TAG, 0))


class _SharedRun:
    """The steps of one run: what may run is given to threads, what they report goes to Dagster."""

    def __init__(
        self,
        job_context: PlanExecutionContext,
        active: ActiveSteps,
        workers: int,
        followers: Mapping[str, str],
        continuing: dict[str, StepThread],
        grace_seconds: float,
    ) -> None:
        self._job_context = job_context
        self._active = active
        self._followers = followers
        self._continuing = continuing
        self._grace_seconds = grace_seconds
        # No SimpleQueue: before Python 3.13, one that waits forgets its timeout where the handler of a signal
        # ends after that, and the run would not hear that it is to end before a step says something.
        self._messages: Queue[Message] = Queue()
        steps = len(job_context.execution_plan.step_keys_to_execute)
        self._threads = [StepThread(number, self._messages) for number in range(min(workers, max(steps, 1)))]
        self._idle = list(self._threads)
        self._running: set[Assignment] = set()
        self._latest: dict[str, Assignment] = {}
        self._ending: BaseException | None = None
        self._deadline = 0.0

    def events(self) -> Iterator[DagsterEvent]:
        """Runs the steps; raises what ends the run early once its steps have ended or were abandoned."""
        happened = list(self._launched())
        while self._running or not (self._ending or self._active.is_complete):
            yield from happened
            yield from self._interrupts()
            # Threads go on before anyone is told what happened.
            happened = [*self._received(), *self._launched()]
        yield from happened
        if self._ending:
            raise self._ending

    def close(self) -> None:
        """Lets the threads end; what still runs, since whoever listened has gone, publishes nothing."""
        withdraw([assignment.permit for assignment in self._running])
        for thread in self._threads:
            thread.end()

    def _launched(self) -> Iterator[DagsterEvent]:
        while self._idle and not self._ending and not self._active.is_complete:
            steps = self._active.get_steps_to_execute(limit=len(self._idle))
            yield from self._active.concurrency_event_iterator(self._job_context)
            if not steps:
                return
            for step in steps:
                self._launch(step)

    def _launch(self, step: ExecutionStep) -> None:
        thread = self._continuing.pop(step.key, self._idle[-1])
        if thread in self._idle:
            self._idle.remove(thread)
        # What would have gone on with its chain here, but waits for others as well, is no longer next.
        for follower in [key for key, kept in self._continuing.items() if kept is thread]:
            del self._continuing[follower]
        step_context = self._job_context.for_step(step, self._active.get_known_state())
        assignment = thread.assign(step_context)
        self._running.add(assignment)
        self._latest[step.key] = assignment

    def _received(self) -> Iterator[DagsterEvent]:
        """What happened since, and if that is nothing, what happens within moments."""
        waiting = True
        while True:
            try:
                message = self._messages.get(timeout=_POLL_SECONDS if waiting else 0)
            except Empty:
                break
            waiting = False
            if message.assignment not in self._running:
                continue  # of a step that was abandoned meanwhile
            if isinstance(message, StepEvent):
                self._heard(message)
                yield message.event
            else:
                self._ended(message)
        yield from self._active.plan_events_iterator(self._job_context)

    def _heard(self, message: StepEvent) -> None:
        self._active.handle_event(message.event)
        if message.event.is_step_success:
            follower = self._followers.get(message.assignment.step_key)
            if follower is not None:
                self._continuing[follower] = message.assignment.worker

    def _ended(self, message: StepEnd) -> None:
        assignment = message.assignment
        self._running.remove(assignment)
        if all(running.worker is not assignment.worker for running in self._running):
            self._idle.append(assignment.worker)
        # Where the step is to be tried again, another thread may have begun with that already.
        if self._latest[assignment.step_key] is assignment:
            self._active.verify_complete(self._job_context, assignment.step_key)
        if message.error is not None:
            self._end(message.error)

    def _interrupts(self) -> Iterator[DagsterEvent]:
        if self._active.check_for_interrupts():
            keys = sorted(assignment.step_key for assignment in self._running)
            if self._ending is None:
                yield DagsterEvent.engine_event(
                    self._job_context,
                    f"The run is to end: running steps have {self._grace_seconds:g} seconds to finish",
                    EngineEventData.interrupted(keys),
                )
                self._active.mark_interrupted()
                self._end(DagsterExecutionInterruptedError())
            else:
                self._deadline = time.monotonic()  # asked again, so at once
        if self._ending is not None and time.monotonic() >= self._deadline:
            yield from self._abandoned()

    def _end(self, cause: BaseException) -> None:
        """No step begins any more; those that run may finish for a while."""
        if self._ending is None:
            self._ending = cause
            self._deadline = time.monotonic() + self._grace_seconds

    def _abandoned(self) -> Iterator[DagsterEvent]:
        given_up = list(self._running)
        withdraw([assignment.permit for assignment in given_up])
        self._running.clear()
        for assignment in given_up:
            # The step's own log is silent from now on.
            step_context = self._job_context.for_step(assignment.step_context.step)
            try:
                raise DagsterExecutionInterruptedError("The step did not finish in time and was abandoned")
            except DagsterExecutionInterruptedError:
                event = step_failure_event_from_exc_info(
                    step_context, sys.exc_info(), error_source=ErrorSource.INTERRUPT
                )
            yield event
            self._active.handle_event(event)
