"""Plan bundles made by hand from a project that is planned and files that are there."""

from __future__ import annotations

from collections.abc import Mapping

from datafusion import SessionConfig, SessionContext

from dfplan_assets.planning.bundle import (
    EnvironmentPart,
    PlanBundle,
    ProjectPlan,
    SubstraitPlan,
    Validation,
)
from dfplan_assets.planning.diff import facts_of_plan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.identity import with_physical
from dfplan_assets.planning.topology import topology

NO_SUBSTRAIT = SubstraitPlan(None, "not part of this test", (), Validation("not validated", "off"))


def bundle_of(
    plan: ProjectPlan,
    view: str,
    tables: Mapping[str, str],
    *,
    engine: Mapping[str, str] | None = None,
    environment: tuple[EnvironmentPart, ...] | None = None,
) -> PlanBundle:
    """The bundle of a view over Parquet files (table to path), planned under engine settings."""
    config = SessionConfig()
    for key, value in (engine or {}).items():
        config = config.set(key, value)
    ctx = SessionContext(config)
    for name, path in tables.items():
        ctx.register_parquet(name, path)
    found = plan.views[view]
    params = plan.project.params_of(found.view)
    frame = plan_query(ctx, found.view, params)
    physical = frame.execution_plan()
    environment = environment if environment is not None else capture_environment(plan)
    facts = facts_of_plan(plan, view, environment)
    return PlanBundle(
        view=view,
        sql=facts.sql,
        lineage=facts.lineage,
        schema=facts.schema,
        logical_plan=facts.logical_plan,
        optimized_plan=frame.optimized_logical_plan().display_indent(),
        substrait=NO_SUBSTRAIT,
        parameters=facts.parameters,
        physical_plan=physical.display_indent(),
        topology=topology(physical),
        tree="",
        rules=None,
        environment=environment,
        identity=with_physical(plan.views[view].identity, physical.display_indent()),
        planning_seconds=0.01,
    )
