"""The stable form of a plan: optimised only as far as encoding it and pruning its columns need.

The fully optimised plan is no basis for an identity: constant folding puts the moment of planning
into it (``now()``), and every release of the optimiser writes it differently. The plan as written
is none either: it reads columns that the query does not use, and holds correlated subqueries that
no encoding takes. In between lies what the rules below make of it.
"""

from __future__ import annotations

from functools import lru_cache

from datafusion import SessionContext
from datafusion.plan import LogicalPlan

# Decorrelation, a plain aggregate for DISTINCT ON, join keys apart from other join conditions, and
# reading only the columns in use.
STABLE_RULES = frozenset(
    {
        "rewrite_set_comparison",
        "replace_distinct_aggregate",
        "decorrelate_predicate_subquery",
        "scalar_subquery_to_join",
        "decorrelate_lateral_join",
        "extract_equijoin_predicate",
        "optimize_projections",
    }
)

# All other rules of DataFusion's optimiser; a test compares both sets with the library's own.
OTHER_RULES = frozenset(
    {
        "optimize_unions",
        "unions_to_filter",
        "simplify_expressions",
        "eliminate_join",
        "eliminate_duplicated_expr",
        "eliminate_filter",
        "eliminate_cross_join",
        "eliminate_limit",
        "propagate_empty_relation",
        "filter_null_join_keys",
        "eliminate_outer_join",
        "push_down_limit",
        "push_down_filter",
        "single_distinct_aggregation_to_group_by",
        "eliminate_group_by_constant",
        "common_sub_expression_eliminate",
        "extract_leaf_expressions",
        "push_down_leaf_projections",
    }
)


@lru_cache(maxsize=1)
def workshop() -> SessionContext:
    """A session of default settings with the stable rules alone, and no tables.

    A plan holds its tables and functions itself, so it can be optimised and encoded in any session;
    in this one the settings of the project cannot colour the result.
    """
    ctx = SessionContext()
    for rule in OTHER_RULES:
        ctx.remove_optimizer_rule(rule)
    return ctx


def stable_plan(plan: LogicalPlan) -> LogicalPlan:
    """The stable form of a plan as written. Raises what DataFusion raises where types do not fit."""
    return workshop().create_dataframe_from_logical_plan(plan).optimized_logical_plan()
