"""Whether each view's published result is what running it now would give, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import SourceVersion
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.staleness.reasons import identity_reasons, source_reason


@dataclass(frozen=True)
class Staleness:
    """Why a stored view is stale, in words; it is fresh where there is no reason.

    ``own`` are reasons of its own: it must run. ``upstream`` are the stored views that it reads, itself or
    through views inlined into it, and that are stale: it must run unless they turn out to give what they did.
    ``by_partition`` is whether it has partitions, of which this says something together: one of them may be
    stale, not which.
    """

    view: str
    own: tuple[str, ...]
    upstream: tuple[str, ...]
    by_partition: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether it must run, or may have to."""
        return bool(self.own or self.upstream)

    @property
    def because(self) -> tuple[str, ...]:
        """All reasons in words, none where it is fresh."""
        return (*self.own, *(f"upstream {name} is stale" for name in self.upstream))


def stale(
    plan: ProjectPlan,
    published: Mapping[str, Publication | None],
    sources: Mapping[str, SourceVersion],
) -> dict[str, Staleness]:
    """The staleness of every stored view, upstream first.

    ``published`` are the last results of all stored views, ``sources`` the versions of all sources that they
    read. Pure: nothing else is looked at.
    """
    found: dict[str, Staleness] = {}
    for view in plan.all_views:
        if not plan.is_virtual(view):
            tables = plan.stored_tables(view) if view in plan.views else plan.unplanned[view].tables
            upstream = tuple(table for table in tables if table in found and found[table].is_stale)
            own = own_reasons(plan, view, published.__getitem__, sources.__getitem__)
            by_partition = partitions_of(plan, view) is not None
            found[view] = Staleness(view, own, upstream, by_partition)
    return found


def own_reasons(
    plan: ProjectPlan,
    view: str,
    result_of: Callable[[str], Publication | None],
    version_of: Callable[[str], SourceVersion],
) -> tuple[str, ...]:
    """Why a stored view must run, whatever becomes of the views upstream of it; nothing where it need not.

    ``result_of`` gives the last result of a stored view, ``version_of`` the version of a source.
    """
    if view in plan.unplanned:
        return (f"it cannot be planned: {plan.unplanned[view].error.cause}",)
    result = result_of(view)
    if result is None:
        return ("never ran",)
    made = result.provenance
    if made is None:
        return ("made by an earlier version of dfplan",)
    reasons = []
    if made.fingerprint != plan.views[view].identity.fingerprint:
        reasons += identity_reasons(plan, view, made.identity)
    for table in plan.stored_tables(view):
        if table in plan.project.sources:
            version = version_of(table)
            if version.version is None:
                reasons.append(f"whether {table} changed cannot be told: {version.problem}")
            elif made.inputs.get(table) != version.version:
                source = plan.project.sources[table]
                reasons.append(source_reason(source, made.sources.get(table, {}), version.parts))
        else:
            upstream = result_of(table)
            if upstream is not None and upstream.data_version != made.inputs.get(table):
                reasons.append(f"upstream {table} has a newer result")
    volatile = plan.views[view].identity.volatile_functions
    if volatile:
        reasons.append(f"uses {', '.join(f'{name}()' for name in volatile)}: never up to date")
    return tuple(reasons)


def to_run(staleness: Mapping[str, Staleness], selected: Collection[str] | None = None) -> tuple[str, ...]:
    """The views that a run for what is stale takes, upstream first.

    Those of the selection, of all views if there is none, that are stale by themselves, and those behind them
    that are reached within it. Those with partitions are left out: they run by partition, and what reads them
    is stale by itself once they have.
    """
    taken: dict[str, None] = {}
    for view, each in staleness.items():
        if each.by_partition or (selected is not None and view not in selected):
            continue
        if each.own or not taken.keys().isdisjoint(each.upstream):
            taken[view] = None
    return tuple(taken)
