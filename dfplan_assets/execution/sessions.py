"""Sessions in which all that a project has published can be queried, with its sources, by name."""

from __future__ import annotations

from collections.abc import Collection

from datafusion import SessionContext

from dfplan_assets.errors import ExecutionError, InputError, UnknownNameError
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.published_tables import published_result
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.inlining import register_inlined
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.sources import register_result, register_source, source_exists, source_schema
from dfplan_assets.project.suggestions import did_you_mean


def register_tables(
    ctx: SessionContext, plan: ProjectPlan, tables: Collection[str] | None = None
) -> dict[str, str]:
    """Make tables and functions of a project known to a session; say of tables that cannot be had why not.

    All of them, or those named and what views among them read that are not stored. A stored view has the
    columns of its last result, and all of its partitions that have one.

    Raises UnknownNameError for a name that the project does not have, ExecutionError for one that is named
    and cannot be had.
    """
    everything = (*plan.project.sources, *plan.all_views)
    where = str(plan.project.root / "dfplan.yaml")
    for table in tables or ():
        if table not in everything:
            raise UnknownNameError(
                where,
                f"there is no view or source {table}",
                did_you_mean(table, everything, "views and sources"),
            )
    plan.functions.register(ctx)
    wanted = set(everything if tables is None else tables)
    for table in tuple(wanted):
        if plan.is_virtual(table) and table in plan.views:
            wanted.update(plan.inlined_views(table), plan.stored_tables(table))
    missing: dict[str, str] = {}
    for table in everything:
        problem = _register(ctx, plan, table, missing) if table in wanted else None
        if problem is None:
            continue
        missing[table] = problem
        if tables is not None:
            raise ExecutionError(
                where, f"{table} cannot be read: {problem}", "Make it first, then try again."
            )
    return missing


def last_result(plan: ProjectPlan, table: str) -> Publication | None:
    """The last result of a stored view or published table, of all its partitions; None where it has none."""
    source = plan.project.sources.get(table)
    if source is not None:
        return published_result(source)
    return Warehouse.of(plan.project).whole(table, partitions_of(plan, table))


def _register(ctx: SessionContext, plan: ProjectPlan, table: str, missing: Collection[str]) -> str | None:
    """Make one table known, or say why it cannot be had."""
    source = plan.project.sources.get(table)
    try:
        if plan.is_virtual(table):
            if table in plan.unplanned:
                return plan.unplanned[table].error.cause
            lacking = [name for name in plan.tables_of(table) if name in missing]
            if lacking:
                return f"it is not stored, and it reads {', '.join(lacking)}"
            register_inlined(ctx, plan, table)
        elif source is not None and not source.is_published:
            if not source_exists(source):
                return f"no file at {source.path}"
            register_source(ctx, source, plan.source_schemas.get(table) or source_schema(source))
        else:
            result = last_result(plan, table)
            if result is None:
                maker = f"view {table}" if source is None else f"asset {source.asset}"
                return f"the {maker} has no published result"
            register_result(ctx, table, result.files, None)
    except InputError as error:
        return error.cause
    return None
