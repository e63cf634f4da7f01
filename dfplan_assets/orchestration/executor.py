"""Executors that run the steps of a run in a measured order."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.step_dependency_config import (
    StepDependencyConfig,
    get_step_dependency_config_field,
)
from dagster._core.execution.tags import get_tag_concurrency_limits_config
from dagster._core.executor.init import InitExecutorContext
from dagster._core.executor.multiprocess import MultiprocessExecutor

from dfplan_assets.orchestration.measured_order import orderer_of
from dfplan_assets.orchestration.ordering import NO_ORDERING, Ordering, StepClock, ask, with_priorities
from dfplan_assets.orchestration.run_order import OrdererOf, OrderKind
from dfplan_assets.orchestration.shared_executor import SharedExecutor
from dfplan_assets.project.model import Scheduling

_MODE = dg.Enum("DfplanMode", [dg.EnumValue("shared"), dg.EnumValue("multiprocess")])
_ORDER = dg.Enum("DfplanOrder", [dg.EnumValue("measured"), dg.EnumValue("static"), dg.EnumValue("off")])
# As Dagster's own executors have them.
_RETRIES: dg.Field = get_retries_config()  # type: ignore[no-untyped-call]
_TAG_LIMITS: dg.Field = get_tag_concurrency_limits_config()  # type: ignore[no-untyped-call]
_DEPENDENCIES: dg.Field = get_step_dependency_config_field()  # type: ignore[no-untyped-call]


class OrderedExecutor(dg.Executor):
    """Asks for the order of a run, and lets the executor made for that order run it.

    ``kind`` is None where no order is wanted. ``max_concurrent`` is what the run's configuration allows,
    None where it says nothing.
    """

    def __init__(
        self,
        inner: Callable[[Ordering], dg.Executor],
        retries: RetryMode,
        step_dependency_config: StepDependencyConfig,
        orderers: OrdererOf,
        kind: OrderKind | None,
        max_concurrent: int | None,
    ) -> None:
        self._inner = inner
        self._retries = retries
        self._step_dependency_config = step_dependency_config
        self._orderers = orderers
        self._kind = kind
        self._max_concurrent = max_concurrent

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
        """Runs the plan in the order that it is told; without one, as Dagster would."""
        ordering = NO_ORDERING
        if self._kind is not None:
            ordering = ask(self._orderers, self._kind, plan_context, execution_plan, self._max_concurrent)
        if ordering.event is not None:
            yield ordering.event
        if ordering.order is not None:
            execution_plan = with_priorities(execution_plan, ordering.order.priorities)
            plan_context = _of_plan(plan_context, execution_plan)
        clock = StepClock()
        for event in self._inner(ordering).execute(plan_context, execution_plan):
            clock.note(event)
            yield event
        yield from ordering.comparison(plan_context, clock)


def _of_plan(context: PlanOrchestrationContext, plan: ExecutionPlan) -> PlanOrchestrationContext:
    """The context of another form of its plan: where an executor takes the plan from differs."""
    changed = copy.copy(context)
    changed._plan_data = context.plan_data._replace(execution_plan=plan)
    return changed


def build_executor(
    scheduling: Scheduling | None = None, orderers: OrdererOf | None = None
) -> dg.ExecutorDefinition:
    """The executor whose configuration is ``scheduling`` where a run's own says nothing."""
    defaults = scheduling or Scheduling()

    @dg.executor(
        name="dfplan",
        config_schema={
            "mode": dg.Field(
                _MODE,
                default_value=defaults.mode,
                description="shared: steps in threads of one process; multiprocess: each in its own process.",
            ),
            "max_concurrent": dg.Field(
                dg.Noneable(int),
                default_value=defaults.max_concurrent,
                description="How many steps at once; without it the measurements decide, or the cores.",
            ),
            "scheduling": dg.Field(
                _ORDER,
                default_value=defaults.order,
                description="measured: by the cost of past runs; static: by the graph alone; off.",
            ),
            "retries": _RETRIES,
            "tag_concurrency_limits": _TAG_LIMITS,
            "step_dependency_config": _DEPENDENCIES,
        },
        requirements=_requirements,
    )
    def dfplan(init_context: InitExecutorContext) -> dg.Executor:
        return _executor(init_context.executor_config, orderers or orderer_of)

    return dfplan


def _requirements(config: Mapping[str, object]) -> Any:
    return multiple_process_executor_requirements() if config["mode"] == "multiprocess" else []


def _executor(config: Mapping[str, Any], orderers: OrdererOf) -> dg.Executor:
    max_concurrent: int | None = config["max_concurrent"]
    (retries,) = (RetryMode(name) for name in config["retries"])
    dependencies = StepDependencyConfig.from_config(config.get("step_dependency_config"))
    limits = config.get("tag_concurrency_limits")
    cores = os.cpu_count() or 1

    def inner(ordering: Ordering) -> dg.Executor:
        workers = ordering.workers(max_concurrent, otherwise=cores)
        if config["mode"] == "multiprocess":
            return MultiprocessExecutor(retries, workers, limits, step_dependency_config=dependencies)
        return SharedExecutor(workers, retries, limits, dependencies, ordering.chains)

    kind = None if config["scheduling"] == "off" else config["scheduling"]
    return OrderedExecutor(inner, retries, dependencies, orderers, kind, max_concurrent)


dfplan_executor = build_executor()
"""The executor for definitions written by hand: it finds the projects behind a job's views by itself."""
