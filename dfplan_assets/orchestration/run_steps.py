"""The steps of a run as tasks: those that make views, and whatever else runs with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.storage.tags import PRIORITY_TAG

from dfplan_assets.forecast.tasks import tasks_of
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.scheduling.model import Task


@dataclass(frozen=True)
class RunSteps:
    """The tasks of one run by step key, each waiting for what Dagster makes it wait for.

    A task has its view's name, or its step key where it is no view. ``view_keys`` and ``other_keys``
    name the assets that the tasks make, by task; other steps may make several or none.
    """

    tasks: Mapping[str, Task]
    view_keys: Mapping[str, dg.AssetKey]
    other_keys: Mapping[str, Sequence[dg.AssetKey]]


def run_steps(
    plan: ProjectPlan,
    view_of_step: Mapping[str, str],
    job: dg.JobDefinition,
    step_keys: Sequence[str],
    partition_key: str | None = None,
) -> RunSteps:
    """The steps of a run of a job, with the views that ``view_of_step`` names.

    ``partition_key`` is that of the run, None where it is for none, or for several.
    """
    views = [view_of_step[key] for key in step_keys if key in view_of_step]
    made = {task.name: task for task in tasks_of(plan, views, partition_key)}
    names = {key: view_of_step.get(key) or _other_name(key, plan) for key in step_keys}
    steps_of_node: dict[str, list[str]] = {}
    for key in step_keys:
        steps_of_node.setdefault(_node(key), []).append(key)
    structure = job.graph.dependency_structure
    upstream_of_node = {
        node: tuple(
            names[key]
            for outputs in structure.input_to_upstream_outputs_for_node(node).values()
            for output in outputs
            for key in steps_of_node.get(output.node_name, ())
        )
        for node in steps_of_node
    }
    tasks, view_keys, other_keys = {}, {}, {}
    for key in step_keys:
        node, name = _node(key), names[key]
        upstream = tuple(dict.fromkeys(upstream_of_node[node]))
        task = made.get(name)
        keys = _asset_keys(job, node)
        if task is None:
            other_keys[name] = keys
            task = Task(
                name=name,
                upstream=upstream,
                fingerprint=None,
                input_bytes=None,
                shape=None,
                user_priority=_priority_tag(job, node),
            )
        else:
            view_keys[name] = keys[0]
            task = replace(task, upstream=upstream)
        tasks[key] = task
    return RunSteps(tasks, view_keys, other_keys)


def _node(step_key: str) -> str:
    """The node of the job that a step belongs to: itself, or the graph or mapped op that it is a part of."""
    return step_key.split(".", 1)[0].split("[", 1)[0]


def _other_name(step_key: str, plan: ProjectPlan) -> str:
    return f"{step_key} (step)" if step_key in plan.project.views else step_key


def _asset_keys(job: dg.JobDefinition, node: str) -> tuple[dg.AssetKey, ...]:
    found = job.asset_layer.get_selected_entity_keys_for_node(NodeHandle(node, None))
    return tuple(sorted((key for key in found if isinstance(key, dg.AssetKey)), key=str))


def _priority_tag(job: dg.JobDefinition, node: str) -> int | None:
    """The priority that the author of a step gave it, as Dagster's executors read it."""
    tag = job.get_node_named(node).tags.get(PRIORITY_TAG)
    return None if tag is None else int(tag)
