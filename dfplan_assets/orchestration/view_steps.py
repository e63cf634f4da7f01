"""Which steps of a job are views, and of which projects."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.definitions.dependency import NodeHandle

from dfplan_assets.planning.bundle import ProjectPlan

OpFunction = TypeVar("OpFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class ViewStep:
    """The view that a step runs, planned or not, and the project it belongs to."""

    project: ProjectPlan
    view: str


_SIGNATURE = inspect.Signature(return_annotation=dg.MaterializeResult)

# The function is what Dagster keeps as it is when it copies, renames or subsets an asset's definition.
_view_of_function: WeakKeyDictionary[Callable[..., Any], ViewStep] = WeakKeyDictionary()


def running(step: ViewStep) -> Callable[[OpFunction], OpFunction]:
    """Says of the function of an op which view it runs."""

    def remember(function: OpFunction) -> OpFunction:
        _view_of_function[function] = step
        if not function.__code__.co_argcount:
            # Dagster looks at a function's signature sixteen times, and evaluates its annotation at eight.
            function.__annotations__ = {"return": dg.MaterializeResult}
            vars(function)["__signature__"] = _SIGNATURE
        return function

    return remember


def view_steps(job: dg.JobDefinition) -> Mapping[str, ViewStep]:
    """The views that a job's steps make by step key, in whatever definitions they stand.

    A step that only makes checks of a view is none of them.
    """
    steps = {}
    for node in job.nodes:
        definition = node.definition
        compute = definition.compute_fn if isinstance(definition, dg.OpDefinition) else None
        if isinstance(compute, DecoratedOpFunction):
            step = _view_of_function.get(compute.decorated_fn)
            if step is not None and _makes_an_asset(job, node.name):
                steps[node.name] = step
    return steps


def _makes_an_asset(job: dg.JobDefinition, node: str) -> bool:
    keys = job.asset_layer.get_selected_entity_keys_for_node(NodeHandle(node, None))
    return any(isinstance(key, dg.AssetKey) for key in keys)
