"""Plans of small queries, as the sides of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.diff import PlanFacts, facts_of_plan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project.model import ParameterValue
from dfplan_assets_tests.planning.projects import project

ORDERS = pa.schema(
    [
        ("id", pa.int64()),
        ("nation_key", pa.int64()),
        ("price", pa.float64()),
        ("cost", pa.float64()),
        ("year", pa.int64()),
        ("status", pa.string()),
        ("placed", pa.date32()),
    ]
)
TABLES: Mapping[str, pa.Schema] = {
    "orders": ORDERS,
    "old_orders": ORDERS,
    "nation": pa.schema([("key", pa.int64()), ("name", pa.string())]),
}


def planned(
    views: Mapping[str, str],
    *,
    tables: Mapping[str, pa.Schema] = TABLES,
    params: Mapping[str, ParameterValue] | None = None,
    secret: frozenset[str] = frozenset(),
    settings: Mapping[str, str] | None = None,
) -> ProjectPlan:
    """A project of these views, planned."""
    return plan_project(
        replace(project(views, tables=tables, params=params, settings=settings), secret_params=secret)
    )


def facts(
    sql: str,
    *,
    tables: Mapping[str, pa.Schema] = TABLES,
    params: Mapping[str, ParameterValue] | None = None,
    secret: frozenset[str] = frozenset(),
    settings: Mapping[str, str] | None = None,
) -> PlanFacts:
    """One side of a comparison: a query over these tables."""
    plan = planned({"v": sql}, tables=tables, params=params, secret=secret, settings=settings)
    return facts_of_plan(plan, "v", capture_environment(plan))
