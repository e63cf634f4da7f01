"""What must run by now because something changed, and a name for that change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dfplan_assets.execution.source_versions import SourceVersion, source_versions
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.staleness.look import sources_read
from dfplan_assets.staleness.results import Part, Results, results_now
from dfplan_assets.staleness.staleness import Staleness, left_out, stale, to_run


@dataclass(frozen=True)
class Drift:
    """How a project stands against what was published.

    ``parts`` are the views and partitions that are stale and all behind them, upstream first; none where
    nothing changed. ``unknowable`` are the views that are stale only for reasons that no change brings about:
    volatile functions, sources whose version cannot be told. ``left_out`` says of views with partitions
    what of them waits, and for what.
    """

    plan: ProjectPlan
    results: Results
    sources: Mapping[str, SourceVersion]
    staleness: Mapping[str, Staleness]
    parts: tuple[Part, ...]
    unknowable: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def views(self) -> tuple[str, ...]:
        """The views of ``parts``."""
        return tuple(dict.fromkeys(part.view for part in self.parts))

    def change(self, parts: Collection[Part]) -> str:
        """The name of what is stale of these parts and why.

        It is the same as long as nothing else changes and none of them has a new result, and never comes
        again after one has.
        """
        facts = [self._facts(part) for part in self.parts if part in parts]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def why(self, parts: Collection[Part]) -> tuple[str, ...]:
        """The parts that are stale by themselves, and for which reasons."""
        said = []
        for part in self.parts:
            own = own_reasons_of(self.staleness, part) if part in parts else ()
            if own:
                said.append(f"{part}: {', '.join(own)}")
        return tuple(said)

    def _facts(self, part: Part) -> list[object]:
        plan, view = self.plan, part.view
        result = self.results.of(part)
        last = None if result is None else result.version
        key = [] if part.key is None else [part.key]
        if view in plan.unplanned:
            return [view, *key, last, str(plan.unplanned[view].error)]
        inputs = []
        for table in plan.stored_tables(view):
            if table in self.sources:
                inputs.append([table, self.sources[table].version])
            else:
                upstream = self.results.read_by(plan, part, table)
                inputs.append([table, None if upstream is None else upstream.data_version])
        return [view, *key, last, plan.views[view].identity.fingerprint, inputs]


def drift_now(plan: ProjectPlan, selected: Collection[str] | None = None) -> Drift:
    """What changed by now of these views, or of all; reads manifests, file stats and footers.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    results = results_now(plan)
    sources = source_versions(plan.project, sources_read(plan))
    staleness = stale(plan, results, sources)
    standing = _standing(plan, results, sources, staleness)
    # A view that is never up to date runs with the change of another; of its partitions, what it reaches.
    leave = {part for part in standing if part.key is not None}
    changed = set(to_run(staleness, selected, frozenset(standing)))
    parts = to_run(staleness, selected, leave) if changed else ()
    unknowable = tuple(dict.fromkeys(part.view for part in standing if part not in changed))
    return Drift(plan, results, sources, staleness, parts, unknowable, left_out(staleness, parts, selected))


def own_reasons_of(staleness: Mapping[str, Staleness], part: Part) -> tuple[str, ...]:
    """The reasons of its own for which a view or partition is stale."""
    each = staleness[part.view]
    if each.partitions is None:
        return each.own
    return next((one.own for one in each.partitions.stale if one.key == part.key), ())


def _standing(
    plan: ProjectPlan,
    results: Results,
    sources: Mapping[str, SourceVersion],
    staleness: Mapping[str, Staleness],
) -> tuple[Part, ...]:
    """What has only reasons that stay whatever is run: they say nothing of a change."""
    found = []
    for view, each in staleness.items():
        if view in plan.unplanned:
            continue
        never_told = sum(
            table in sources and sources[table].version is None for table in plan.stored_tables(view)
        )
        standing = never_told + bool(plan.views[view].identity.volatile_functions)
        if not standing:
            continue
        ones = (
            [(Part(view), each.own)]
            if each.partitions is None
            else [(Part(view, one.key), one.own) for one in each.partitions.stale]
        )
        for part, own in ones:
            result = results.of(part)
            if own and result is not None and result.provenance is not None and len(own) <= standing:
                found.append(part)
    return tuple(found)
