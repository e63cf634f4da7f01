"""Views planned as the product plans them: recording catalog, guard, lineage, identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from dfplan_assets.planning.bundle import Identity
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.functions import FunctionFacts, engine_functions, facts_of
from dfplan_assets.planning.guard import plan_query, plan_template
from dfplan_assets.planning.identity import identify
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.lineage.view_lineage import view_lineage
from dfplan_assets.planning.meaning import meaning
from dfplan_assets.planning.session import planning_context
from dfplan_assets.project.model import Engine, ParameterValue, View
from dfplan_assets_tests.planning.identity.world import COMPANY_FUNCTIONS, TABLES

ENGINE = Engine(target_partitions=None, memory_limit_bytes=None, settings={})


def _functions(bodies: Mapping[str, str]) -> Mapping[str, FunctionFacts]:
    """The engine's functions and those of the company, some with another body than they have."""
    own = {each.name: facts_of(each) for each in COMPANY_FUNCTIONS}
    changed = {name: replace(own[name], source=body) for name, body in bodies.items()}
    return {**engine_functions(), **own, **changed}


class Session:
    """A planning session over stand-ins of the given tables."""

    def __init__(
        self,
        tables: Mapping[str, pa.Schema] = TABLES,
        engine: Engine = ENGINE,
        bodies: Mapping[str, str] = {},
    ) -> None:
        self.tables = dict(tables)
        self.settings = engine.settings
        self.catalog = RecordingCatalog()
        self.ctx = planning_context(engine, COMPANY_FUNCTIONS)
        self.catalog.install(self.ctx)
        for name, schema in tables.items():
            self.catalog.add(name, schema)
        self.functions = _functions(bodies)

    def lineage(self, sql: str, params: Mapping[str, ParameterValue]) -> Lineage:
        """The lineage of a query."""
        view = view_of(sql)
        self.catalog.take_record()
        frame = plan_query(self.ctx, view, params)
        resolved = self.catalog.take_record()
        known = {name: self.tables[name] for name, found in resolved.items() if found}
        return view_lineage(frame, view, params, resolved, known)

    def meaning(self, sql: str) -> str:
        """What a query means."""
        return meaning(plan_template(self.ctx, view_of(sql)), sql)

    def identity(
        self, sql: str, params: Mapping[str, ParameterValue], physical_plan: str | None = None
    ) -> Identity:
        """The identity of a query."""
        return identify(
            plan_template(self.ctx, view_of(sql)),
            sql,
            params=params,
            lineage=self.lineage(sql, params),
            schemas=self.tables,
            functions=self.functions,
            settings=self.settings,
            physical_plan=physical_plan,
        )


def view_of(sql: str) -> View:
    """A view of this text."""
    return View("v", Path("views/v.sql"), sql, None, None, (), {}, {})
