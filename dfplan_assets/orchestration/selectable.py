"""What a selection chooses from: the graph of a project, without an op for each view."""

from __future__ import annotations

import dagster as dg

from dfplan_assets.orchestration.assets import source_specs
from dfplan_assets.orchestration.port_names import PortNames
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import PythonAssets, python_assets
from dfplan_assets.orchestration.selection import select_views
from dfplan_assets.orchestration.translator import DfplanTranslator, check_keys
from dfplan_assets.planning.bundle import ProjectPlan


def selected_views(plan: ProjectPlan, selection: str) -> frozenset[str]:
    """The stored views that a selection means; raises as ``select_views`` and ``check_keys`` do."""
    translator = translator_of(plan.project)
    check_keys(plan, translator)
    whole = selectable(plan, translator, python_assets(plan, translator))
    return select_views(selection, plan, whole, translator.get_asset_key)


def selectable(plan: ProjectPlan, translator: DfplanTranslator, python: PythonAssets) -> dg.Definitions:
    """The whole project as if one op made all that is stored, with these Python assets.

    Selections mean the same in it as in the definitions of the project, and making the ops of a thousand
    views takes seconds.
    """
    specs = [
        _without_partitions(translator.get_asset_spec(plan, plan.project.views[view]))
        for view in plan.all_views
    ]
    stored = [spec for spec in specs if not spec.is_virtual]

    # ``+`` goes through assets that something makes, and no others.
    made: list[dg.AssetsDefinition] = []
    if stored:
        ports = PortNames.of_specs(stored)
        views = dg.multi_asset(specs=[ports.on(spec) for spec in stored], name="views", can_subset=True)
        made.append(ports.restore(views(lambda: None)))
    return dg.Definitions(
        assets=[
            *made,
            *(spec for spec in specs if spec.is_virtual),
            *source_specs(plan, translator).values(),
            *python.assets,
        ],
        resources=python.resources,
    )


def _without_partitions(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset as one of many that one op makes, which knows one mapping of partitions for each upstream."""
    return spec.replace_attributes(
        partitions_def=None, deps=[dep._replace(partition_mapping=None) for dep in spec.deps]
    )
