"""Views as they are now, compared with what is stored of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import EnvironmentPart, ProjectPlan
    from dfplan_assets.planning.diff import PlanFacts

State = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True)
class ViewState:
    """Whether the plan of a view is the one that was stored last, and if not, why in a line each."""

    state: State
    why: tuple[str, ...]


class Now:
    """A project's plans as they are now, as sides of comparisons."""

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan

    def facts(self, view: str) -> PlanFacts:
        """A view as a side of a comparison."""
        from dfplan_assets.planning.diff import facts_of_plan

        return facts_of_plan(self._plan, view, self._environment)

    @cached_property
    def _environment(self) -> tuple[EnvironmentPart, ...]:
        from dfplan_assets.planning.environment import capture_environment

        return capture_environment(self._plan)


def view_states(plan: ProjectPlan, views: tuple[str, ...]) -> dict[str, ViewState]:
    """The states of views against the plans that were stored last; nothing is written.

    Raises StoreError where there is a store that cannot be read.
    """
    from dfplan_assets.planning.diff import difference, facts_of_bundle
    from dfplan_assets.store import find_store

    store = find_store(plan.project.store)
    if store is None:
        return {view: ViewState("new", ("nothing of it is stored yet",)) for view in views}
    now = Now(plan)
    states: dict[str, ViewState] = {}
    with store:
        latest = store.latest_bundles(views)
        for view in views:
            record = latest.get(view)
            if record is None:
                states[view] = ViewState("new", ("nothing of it is stored yet",))
            elif record.identity.fingerprint == plan.views[view].identity.fingerprint:
                states[view] = ViewState("unchanged", ())
            else:
                before = facts_of_bundle(store.bundle(record.key))
                states[view] = ViewState("changed", difference(before, now.facts(view)).causes)
    return states
