"""Python assets in the runs of ``dfplan run``: which runs they belong to, and which steps make them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

import dagster as dg

from dfplan_assets.errors import InputError
from dfplan_assets.orchestration.partition_runs import PartitionRange, PlannedRun, planned_runs
from dfplan_assets.orchestration.python_assets import PythonAssets
from dfplan_assets.orchestration.table_keys import KeyOf
from dfplan_assets.planning.bundle import ProjectPlan


def planned_with_python(
    plan: ProjectPlan,
    views: Collection[str],
    keys: Collection[dg.AssetKey],
    asked: PartitionRange | None,
    python: PythonAssets,
    definitions: dg.Definitions,
    key_of: KeyOf,
) -> tuple[PlannedRun, ...]:
    """The runs of ``planned_runs`` with these Python assets in them.

    Those without partitions run once: in the only run, or in the one before a range. Those with partitions
    run for the partition that is asked for. Raises InputError where one has partitions and none is asked for,
    or does not have the one that is, and where a range of several runs has no place for one.
    """
    if not keys:
        return planned_runs(plan, views, asked)
    partitioned = frozenset(key for key in keys if python.partitions_of(key) is not None)
    whole = frozenset(keys) - partitioned
    _check_partitions(partitioned, asked, python)
    views_with_partitions = [view for view in views if plan.project.views[view].partitions]
    if partitioned and not views_with_partitions:
        return (PlannedRun(frozenset(views), asked, frozenset(keys)),)
    runs = planned_runs(plan, views, asked)
    if len(runs) == 1:
        return (replace(runs[0], assets=frozenset(keys)),)
    behind = _behind(definitions, {key_of(view) for view in views_with_partitions}) & whole
    if behind:
        raise InputError(
            f"partition range {asked}",
            f"the asset {min(behind).to_user_string()} reads views with partitions: a range in several runs "
            "has no place for it",
            "Run the range without it, then it; or give all views with partitions backfill: single_run.",
        )
    before = PlannedRun(frozenset()) if runs[0].partitions is not None else runs[0]
    later = runs if before not in runs else runs[1:]
    with_keys = [run if run.partitions is None else replace(run, assets=partitioned) for run in later]
    return (*((replace(before, assets=whole),) if whole or before.views else ()), *with_keys)


class PythonSteps:
    """The steps of a run that make Python assets, by the names of these: their keys, as in models/scores."""

    def __init__(self, definitions: dg.Definitions, keys: Collection[dg.AssetKey]) -> None:
        self._keys = tuple(sorted(keys))
        self._graph = definitions.resolve_asset_graph() if keys else None

    def made_by(self, step_key: str) -> tuple[str, ...]:
        """The assets that a step makes; none where it is not one of these, or only a part of one."""
        return self._names_of_node.get(step_key, ())

    def upstream(self, project: ProjectPlan, key_of: KeyOf) -> Mapping[str, tuple[str, ...]]:
        """What the Python assets read, and which views read them: by name, of views and of Python assets."""
        if self._graph is None:
            return {}
        names = {key_of(view): view for view in project.project.views}
        names |= {key: key.to_user_string() for key in self._keys}
        found = {
            names[key]: tuple(names[parent] for parent in self._graph.get(key).parent_keys if parent in names)
            for key in self._keys
        }
        for key in self._keys:
            for child in self._graph.get(key).child_keys:
                if child in names:
                    found[names[child]] = (*found.get(names[child], ()), names[key])
        return found

    @cached_property
    def _names_of_node(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for key in self._keys:
            assert self._graph is not None  # there are keys
            node = self._graph.get(key).assets_def.node_def.name
            found[node] = (*found.get(node, ()), key.to_user_string())
        return found


def _check_partitions(
    partitioned: Collection[dg.AssetKey], asked: PartitionRange | None, python: PythonAssets
) -> None:
    for key in sorted(partitioned):
        partitions = python.partitions_of(key)
        assert partitions is not None
        where = f"asset {key.to_user_string()}"
        if asked is None:
            raise InputError(
                where,
                "it has partitions, and none is asked for",
                f"Add --partition KEY, or leave it out: dfplan run 'not key:\"{key.to_user_string()}\"'",
            )
        for asked_key in dict.fromkeys([asked.first, asked.last]):
            if not partitions.has_partition_key(asked_key):
                raise InputError(
                    where,
                    f"it has no partition {asked_key}",
                    "Choose one that all that run have, or leave the asset out.",
                )


def _behind(definitions: dg.Definitions, keys: set[dg.AssetKey]) -> set[dg.AssetKey]:
    """All that is made of these assets, directly or through others."""
    graph = definitions.resolve_asset_graph()
    found: set[dg.AssetKey] = set()
    waiting = list(keys)
    while waiting:
        for child in graph.get(waiting.pop()).child_keys:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
