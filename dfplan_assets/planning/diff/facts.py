"""What two plans are compared by, whether they are stored bundles or views as they are now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from dfplan_assets.planning.bundle import BoundParameter, EnvironmentPart, Identity, PlanBundle, ProjectPlan
from dfplan_assets.planning.inlining import INLINED, inlined_below, inlined_environment, read_inlined
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.parameters import bound_parameters
from dfplan_assets.planning.user_functions import UserFunction, recorded_functions


@dataclass(frozen=True)
class PlanFacts:
    """One side of a comparison.

    ``logical_plan`` is the plan as written, with parameters bound and secret values hidden.
    ``physical_plan`` is None for a plan over stand-in tables.
    """

    view: str
    sql: str
    logical_plan: str
    schema: pa.Schema
    lineage: Lineage
    identity: Identity
    parameters: tuple[BoundParameter, ...]
    environment: tuple[EnvironmentPart, ...]
    physical_plan: str | None

    @cached_property
    def versions(self) -> dict[str, str]:
        """Package names and versions."""
        return dict(self._rows("versions"))

    @property
    def engine_version(self) -> str | None:
        """DataFusion's version; None where it was not recorded."""
        return self.versions.get("datafusion")

    @cached_property
    def settings(self) -> dict[str, str]:
        """DataFusion's settings that have a value."""
        return {name: value for name, value in self._rows("df_settings") if value is not None}

    @cached_property
    def column_types(self) -> dict[tuple[str, str], str]:
        """Types by table and column, as DataFusion writes them."""
        types = {}
        for schema, table, column, _, kind, _ in self._rows("columns"):
            types[table if schema == "public" else f"{schema}.{table}", column] = kind
        return types

    @cached_property
    def inlined(self) -> dict[str, PlanFacts]:
        """The views that are inlined into this one, directly or through others, by name."""
        part = next((part for part in self.environment if part.name == INLINED), None)
        if part is None:
            return {}
        around = tuple(each for each in self.environment if each is not part)
        return {
            each.view: PlanFacts(
                view=each.view,
                sql=each.sql,
                logical_plan=each.logical_plan,
                schema=each.schema,
                lineage=each.lineage,
                identity=each.identity,
                parameters=each.parameters,
                environment=(*around, *inlined_below(part, each.view)),
                physical_plan=None,
            )
            for each in read_inlined(part)
        }

    def signatures(self, function: str) -> list[Any]:
        """What ``information_schema`` says of a function: its kinds, and all its parameters."""
        return [row for part in ("routines", "parameters") for row in self._rows(part) if row[0] == function]

    @cached_property
    def user_functions(self) -> dict[str, UserFunction]:
        """The functions that the project added, by name."""
        return recorded_functions([(part.name, part.content) for part in self.environment])

    def _rows(self, name: str) -> list[Any]:
        found = next((part for part in self.environment if part.name == name), None)
        return [] if found is None else list(json.loads(found.content))


def facts_of_bundle(bundle: PlanBundle) -> PlanFacts:
    """A stored plan as a side of a comparison."""
    return PlanFacts(
        view=bundle.view,
        sql=bundle.sql,
        logical_plan=bundle.logical_plan,
        schema=bundle.schema,
        lineage=bundle.lineage,
        identity=bundle.identity,
        parameters=bundle.parameters,
        environment=bundle.environment,
        physical_plan=bundle.physical_plan,
    )


def facts_of_plan(plan: ProjectPlan, view: str, environment: tuple[EnvironmentPart, ...]) -> PlanFacts:
    """A view as it is now. ``environment`` is the project's."""
    found = plan.views[view]
    return PlanFacts(
        view=view,
        sql=found.view.sql,
        logical_plan=found.logical_plan,
        schema=found.schema,
        lineage=found.lineage,
        identity=found.identity,
        parameters=bound_parameters(plan.project, found.view),
        environment=(*environment, *inlined_environment(plan, view)),
        physical_plan=None,
    )
