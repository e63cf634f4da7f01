"""Which runs of Dagster what is stale takes, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from dfplan_assets.orchestration.partition_runs import PartitionRange, PlannedRun
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import Partitions
from dfplan_assets.staleness.results import Part, parts_read


@dataclass(frozen=True)
class StaleRun:
    """A run, the views and partitions that it makes, upstream first, and what of all parts each ``reads``."""

    run: PlannedRun
    parts: tuple[Part, ...]
    reads: Mapping[Part, frozenset[Part]]

    @property
    def waits_for(self) -> frozenset[Part]:
        """What other runs have to make before."""
        return frozenset[Part]().union(*self.reads.values()).difference(self.parts)


def stale_runs(
    plan: ProjectPlan, parts: Collection[Part], keys: Mapping[str, Sequence[str]]
) -> tuple[StaleRun, ...]:
    """The runs that make these parts, in an order in which they can run one after the other.

    Views without partitions are run together, as far as nothing with partitions lies between. Views of the
    same partitions are run key by key; where all of them have ``backfill: single_run``, one run makes all
    keys that follow each other. What needs one run of that kind alone takes the views without partitions
    before and behind it into that run. ``keys`` are the partitions of each view that are over, in order.
    """
    groups = _merged([_runs(plan, kind, group, keys) for kind, group in _groups(plan, parts)])
    asked: dict[str, set[Part]] = {}
    for part in parts:
        asked.setdefault(part.view, set()).add(part)
    place = {part: number for number, part in enumerate(parts)}
    runs = []
    for run, made in (each for group in groups for each in group):
        reads = {
            part: frozenset(
                each for table in _tables(plan, part.view) for each in _read(plan, part, table, asked)
            )
            for part in sorted(made, key=place.__getitem__)
        }
        runs.append(StaleRun(run, tuple(reads), reads))
    return tuple(runs)


_Runs = list[tuple[PlannedRun, Collection[Part]]]


def _groups(
    plan: ProjectPlan, parts: Collection[Part]
) -> list[tuple[Partitions | None, dict[str, set[str | None]]]]:
    """The parts by view, those of the same kind of partitions together as far as what they read allows."""
    by_view: dict[str, set[str | None]] = {}
    for part in parts:
        by_view.setdefault(part.view, set()).add(part.key)
    waiting = [view for view in plan.all_views if view in by_view]
    groups = []
    while waiting:
        kind = _kind(plan, waiting[0])
        group: dict[str, set[str | None]] = {}
        left: list[str] = []
        for view in waiting:
            fits = _kind(plan, view) == kind and not set(_tables(plan, view)).intersection(left)
            if fits:
                group[view] = by_view[view]
            else:
                left.append(view)
        groups.append((kind, group))
        waiting = left
    return groups


def _kind(plan: ProjectPlan, view: str) -> Partitions | None:
    """A view's partitions, whatever its column is called."""
    partitions = partitions_of(plan, view)
    return None if partitions is None else replace(partitions, by="")


def _runs(
    plan: ProjectPlan,
    kind: Partitions | None,
    group: Mapping[str, set[str | None]],
    keys: Mapping[str, Sequence[str]],
) -> _Runs:
    """The runs of views of one kind of partitions."""
    if kind is None:
        return [(PlannedRun(frozenset(group)), [Part(view) for view in group])]
    together = all(plan.project.views[view].backfill == "single_run" for view in group)
    ranges: list[tuple[frozenset[str], list[str]]] = []
    before = ""
    for key in keys[next(iter(group))]:
        views = frozenset(view for view, stale in group.items() if key in stale)
        if not views:
            before = ""
            continue
        if together and ranges and views == ranges[-1][0] and before == ranges[-1][1][-1]:
            ranges[-1][1].append(key)
        else:
            ranges.append((views, [key]))
        before = key
    return [
        (
            PlannedRun(views, PartitionRange(found[0], found[-1])),
            [Part(view, key) for view in views for key in found],
        )
        for views, found in ranges
    ]


def _merged(groups: Sequence[_Runs]) -> list[_Runs]:
    """The same with views without partitions in the one run of partitions before or behind them."""
    merged: list[_Runs] = []
    for group in groups:
        if merged and len(group) == 1 and len(merged[-1]) == 1:
            (run, parts), (other, others) = group[0], merged[-1][0]
            if run.partitions is None or other.partitions is None:
                both = PlannedRun(run.views | other.views, run.partitions or other.partitions)
                merged[-1] = [(both, [*others, *parts])]
                continue
        merged.append(group)
    return merged


def _read(
    plan: ProjectPlan, part: Part, table: str, asked: Mapping[str, Collection[Part]]
) -> Collection[Part]:
    """What a part reads of a view, of all that is asked for by view."""
    if table not in asked:
        return ()
    read = parts_read(plan, part, table)
    return asked[table] if read == (Part(table),) else [each for each in read if each in asked[table]]


def _tables(plan: ProjectPlan, view: str) -> Collection[str]:
    tables = plan.stored_tables(view) if view in plan.views else plan.unplanned[view].tables
    return [table for table in tables if table in plan.project.views]
