"""The steps of a run as tasks: those that make views, and whatever else runs with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.asset_key import EntityKey
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.storage.tags import PRIORITY_TAG

from dfplan_assets.forecast.tasks import tasks_of
from dfplan_assets.orchestration.assets import check_op_name
from dfplan_assets.orchestration.partitions import asked_range
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.scheduling.model import Task


@dataclass(frozen=True)
class RunSteps:
    """The tasks of one run by step key, each waiting for what Dagster makes it wait for.

    A task has its view's name; one of checks of a view that have a step of their own says so, any other has
    its step key. ``nodes_of_views`` and
    ``nodes_of_others`` name the nodes of the job behind the tasks.
    """

    job: dg.JobDefinition
    tasks: Mapping[str, Task]
    nodes_of_views: Mapping[str, str]
    nodes_of_others: Mapping[str, str]

    def view_keys(self) -> Mapping[str, dg.AssetKey]:
        """The asset that each view makes; not needed where the plan store knows the views."""
        return {name: _asset_keys(self.job, node)[0] for name, node in self.nodes_of_views.items()}

    def other_keys(self) -> Mapping[str, Sequence[EntityKey]]:
        """The assets that each other task makes; of one that makes none, a check, if it makes any."""
        return {
            name: _asset_keys(self.job, node) or _entity_keys(self.job, node)[:1]
            for name, node in self.nodes_of_others.items()
        }


def run_steps(
    plan: ProjectPlan,
    view_of_step: Mapping[str, str],
    job: dg.JobDefinition,
    step_keys: Sequence[str],
    tags: Mapping[str, str] | None = None,
) -> RunSteps:
    """The steps of a run of a job, with the views that ``view_of_step`` names.

    ``tags`` are those of the run, which say for which partitions it is.
    """
    views = [view_of_step[key] for key in step_keys if key in view_of_step]
    made = {task.name: task for task in tasks_of(plan, views, *asked_range(tags or {}))}
    view_of_checks = {check_op_name(step): view for step, view in view_of_step.items()}
    names = {
        key: f"checks of {view_of_checks[key]}"
        if key in view_of_checks
        else view_of_step.get(key) or _other_name(key, plan)
        for key in step_keys
    }
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
    tasks, nodes_of_views, nodes_of_others = {}, {}, {}
    for key in step_keys:
        node, name = _node(key), names[key]
        upstream = tuple(dict.fromkeys(upstream_of_node[node]))
        task = made.get(name)
        if task is None:
            nodes_of_others[name] = node
            task = Task(
                name=name,
                upstream=upstream,
                fingerprint=None,
                input_bytes=None,
                shape=None,
                user_priority=_priority_tag(job, node),
            )
        else:
            nodes_of_views[name] = node
            task = task.behind(upstream)
        tasks[key] = task
    return RunSteps(job, tasks, nodes_of_views, nodes_of_others)


def _node(step_key: str) -> str:
    """The node of the job that a step belongs to: itself, or the graph or mapped op that it is a part of."""
    return step_key.split(".", 1)[0].split("[", 1)[0]


def _other_name(step_key: str, plan: ProjectPlan) -> str:
    return f"{step_key} (step)" if step_key in plan.project.views else step_key


def _entity_keys(job: dg.JobDefinition, node: str) -> tuple[EntityKey, ...]:
    found = job.asset_layer.get_selected_entity_keys_for_node(NodeHandle(node, None))
    return tuple(sorted(found, key=str))


def _asset_keys(job: dg.JobDefinition, node: str) -> tuple[dg.AssetKey, ...]:
    return tuple(key for key in _entity_keys(job, node) if isinstance(key, dg.AssetKey))


def _priority_tag(job: dg.JobDefinition, node: str) -> int | None:
    """The priority that the author of a step gave it, as Dagster's executors read it."""
    tag = job.get_node_named(node).tags.get(PRIORITY_TAG)
    return None if tag is None else int(tag)
