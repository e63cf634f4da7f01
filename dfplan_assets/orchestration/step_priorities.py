"""Priorities as tags of the steps of a plan, which is where Dagster's executors look for them."""

from __future__ import annotations

from collections.abc import Mapping

from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.storage.tags import PRIORITY_TAG

CELERY_TAG = "dagster-celery/priority"
"""What dagster-celery reads, for its queue as well, instead of ``dagster/priority``."""

# Brokers take 0 to 10, and steps without a priority have 5.
_CELERY_LEVELS = range(1, 10)


def with_priorities(plan: ExecutionPlan, priorities: Mapping[str, int]) -> ExecutionPlan:
    """The plan with its steps tagged by these priorities, which weigh what the steps' authors ask for.

    Of the steps that ``priorities`` do not name, those whose author asks for it come before all that they do
    name, the others after them. Names of no step count for nothing. A step keeps a priority that its author
    gave it for celery.
    """
    values = _of_all_steps(plan, priorities)
    levels = _celery_levels(values)
    steps = dict(plan.step_dict)
    for handle, step in steps.items():
        tags = {CELERY_TAG: str(levels[step.key]), **(step.tags or {}), PRIORITY_TAG: str(values[step.key])}
        steps[handle] = step._replace(tags=tags)  # type: ignore[attr-defined]
    return plan._replace(step_dict=steps, step_dict_by_key={step.key: step for step in steps.values()})


def _of_all_steps(plan: ExecutionPlan, priorities: Mapping[str, int]) -> Mapping[str, int]:
    named = [priorities[step.key] for step in plan.step_dict.values() if step.key in priorities]
    lowest, highest = min(named, default=0), max(named, default=0)
    values = {}
    for step in plan.step_dict.values():
        asked = int((step.tags or {}).get(PRIORITY_TAG, 0))
        unnamed = highest + asked if asked > 0 else lowest - 1 + asked
        values[step.key] = priorities.get(step.key, unnamed)
    return values


def _celery_levels(values: Mapping[str, int]) -> Mapping[str, int]:
    """The same order in as many levels as a broker knows."""
    distinct = sorted(set(values.values()))
    level = {
        value: _CELERY_LEVELS[place * len(_CELERY_LEVELS) // len(distinct)]
        for place, value in enumerate(distinct)
    }
    return {key: level[value] for key, value in values.items()}
