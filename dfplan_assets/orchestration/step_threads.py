"""Threads that run steps, and what they need to run beside each other in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from queue import Queue, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import TypeVar

from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanExecutionContext, StepExecutionContext
from dagster._core.execution.plan.execute_plan import _trigger_hook, dagster_event_sequence_for_step
from dagster._core.log_manager import DagsterLogHandler, DagsterLogManager

from dfplan_assets.execution.permit import Permit, working_with

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class Assignment:
    """One attempt at a step by one thread."""

    worker: StepThread
    step_context: StepExecutionContext
    permit: Permit
    context: Context

    @property
    def step_key(self) -> str:
        """The step."""
        return self.step_context.step.key


@dataclass(frozen=True)
class StepEvent:
    """Something that happened in a step."""

    assignment: Assignment
    event: DagsterEvent


@dataclass(frozen=True)
class StepEnd:
    """A thread is done with a step and its hooks; ``error`` is what went wrong beyond a failure of both."""

    assignment: Assignment
    error: BaseException | None


Message = StepEvent | StepEnd


class StepThread:
    """A thread that runs the steps assigned to it one after the other, and reports to a queue.

    Nothing can interrupt it from outside: a step that is abandoned goes on, but publishes and reports
    nothing more, and its thread ends with the process.
    """

    def __init__(self, number: int, messages: Queue[Message]) -> None:
        self._messages = messages
        self._inbox: SimpleQueue[Assignment | None] = SimpleQueue()
        # A daemon, so that the process of an abandoned step can end.
        self._thread = Thread(target=self._work, name=f"steps-{number}", daemon=True)
        self._thread.start()

    def assign(self, step_context: StepExecutionContext) -> Assignment:
        """Runs this step once it is done with what it runs."""
        # With the caller's context variables, as a step in the caller's thread would have them.
        assignment = Assignment(self, step_context, Permit(), copy_context())
        self._inbox.put(assignment)
        return assignment

    def end(self) -> None:
        """Lets the thread end once it has nothing to do."""
        self._inbox.put(None)

    def _work(self) -> None:
        while (assignment := self._inbox.get()) is not None:
            error = None
            try:
                assignment.context.run(self._run, assignment)
            except BaseException as raised:  # whatever it is, the run's own thread raises it again
                error = raised
            self._report(StepEnd(assignment, error))

    def _run(self, assignment: Assignment) -> None:
        step_context, permit = assignment.step_context, assignment.permit
        step_context.log.addFilter(lambda _: not permit.is_withdrawn)
        events = []
        with working_with(permit), _logging_as(step_context.log, permit):
            for event in dagster_event_sequence_for_step(step_context):
                events.append(event)
                self._report(StepEvent(assignment, event))
            if permit.is_withdrawn:
                return
            for event in _trigger_hook(step_context, events):
                self._report(StepEvent(assignment, event))

    def _report(self, message: Message) -> None:
        if not message.assignment.permit.is_withdrawn:
            self._messages.put(message)


@dataclass(frozen=True)
class _StepLog:
    handler: DagsterLogHandler
    permit: Permit


_step_log: ContextVar[_StepLog] = ContextVar("dfplan_step_log")


@contextmanager
def _logging_as(log: DagsterLogManager, permit: Permit) -> Iterator[None]:
    token = _step_log.set(_StepLog(log._dagster_handler, permit))
    try:
        yield
    finally:
        _step_log.reset(token)


class _LogRouter(logging.Handler):
    """Gives a record of Python's logging to the step whose thread wrote it.

    Dagster lets each step listen to the loggers of the whole process while it runs, which would show
    what one step logs in all that run beside it. What a thread of a user's own writes, without the
    context of its step, goes to the run.
    """

    def __init__(self, run_log: DagsterLogManager) -> None:
        super().__init__()
        self._run_handler = run_log._dagster_handler
        self._main = current_thread().ident

    def handle(self, record: logging.LogRecord) -> bool:
        """Passes the record on; whether it was taken."""
        step = _step_log.get(None)
        if step is not None:
            return not step.permit.is_withdrawn and bool(step.handler.handle(record))
        if record.thread == self._main:
            return False  # Dagster's own doing between the steps, which it does not log either
        return bool(self._run_handler.handle(record))


@contextmanager
def logs_by_step(job_context: PlanExecutionContext) -> Iterator[None]:
    """Inside, steps in threads log under their own names, with Python's loggers as well."""
    log = job_context.log
    router = _LogRouter(log)
    for logger in log._managed_loggers:
        logger.addHandler(router)
    # Steps inherit the log: one without loggers to listen to leaves them to the router.
    job_context._log_manager = DagsterLogManager(log._dagster_handler, level=log.level)
    try:
        yield
    finally:
        job_context._log_manager = log
        for logger in log._managed_loggers:
            logger.removeHandler(router)


class _RunningLoop:
    """The event loop of a run in a thread of its own, for async steps in several threads at once.

    Async resources were made in that loop, so the steps that use them must run in it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._starting = Lock()
        self._thread: Thread | None = None

    def run_until_complete(self, awaitable: Awaitable[_Result]) -> _Result:
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._loop.run_forever, name="step-loop", daemon=True)
                self._thread.start()

        async def result() -> _Result:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(result(), self._loop).result()

    def stop(self, patience_seconds: float) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(patience_seconds)


@contextmanager
def shared_event_loop(job_context: PlanExecutionContext) -> Iterator[None]:
    """Inside, async steps of several threads run in the one event loop of the run."""
    loop = job_context._event_loop
    running = _RunningLoop(loop)
    job_context._event_loop = running  # type: ignore[assignment]
    try:
        yield
    finally:
        job_context._event_loop = loop
        running.stop(patience_seconds=1.0)
