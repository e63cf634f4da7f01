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
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.executor.init import InitExecutorContext
from dagster._core.executor.multiprocess import MultiprocessExecutor

from dfplan_assets.orchestration.measured_order import orderer_of
from dfplan_assets.orchestration.ordering import Ordering, StepClock, ask
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
        # Dagster's storages take a third of a second to import, which loading definitions need not wait for.
        from dfplan_assets.orchestration.sqlite_storage import kept_connections

        with kept_connections(plan_context.instance):
            ordering = Ordering(execution_plan)
            if self._kind is not None:
                ordering = ask(self._orderers, self._kind, plan_context, execution_plan, self._max_concurrent)
            if ordering.event is not None:
                yield ordering.event
            inner = self._inner(ordering)
            clock = StepClock()
            for event in inner.execute(_context_for(inner, plan_context, ordering.plan), ordering.plan):
                clock.note(event)
                yield event
            yield from ordering.comparison(plan_context, clock)


def _context_for(
    executor: dg.Executor, context: PlanOrchestrationContext, plan: ExecutionPlan
) -> PlanOrchestrationContext:
    """The context as if the run had this executor and plan: executors look for both there as well."""
    changed = copy.copy(context)
    changed._executor = executor
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
    if max_concurrent is not None and max_concurrent < 1:
        raise dg.DagsterInvariantViolationError(
            f"max_concurrent of the executor dfplan is {max_concurrent}, but at least one step must run at a "
            "time. Leave it out to let the measurements decide."
        )
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


def with_measured_priorities(
    executor: dg.ExecutorDefinition, orderers: OrdererOf | None = None
) -> dg.ExecutorDefinition:
    """Another executor, told at run time in which order to run the steps.

    It changes the tags by which executors rank steps: ``dagster/priority`` for Dagster's in-process,
    multiprocess and step-delegating ones, ``dagster-celery/priority`` for those of dagster-celery. Dask runs
    steps in an order of its own. Name, configuration and requirements stay those of the executor.
    """

    def create(init_context: InitExecutorContext) -> dg.Executor:
        make = executor.executor_creation_fn
        assert make is not None
        inner = make(init_context)
        return OrderedExecutor(
            lambda _: inner,
            inner.retries,
            inner.step_dependency_config,
            orderers or orderer_of,
            "measured",
            _steps_at_once(inner),
        )

    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]  # a schema is taken as it is
        requirements=executor.get_requirements,
        executor_creation_fn=create,
        description=executor.description,
    )


def _steps_at_once(executor: dg.Executor) -> int | None:
    """How many steps an executor runs at once, None where that is up to others."""
    if isinstance(executor, InProcessExecutor):
        return 1
    # The multiprocess and the step-delegating one keep it, with their default filled in, by this name.
    limit = getattr(executor, "_max_concurrent", None)
    return limit if isinstance(limit, int) else None


dfplan_executor = build_executor()
"""The executor for definitions written by hand: it finds the projects behind a job's views by itself."""
