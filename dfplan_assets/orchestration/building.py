"""A project, or a part of it, for definitions that are written by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import dagster as dg

from dfplan_assets.errors import InputError
from dfplan_assets.execution.published_tables import IO_MANAGER_KEY
from dfplan_assets.orchestration.any_project import AnyProject, planned
from dfplan_assets.orchestration.assets import source_assets, view_assets
from dfplan_assets.orchestration.definitions import executor_for, project_definitions
from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
from dfplan_assets.orchestration.heap import nothing_collected
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import PythonAssets, python_assets
from dfplan_assets.orchestration.runner import ProjectRunner
from dfplan_assets.orchestration.schedules import build_schedules
from dfplan_assets.orchestration.selectable import selectable
from dfplan_assets.orchestration.selection import matching_keys, select_with_python
from dfplan_assets.orchestration.source_sensor import build_source_sensor
from dfplan_assets.orchestration.translator import DfplanTranslator, check_keys
from dfplan_assets.planning.bundle import ProjectPlan


def build_view_assets(
    project: AnyProject,
    *,
    select: str | None = None,
    exclude: str | None = None,
    translator: DfplanTranslator | None = None,
) -> list[dg.AssetsDefinition]:
    """The views of a project as assets.

    ``select`` and ``exclude`` are in the syntax that ``dfplan run`` takes. What is left out stays a
    dependency of what reads it, as an asset that something else makes. A view that is not stored comes with
    the views that read it: nothing ever makes it. Without a translator the project's own is taken.

    Raises InputError for a project that cannot be read, a selection that means nothing, and a
    translator that gives two tables one key.
    """
    plan = planned(project)
    translator = translator or translator_of(plan.project)
    check_keys(plan, translator)
    return _view_assets(plan, translator, _chosen(plan, translator, select, exclude, PythonAssets()))


def build_definitions(
    project: AnyProject,
    *,
    select: str | None = None,
    exclude: str | None = None,
    translator: DfplanTranslator | None = None,
    with_executor: bool = True,
) -> dg.Definitions:
    """A project as definitions: its views as ``build_view_assets`` gives them, the Python assets of its
    modules under ``extends:``, its sources, sensors, schedules and executor.

    Python assets are selected and excluded as views are, by their keys. Of sources, sensors and schedules
    there is what the chosen views need. ``with_executor=False`` leaves the
    executor out, for a code location that has another one: merge ``with_measured_priorities`` of that one in
    its place, and steps run in measured order all the same. Raises as ``build_view_assets`` does.
    """
    with nothing_collected():
        plan = planned(project)
        translator = translator or translator_of(plan.project)
        if select is None and exclude is None:
            whole = project_definitions(plan, translator)
            return whole if with_executor else _without_executor(whole)
        check_keys(plan, translator)
        python = python_assets(plan, translator)
        chosen = _chosen(plan, translator, select, exclude, python)
        assert chosen is not None  # something is selected or excluded
        return _part(plan, translator, chosen, python, with_executor)


def _part(
    plan: ProjectPlan,
    translator: DfplanTranslator,
    chosen: _Chosen,
    python: PythonAssets,
    with_executor: bool,
) -> dg.Definitions:
    assets = [asset for asset in python.assets if not asset.keys.isdisjoint(chosen.python)]
    keys = {translator.get_asset_key(view) for view in chosen.stored}.union(*(each.keys for each in assets))
    virtual = map(translator.get_asset_key, chosen.virtual)
    # A schedule can run those without partitions.
    whole = {key for key in chosen.python if python.partitions_of(key) is None}
    scheduled = build_schedules(plan, chosen.specs, translator, chosen.stored, whole)
    return dg.Definitions(
        assets=[
            *_view_assets(plan, translator, chosen),
            *source_assets(plan, translator, chosen.sources),
            *assets,
            *_handed_from_outside(plan, translator, assets, keys.union(virtual), python),
        ],
        asset_checks=python.checks_of(keys).checks,
        resources=python.resources,
        executor=executor_for(plan.project.scheduling) if with_executor else None,
        schedules=scheduled.schedules,
        sensors=[
            build_drift_sensor(plan, translator, views=chosen.stored),
            *build_source_sensor(plan, translator, chosen.stored),
            *scheduled.sensors,
        ],
    )


def _handed_from_outside(
    plan: ProjectPlan,
    translator: DfplanTranslator,
    assets: Iterable[dg.AssetsDefinition],
    keys: Collection[dg.AssetKey],
    python: PythonAssets,
) -> list[dg.AssetSpec]:
    """What these Python assets read and what is left out: an asset that is handed over must be known."""
    read = {key for asset in assets for read_by in asset.asset_deps.values() for key in read_by}
    views = {translator.get_asset_key(view): view for view in plan.all_views}
    found = [
        dg.AssetSpec(
            key, partitions_def=translator.get_partitions_def(plan.project.views[views[key]])
        ).with_io_manager_key(IO_MANAGER_KEY)
        for key in sorted((read & views.keys()).difference(keys))
    ]
    for asset in python.assets:
        for key in sorted((read & asset.keys).difference(keys)):
            found.append(
                dg.AssetSpec(key, partitions_def=asset.specs_by_key[key].partitions_def).with_io_manager_key(
                    asset.get_io_manager_key_for_asset_key(key)
                )
            )
    return found


@dataclass(frozen=True)
class _Chosen:
    """A part of a project: stored views, views that are not stored, the sources that either reads, and the
    keys of Python assets; ``specs`` is the whole, to choose from."""

    stored: frozenset[str]
    virtual: frozenset[str]
    sources: frozenset[str]
    python: frozenset[dg.AssetKey]
    specs: dg.Definitions


def _without_executor(definitions: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        resources=definitions.resources,
        schedules=definitions.schedules,
        sensors=definitions.sensors,
    )


def _chosen(
    plan: ProjectPlan,
    translator: DfplanTranslator,
    select: str | None,
    exclude: str | None,
    python: PythonAssets,
) -> _Chosen | None:
    """What is selected and not excluded; None where that is everything."""
    if select is None and exclude is None:
        return None
    specs, key_of = selectable(plan, translator, python), translator.get_asset_key
    stored, assets = select_with_python(select, plan, specs, key_of, python.keys)
    if exclude is not None:
        excluded = matching_keys(exclude, plan, specs, key_of, python.keys)
        stored = frozenset(view for view in stored if key_of(view) not in excluded)
        assets -= excluded
    if not stored and not assets:
        said = "" if select is None else f"select: {select}, "
        raise InputError(
            f"{plan.project.root / 'dfplan.yaml'}: {said}exclude: {exclude}",
            "no view is left of what is selected when what is excluded is taken out",
            "Exclude less.",
        )
    read = {table for view in stored for table in _reads(plan, view)}
    virtual = frozenset(table for table in read if plan.is_virtual(table))
    direct = {table for view in (*stored, *virtual) for table in plan.tables_of(view)}
    return _Chosen(stored, virtual, frozenset(direct & plan.project.sources.keys()), assets, specs)


def _reads(plan: ProjectPlan, view: str) -> Collection[str]:
    """What a view reads, also through views that are not stored."""
    found: set[str] = set()
    waiting = [view]
    while waiting:
        for table in plan.tables_of(waiting.pop()):
            if table not in found:
                found.add(table)
                if plan.is_virtual(table):
                    waiting.append(table)
    return found


def _view_assets(
    plan: ProjectPlan, translator: DfplanTranslator, chosen: _Chosen | None
) -> list[dg.AssetsDefinition]:
    runner = ProjectRunner(plan)
    if chosen is None:
        return view_assets(plan, translator, runner)
    unread = {
        translator.get_asset_key(view)
        for view in plan.all_views
        if plan.is_virtual(view) and view not in chosen.virtual
    }
    assets = view_assets(plan, translator, runner, chosen.stored)
    return [each for each in assets if unread.isdisjoint(each.keys)]
