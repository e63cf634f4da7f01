"""Why two plans of a view differ, whether it matters, and what it reaches.

    difference(facts_of_bundle(stored), facts_of_plan(plan, "revenue", environment)).cause

says in a line what changed: "filter `amount > 10` became `amount > 20`".
"""

from __future__ import annotations

from dfplan_assets.planning.diff.alignment import TreeRow, side_by_side
from dfplan_assets.planning.diff.difference import Kind, PlanDifference, difference
from dfplan_assets.planning.diff.downstream import reached_views
from dfplan_assets.planning.diff.facts import PlanFacts, facts_of_bundle, facts_of_plan

__all__ = [
    "Kind",
    "PlanDifference",
    "PlanFacts",
    "TreeRow",
    "difference",
    "facts_of_bundle",
    "facts_of_plan",
    "reached_views",
    "side_by_side",
]
