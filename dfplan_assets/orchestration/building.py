"""A project, or a part of it, for definitions that are written by hand."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from dfplan_assets.errors import InputError
from dfplan_assets.orchestration.assets import source_assets, source_specs, view_assets
from dfplan_assets.orchestration.definitions import executor_for, project_definitions
from dfplan_assets.orchestration.drift_sensor import build_drift_sensor
from dfplan_assets.orchestration.heap import nothing_collected
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.runner import ProjectRunner
from dfplan_assets.orchestration.schedules import build_schedules
from dfplan_assets.orchestration.selection import matching_views, select_views
from dfplan_assets.orchestration.source_sensor import build_source_sensor
from dfplan_assets.orchestration.translator import DfplanTranslator, check_keys
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Project
from dfplan_assets.store.plan_memory import plan_remembered

AnyProject = ProjectPlan | Project | str | os.PathLike[str]
"""A project as planned, as read, or as the folder in which its ``dfplan.yaml`` lies."""


def build_view_assets(
    project: AnyProject,
    *,
    select: str | None = None,
    exclude: str | None = None,
    translator: DfplanTranslator | None = None,
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The views of a project as assets.

    ``select`` and ``exclude`` are in the syntax that ``dfplan run`` takes. What is left out stays a
    dependency of what reads it, as an asset that something else makes. A view that is not stored comes with
    the views that read it: nothing ever makes it. Without a translator the project's own is taken.

    Raises InputError for a project that cannot be read or planned, a selection that means nothing, and a
    translator that gives two tables one key.
    """
    plan = _planned(project)
    translator = translator or translator_of(plan.project)
    check_keys(plan, translator)
    chosen = _chosen(plan, translator, select, exclude)
    return _view_assets(plan, translator, chosen)


def build_definitions(
    project: AnyProject,
    *,
    select: str | None = None,
    exclude: str | None = None,
    translator: DfplanTranslator | None = None,
    with_executor: bool = True,
) -> dg.Definitions:
    """A project as definitions: its views as ``build_view_assets`` gives them, its sources, sensors,
    schedules and executor.

    The Python assets of the modules under ``extends:`` come with the whole project only. Of sources, sensors
    and schedules there is what the chosen views need. ``with_executor=False`` leaves the
    executor out, for a code location that has another one: merge ``with_measured_priorities`` of that one in
    its place, and steps run in measured order all the same. Raises as ``build_view_assets`` does.
    """
    with nothing_collected():
        plan = _planned(project)
        translator = translator or translator_of(plan.project)
        if select is None and exclude is None:
            whole = project_definitions(plan, translator)
            return whole if with_executor else _without_executor(whole)
        check_keys(plan, translator)
        chosen = _chosen(plan, translator, select, exclude)
        assert chosen is not None  # something is selected or excluded
        return _part(plan, translator, chosen, with_executor)


def _part(
    plan: ProjectPlan, translator: DfplanTranslator, chosen: _Chosen, with_executor: bool
) -> dg.Definitions:
    return dg.Definitions(
        assets=[*_view_assets(plan, translator, chosen), *source_assets(plan, translator, chosen.sources)],
        executor=executor_for(plan.project.scheduling) if with_executor else None,
        schedules=build_schedules(plan, _specs(plan, translator), translator, chosen.stored),
        sensors=[
            build_drift_sensor(plan, translator, views=chosen.stored),
            *build_source_sensor(plan, translator, chosen.stored),
        ],
    )


@dataclass(frozen=True)
class _Chosen:
    """A part of a project: stored views, views that are not stored, and the sources that either reads."""

    stored: frozenset[str]
    virtual: frozenset[str]
    sources: frozenset[str]


def _planned(project: AnyProject) -> ProjectPlan:
    if isinstance(project, ProjectPlan):
        return project
    loaded = project if isinstance(project, Project) else load_project(Path(project))
    return plan_remembered(loaded, keep=True, keep_going=True)


def _without_executor(definitions: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=definitions.assets,
        asset_checks=definitions.asset_checks,
        resources=definitions.resources,
        schedules=definitions.schedules,
        sensors=definitions.sensors,
    )


def _specs(plan: ProjectPlan, translator: DfplanTranslator) -> dg.Definitions:
    """What selections choose from: the whole project, as if one op made all that is stored."""
    specs = [
        translator.get_asset_spec(plan, plan.project.views[view]).replace_attributes(partitions_def=None)
        for view in plan.all_views
    ]
    stored = [spec for spec in specs if not spec.is_virtual]

    # ``+`` goes through assets that something makes, and no others.
    made = [dg.multi_asset(specs=stored, name="views", can_subset=True)(lambda: None)] if stored else []
    return dg.Definitions(
        assets=[
            *made,
            *(spec for spec in specs if spec.is_virtual),
            *source_specs(plan, translator).values(),
        ]
    )


def _chosen(
    plan: ProjectPlan, translator: DfplanTranslator, select: str | None, exclude: str | None
) -> _Chosen | None:
    """What is selected and not excluded; None where that is everything."""
    if select is None and exclude is None:
        return None
    specs, key_of = _specs(plan, translator), translator.get_asset_key
    stored = select_views(select, plan, specs, key_of)
    if exclude is not None:
        stored -= frozenset(matching_views(exclude, plan, specs, key_of))
    if not stored:
        said = "" if select is None else f"select: {select}, "
        raise InputError(
            f"{plan.project.root / 'dfplan.yaml'}: {said}exclude: {exclude}",
            "no view is left of what is selected when what is excluded is taken out",
            "Exclude less.",
        )
    read = {table for view in stored for table in _reads(plan, view)}
    virtual = frozenset(table for table in read if plan.is_virtual(table))
    direct = {table for view in (*stored, *virtual) for table in plan.tables_of(view)}
    return _Chosen(stored, virtual, frozenset(direct & plan.project.sources.keys()))


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
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    runner = ProjectRunner(plan)
    if chosen is None:
        return view_assets(plan, translator, runner)
    virtual = {translator.get_asset_key(view) for view in chosen.virtual}
    return [
        each
        for each in view_assets(plan, translator, runner, chosen.stored)
        if isinstance(each, dg.AssetsDefinition) or each.key in virtual
    ]
