"""What differs between the two plans of a verdict."""

from __future__ import annotations

from dfplan_assets.planning.diff import PlanDifference, difference, facts_of_bundle
from dfplan_assets.regressions.verdict import Verdict
from dfplan_assets.store import Store


def plan_change(store: Store, verdict: Verdict) -> PlanDifference | None:
    """The difference of the plan before to the current one, None where the verdict is on a single plan.

    Raises StoreError.
    """
    if not verdict.plan_changed or verdict.before is None or verdict.current is None:
        return None
    return difference(
        facts_of_bundle(store.bundle(verdict.before.bundle_key)),
        facts_of_bundle(store.bundle(verdict.current.bundle_key)),
    )
