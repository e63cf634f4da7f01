"""What must run by now because something changed, and a name for that change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import SourceVersion, source_versions
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.staleness.look import results_now, sources_read
from dfplan_assets.staleness.staleness import Staleness, stale, to_run


@dataclass(frozen=True)
class Drift:
    """How a project stands against what was published.

    ``views`` are those that are stale and all behind them, upstream first; none where nothing changed.
    ``change`` names what is stale and why: it is the same as long as nothing else changes and none of these
    views has a new result, and never comes again after one has. ``unknowable`` are the views that are stale
    only for reasons that no change brings about: volatile functions, sources whose version cannot be told.
    ``partitioned`` are the stale ones with partitions, which run for a partition and not as they stand here.
    """

    staleness: Mapping[str, Staleness]
    views: tuple[str, ...]
    change: str
    unknowable: tuple[str, ...]
    partitioned: tuple[str, ...] = ()


def drift_now(plan: ProjectPlan, among: Collection[str] | None = None) -> Drift:
    """What changed by now, of all views or ``among`` these; reads manifests, file stats and footers.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    return drift(plan, results_now(plan), source_versions(plan.project, sources_read(plan)), among)


def drift(
    plan: ProjectPlan,
    published: Mapping[str, Publication | None],
    sources: Mapping[str, SourceVersion],
    among: Collection[str] | None = None,
) -> Drift:
    """As ``drift_now``, of these results and versions of sources. Pure: nothing else is looked at."""
    staleness = stale(plan, published, sources)
    if among is not None:
        staleness = {view: each for view, each in staleness.items() if view in among}
    changed: list[str] = []
    unknowable: list[str] = []
    whole = [view for view in _without_partitions(plan, published) if view in staleness]
    for view in whole:
        each = staleness[view]
        if each.own:
            standing = _standing_reasons(plan, view, published[view], sources)
            (changed if len(each.own) > standing else unknowable).append(view)
    views = to_run(staleness, whole) if changed else ()
    facts = [_facts(plan, view, published, sources) for view in views]
    change = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    partitioned = tuple(
        view for view, each in staleness.items() if each.is_stale and partitions_of(plan, view) is not None
    )
    return Drift(staleness, views, change, tuple(unknowable), partitioned)


def _without_partitions(plan: ProjectPlan, published: Mapping[str, Publication | None]) -> dict[str, None]:
    """The stored views without partitions, but for those behind partitions of which there are none yet."""
    found: dict[str, None] = {}
    missing: set[str] = set()
    for view in published:
        tables = plan.stored_tables(view) if view in plan.views else plan.unplanned[view].tables
        partitioned = partitions_of(plan, view) is not None
        if not missing.isdisjoint(tables) or (partitioned and published[view] is None):
            missing.add(view)
        elif not partitioned:
            found[view] = None
    return found


def _standing_reasons(
    plan: ProjectPlan, view: str, result: Publication | None, sources: Mapping[str, SourceVersion]
) -> int:
    """How many of a view's reasons stay whatever is run: they say nothing of a change."""
    if view in plan.unplanned or result is None or result.provenance is None:
        return 0
    never_told = sum(
        table in sources and sources[table].version is None for table in plan.stored_tables(view)
    )
    return never_told + bool(plan.views[view].identity.volatile_functions)


def _facts(
    plan: ProjectPlan,
    view: str,
    published: Mapping[str, Publication | None],
    sources: Mapping[str, SourceVersion],
) -> list[object]:
    result = published[view]
    last = None if result is None else result.version
    if view in plan.unplanned:
        return [view, last, str(plan.unplanned[view].error)]
    inputs = []
    for table in plan.stored_tables(view):
        if table in sources:
            inputs.append([table, sources[table].version])
        else:
            upstream = published[table]
            inputs.append([table, None if upstream is None else upstream.data_version])
    return [view, last, plan.views[view].identity.fingerprint, inputs]
