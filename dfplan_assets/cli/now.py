"""Views as they are now, compared with what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import EnvironmentPart, ProjectPlan
    from dfplan_assets.planning.diff import PlanFacts
    from dfplan_assets.store import BundleRecord, Store

MEANING_CHANGED = "its meaning changed"

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
        return {view: _never_planned(plan, view) for view in views}
    now = Now(plan)
    states: dict[str, ViewState] = {}
    with store:
        readers = {view: plan.readers_of(view) for view in views if plan.is_virtual(view)}
        latest = store.latest_bundles({*views, *(name for names in readers.values() for name in names)})
        for view in views:
            if view in readers:
                plans = [latest[name] for name in readers[view] if name in latest]
                states[view] = _inlined_state(plan, view, plans, store, now)
                continue
            record = latest.get(view)
            if record is None:
                states[view] = _never_planned(plan, view)
            elif record.identity.fingerprint == plan.views[view].identity.fingerprint:
                states[view] = ViewState("unchanged", ())
            else:
                before = facts_of_bundle(store.bundle(record.key))
                states[view] = ViewState("changed", difference(before, now.facts(view)).causes)
    return states


def _never_planned(plan: ProjectPlan, view: str) -> ViewState:
    if plan.is_virtual(view):
        return ViewState("new", ("no view that it is inlined into has run yet", *_leftover(plan, view)))
    return ViewState("new", ("nothing of it is stored yet",))


def _inlined_state(
    plan: ProjectPlan, view: str, readers: Sequence[BundleRecord], store: Store, now: Now
) -> ViewState:
    """The state of a view that is not stored, against what was inlined when one of its readers ran last."""
    from dfplan_assets.planning.diff import difference, facts_of_bundle

    for record in sorted(readers, key=lambda each: each.last_planned_at, reverse=True):
        before = facts_of_bundle(store.bundle(record.key)).inlined.get(view)
        if before is None:
            continue  # it did not read the view then, or the view was stored
        if before.identity.fingerprint == plan.views[view].identity.fingerprint:
            return ViewState("unchanged", _leftover(plan, view))
        causes = difference(before, now.facts(view)).causes
        return ViewState("changed", (*causes, *_leftover(plan, view)))
    return _never_planned(plan, view)


def _leftover(plan: ProjectPlan, view: str) -> tuple[str, ...]:
    """What is left of a view that was stored once, in words."""
    from dfplan_assets.execution.warehouse import Warehouse

    result = Warehouse.of(plan.project).current(view)
    if result is None:
        return ()
    return (
        f"it is no longer stored: nothing reads its last result of {result.published_at:%Y-%m-%d %H:%M} UTC, "
        f"which is kept in {Path(result.files[0]).parent.parent}",
    )


@dataclass(frozen=True)
class StaleBecause:
    """Why a view is stale, no reason where it is fresh; with partitions, also for each that is stale."""

    reasons: tuple[str, ...]
    partitions: Mapping[str, tuple[str, ...]] | None = None


def staleness_of(plan: ProjectPlan, states: Mapping[str, ViewState]) -> dict[str, StaleBecause]:
    """Why each stored view is stale.

    What changed of a plan is said in the words of the view's state, and whether its last run failed is added.
    Raises StoreError where there is a store that cannot be read.
    """
    from dfplan_assets.staleness.look import staleness_now

    staleness = staleness_now(plan)
    failed = _failed_last(plan, [view for view, each in staleness.items() if each.is_stale])
    found = {}
    for view, each in staleness.items():
        state = states.get(view)
        causes = "; ".join(state.why) if state is not None and state.state == "changed" else ""
        reasons = _with_causes(each.because, causes)
        partitions = None
        if each.partitions is not None:
            partitions = {part.key: _with_causes(part.because, causes) for part in each.partitions.stale}
        if view in failed:
            reasons = (*reasons, "its last run failed")
        found[view] = StaleBecause(reasons, partitions)
    return found


def _with_causes(reasons: tuple[str, ...], causes: str) -> tuple[str, ...]:
    if not causes:
        return reasons
    return tuple(reason.replace(MEANING_CHANGED, f"meaning changed: {causes}") for reason in reasons)


def _failed_last(plan: ProjectPlan, views: Sequence[str]) -> frozenset[str]:
    from dfplan_assets.store import find_store

    store = find_store(plan.project.store)
    if store is None:
        return frozenset()
    with store:
        return frozenset(view for view, run in store.latest_runs(views).items() if run.status == "failed")
