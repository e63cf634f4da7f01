"""Capturing the whole bundle of a view that is about to run, over its real tables.

Nothing is executed. A view with secret parameters is captured from a plan in which other values
stand in their place: no secret is in the bundle because none was in the plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import ParameterError, SubstraitError
from dfplan_assets.planning.bundle import (
    EnvironmentPart,
    PhysicalOperator,
    PlanBundle,
    ProjectPlan,
    SubstraitPlan,
    ViewPlan,
)
from dfplan_assets.planning.explains import explain_tree, rule_effects
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.identity import with_physical
from dfplan_assets.planning.inlining import inlined_environment, register_inlined, show_inlined
from dfplan_assets.planning.parameters import bound_parameters
from dfplan_assets.planning.partitions import partition_hider
from dfplan_assets.planning.secrets import hider, params_to_show, secret_names
from dfplan_assets.planning.session import planning_context
from dfplan_assets.planning.sources import register_empty
from dfplan_assets.planning.substrait import NOT_VALIDATED, encode
from dfplan_assets.planning.substrait.call_texts import call_texts
from dfplan_assets.planning.topology import topology
from dfplan_assets.project.model import View

# No view or source has a space in its name, so this hides none of them.
_EXPLAINED = "plan of the view"


@dataclass(frozen=True)
class Captured:
    """A bundle, not yet validated, and the frame that it was made from.

    ``message_frame`` is what its Substrait message was made from, in the session ``message_ctx``: the
    same, or the query over stand-ins where a table is none of files.
    """

    bundle: PlanBundle
    frame: DataFrame
    message_ctx: SessionContext
    message_frame: DataFrame


def capture(
    ctx: SessionContext,
    plan: ProjectPlan,
    view_plan: ViewPlan,
    frame: DataFrame,
    environment: Sequence[EnvironmentPart],
    *,
    verbose: bool | None = None,
) -> Captured:
    """The bundle of a view planned in a session over its real tables as ``frame``.

    ``verbose``: with the rules that fired; None means as the project's ``planning.verbose`` says.

    Raises SubstraitError for a plan that has no Substrait form where ``planning.substrait`` requires
    one, and what DataFusion raises for a plan that it cannot execute.
    """
    started = time.monotonic()
    with_rules = plan.project.planning.verbose if verbose is None else verbose
    project, view = plan.project, view_plan.view
    explained, hide = shown_query(ctx, plan, view, frame)
    physical = explained.execution_plan()
    physical_text = hide(physical.display_indent())
    message_ctx, message_frame = ctx, explained if hide is str else None
    if message_frame is not None and _reads_delta(plan, view):
        message_ctx = _stand_ins(plan, view)
        shown, _ = shown_query(message_ctx, plan, view, _planned(message_ctx, plan, view))
        message_frame = shown
    substrait = _substrait(message_ctx, plan, view, message_frame)
    ctx.register_view(_EXPLAINED, explained)
    try:
        tree = explain_tree(ctx, _EXPLAINED)
        rules = rule_effects(ctx, _EXPLAINED) if with_rules else None
    finally:
        ctx.deregister_table(_EXPLAINED)
    bundle = PlanBundle(
        view=view.name,
        sql=view.sql,
        lineage=view_plan.lineage,
        schema=view_plan.schema,
        logical_plan=view_plan.logical_plan,
        optimized_plan=hide(explained.optimized_logical_plan().display_indent()),
        substrait=substrait,
        parameters=bound_parameters(project, view),
        physical_plan=physical_text,
        topology=tuple(_hidden(node, hide) for node in topology(physical)),
        tree=hide(tree.text),
        tree_refusal=None if tree.refusal is None else hide(tree.refusal),
        rules=None if rules is None else tuple(replace(rule, diff=hide(rule.diff)) for rule in rules),
        environment=(*environment, *inlined_environment(plan, view.name)),
        identity=with_physical(view_plan.identity, partition_hider(view)(physical_text)),
        planning_seconds=time.monotonic() - started,
    )
    return Captured(bundle, explained, message_ctx, explained if message_frame is None else message_frame)


def _reads_delta(plan: ProjectPlan, view: View) -> bool:
    """Whether a view reads a Delta table, which a session has as a query over the files of a snapshot."""
    sources = plan.project.sources
    tables = plan.stored_tables(view.name)
    return any(table in sources and sources[table].format == "delta" for table in tables)


def _stand_ins(plan: ProjectPlan, view: View) -> SessionContext:
    """A session over stand-ins of all that a view names: its plan there tells of tables, not of files."""
    ctx = planning_context(plan.project.engine, plan.functions)
    inlined = plan.inlined_views(view.name)
    named = {table for name in (view.name, *inlined) for table in plan.views[name].lineage.unused_tables}
    for table in sorted(named.union(plan.stored_tables(view.name)).difference(inlined)):
        register_empty(ctx, table, plan.schema_of(table))
    for name in inlined:
        register_inlined(ctx, plan, name)
    return ctx


def _planned(ctx: SessionContext, plan: ProjectPlan, view: View) -> DataFrame:
    return plan_query(ctx, view, plan.project.params_of(view))


def shown_query(
    ctx: SessionContext, plan: ProjectPlan, view: View, frame: DataFrame
) -> tuple[DataFrame, Callable[[str], str]]:
    """The query whose plan may be shown, and what makes its texts fit to be seen.

    That is the frame itself, or one with other values for secret parameters, also in views that are
    inlined; their texts are shown as they are (``str``). Where no other value fits, the frame with a
    function that hides the values.
    """
    project, inlined = plan.project, plan.inlined_into(view.name)
    if not any(secret_names(project, each) for each in (view, *inlined)):
        return frame, str
    hide = hider(project, view, inlined)
    if not show_inlined(ctx, plan, view.name):
        return frame, hide
    for params in params_to_show(project, view):
        try:
            return plan_query(ctx, view, params), str
        except ParameterError:
            continue
    return frame, hide


def _hidden(node: PhysicalOperator, hide: Callable[[str], str]) -> PhysicalOperator:
    """An operator without secret values."""
    scan = node.scan
    return replace(
        node,
        display=hide(node.display),
        partitioning=hide(node.partitioning),
        scan=None
        if scan is None
        else replace(
            scan,
            projection=tuple(map(hide, scan.projection)),
            filters=None if scan.filters is None else hide(scan.filters),
            pruning=None if scan.pruning is None else hide(scan.pruning),
        ),
    )


def _calls(plan: ProjectPlan, view: View) -> dict[str, str]:
    """The calls of the project's table functions in a view and those inlined into it."""
    names = [each.name for each in plan.functions if each.kind == "table"]
    if not names:
        return {}
    return call_texts([each.sql for each in (view, *plan.inlined_into(view.name))], names)


def _substrait(ctx: SessionContext, plan: ProjectPlan, view: View, shown: DataFrame | None) -> SubstraitPlan:
    if shown is None:
        refusal = "Literal: its secret parameters take no other value that could be shown"
        encoded = SubstraitPlan(None, refusal, (), NOT_VALIDATED)
    else:
        encoded = encode(ctx, shown, _calls(plan, view))
    if encoded.message is None and plan.project.planning.substrait == "required":
        inlined = ", ".join(plan.inlined_views(view.name))
        store = f"store a view that is inlined into it ({inlined}), " if inlined else ""
        raise SubstraitError(
            view.where,
            f"the plan has no Substrait form: {encoded.refusal}",
            f"Rewrite that part of the query, {store}"
            "or set planning: {substrait: preferred} in dfplan.yaml.",
        )
    return encoded
