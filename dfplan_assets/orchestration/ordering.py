"""One run's order: asked for, applied to the plan, and held against what really happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context.system import IPlanContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._utils.error import serializable_error_info_from_exc_info

from dfplan_assets.orchestration.run_order import Orderer, OrdererOf, OrderKind, RunOrder, StepTiming
from dfplan_assets.orchestration.step_priorities import with_priorities
from dfplan_assets.planning.panics import raise_unless_datafusion

_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS: True,
    dg.DagsterEventType.STEP_FAILURE: False,
    dg.DagsterEventType.STEP_UP_FOR_RETRY: False,
}


class StepClock:
    """Notes when steps begin and end, in seconds after its making."""

    def __init__(self) -> None:
        self._origin = time.monotonic()
        self._running: dict[str, float] = {}
        self._attempts: dict[str, int] = {}
        self.timings: list[StepTiming] = []

    def note(self, event: DagsterEvent) -> None:
        """An event that just came."""
        step_key = event.step_key
        if step_key is None:
            return
        seconds = time.monotonic() - self._origin
        kind = event.event_type
        if kind in (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED):
            self._running[step_key] = seconds
            self._attempts[step_key] = self._attempts.get(step_key, 0) + 1
        elif kind in _ENDS and step_key in self._running:
            started = self._running.pop(step_key)
            attempt = self._attempts[step_key]
            self.timings.append(StepTiming(step_key, started, seconds, _ENDS[kind], attempt))


@dataclass(frozen=True)
class Ordering:
    """The plan of one run with the priorities that an orderer gave it, and what else the orderer said.

    ``order`` is None, and the plan as it was, where nobody was asked or asking failed; ``event`` shows which.
    """

    plan: ExecutionPlan
    orderer: Orderer | None = None
    order: RunOrder | None = None
    event: DagsterEvent | None = None

    @property
    def chains(self) -> Mapping[str, Sequence[str]]:
        """For the first step of a chain, the steps that run right behind it on its worker."""
        return {} if self.order is None else self.order.chains

    def workers(self, configured: int | None, otherwise: int) -> int:
        """How many steps at once: never more than configured; what the order says; else ``otherwise``."""
        said = None if self.order is None else self.order.max_concurrent
        limits = [limit for limit in (configured, said) if limit is not None]
        return max(1, min(limits, default=otherwise))

    def comparison(self, context: IPlanContext, clock: StepClock) -> Iterator[DagsterEvent]:
        """The event that holds the order against what happened, where there was an order."""
        if self.orderer is None or self.order is None:
            return
        try:
            compared = self.orderer.compare(context.instance, context.dagster_run, tuple(clock.timings))
            if compared is not None:
                yield _engine_event(context, compared.title, compared.metadata)
        except BaseException as error:
            raise_unless_datafusion(error)
            yield _error_event(context, "The order of this run could not be compared with what happened")


def ask(
    orderers: OrdererOf,
    kind: OrderKind,
    context: IPlanContext,
    plan: ExecutionPlan,
    max_concurrent: int | None,
) -> Ordering:
    """Asks for the order of a run that is about to begin; whatever fails is an event, not an error."""
    try:
        job = context.job.get_definition()
        orderer = orderers(job, kind)
        if orderer is None:
            return Ordering(plan)
        steps = tuple(plan.step_keys_to_execute)
        order = orderer.order(context.instance, context.dagster_run, job, steps, max_concurrent)
        ordered = with_priorities(plan, order.priorities)
        return Ordering(ordered, orderer, order, _engine_event(context, order.title, order.metadata))
    except BaseException as error:
        raise_unless_datafusion(error)
        title = "The steps could not be ordered; they run as they depend on each other"
        return Ordering(plan, event=_error_event(context, title))


def _engine_event(
    context: IPlanContext, title: str, metadata: Mapping[str, dg.MetadataValue]
) -> DagsterEvent:
    return DagsterEvent.engine_event(context, title, EngineEventData(metadata=metadata))


def _error_event(context: IPlanContext, title: str) -> DagsterEvent:
    error = serializable_error_info_from_exc_info(sys.exc_info())
    return DagsterEvent.engine_event(context, title, EngineEventData.engine_error(error))
