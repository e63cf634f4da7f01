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
    """The plan with its steps tagged; a step keeps the priority that its author gave it.

    What the authors say outranks the given ``priorities``: theirs count from 0, as everywhere in Dagster, so
    where there are any, the given ones are shifted to end at 0, and negative ones go below all of them.
    A step that ``priorities`` do not name comes after those that they do; names of no step count for nothing.
    """
    values = _merged(plan, priorities)
    levels = _celery_levels(values)
    steps = dict(plan.step_dict)
    for handle, step in steps.items():
        tags = {CELERY_TAG: str(levels[step.key]), **(step.tags or {}), PRIORITY_TAG: str(values[step.key])}
        steps[handle] = step._replace(tags=tags)  # type: ignore[attr-defined]
    return plan._replace(step_dict=steps, step_dict_by_key={step.key: step for step in steps.values()})


def _merged(plan: ExecutionPlan, priorities: Mapping[str, int]) -> Mapping[str, int]:
    """The priority of every step of the plan, higher first."""
    authors = {
        step.key: int(step.tags[PRIORITY_TAG])
        for step in plan.step_dict.values()
        if step.tags and PRIORITY_TAG in step.tags
    }
    given = {
        step.key: priorities.get(step.key) for step in plan.step_dict.values() if step.key not in authors
    }
    named = [value for value in given.values() if value is not None]
    lowest, highest = min(named, default=0), max(named, default=0)
    shift = highest if authors else 0
    values = {key: (lowest - 1 if value is None else value) - shift for key, value in given.items()}
    floor = min(values.values(), default=0)
    return values | {key: value + floor if value < 0 else value for key, value in authors.items()}


def _celery_levels(values: Mapping[str, int]) -> Mapping[str, int]:
    """The same order in as many levels as a broker knows."""
    distinct = sorted(set(values.values()))
    level = {
        value: _CELERY_LEVELS[place * len(_CELERY_LEVELS) // len(distinct)]
        for place, value in enumerate(distinct)
    }
    return {key: level[value] for key, value in values.items()}
