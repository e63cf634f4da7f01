"""A translator whose views are changed by the ``translation:`` of a ``defs.yaml``."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Project, View


def translated(
    translator: DfplanTranslator, project: Project, translation: Callable[[dg.AssetSpec, View], dg.AssetSpec]
) -> DfplanTranslator:
    """The same translator, but that ``translation`` has the last word on each view; sources stay.

    A view's key is that of its translated spec. Where one facet alone is asked for, the translation gets a
    spec with what the view's file tells.
    """

    class Translated(type(translator)):  # type: ignore[misc]  # a base class known at run time only
        def __init__(self) -> None:
            self.__dict__.update(vars(translator))
            self._keys: dict[str, dg.AssetKey] = {}

        def get_asset_key(self, table: str) -> dg.AssetKey:
            view = project.views.get(table)
            if view is None:
                return translator.get_asset_key(table)
            if table not in self._keys:
                self._keys[table] = translation(self._of_file_alone(view), view).key
            return self._keys[table]

        def get_automation_condition(
            self, plan: ProjectPlan, view: View
        ) -> dg.AutomationCondition[dg.AssetKey] | None:
            condition = super().get_automation_condition(plan, view)
            spec = self._of_file_alone(view).replace_attributes(automation_condition=condition)
            return translation(spec, view).automation_condition

        def _of_file_alone(self, view: View) -> dg.AssetSpec:
            return dg.AssetSpec(
                translator.get_asset_key(view.name),
                group_name=self.get_group_name(view),
                tags=self.get_tags(view),
                owners=self.get_owners(view),
            )

        def get_asset_spec(self, plan: ProjectPlan, view: View) -> dg.AssetSpec:
            spec: dg.AssetSpec = super().get_asset_spec(plan, view)
            # The translation gives the key, from the one that there was without it.
            made = translation(spec.replace_attributes(key=translator.get_asset_key(view.name)), view)
            return made.replace_attributes(key=self.get_asset_key(view.name))

    Translated.__qualname__ = f"{type(translator).__qualname__} with translation: of defs.yaml"
    return Translated()
