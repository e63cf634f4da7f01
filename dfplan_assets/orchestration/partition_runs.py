"""Which runs of Dagster a selection of views takes when partitions are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import dagster as dg

from dfplan_assets.errors import InputError
from dfplan_assets.execution.partition_checks import range_in_words
from dfplan_assets.orchestration.partitions import run_tags
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_order import upstream_of
from dfplan_assets.project.partitions import Partitions

_NAMED = 5


@dataclass(frozen=True)
class PartitionRange:
    """The partitions that are asked for: all from the first key to the last one, which may be the same."""

    first: str
    last: str

    def __str__(self) -> str:
        """As the user writes it: one key, or 2024-01-01..2024-01-31."""
        return self.first if self.first == self.last else f"{self.first}..{self.last}"


@dataclass(frozen=True)
class PlannedRun:
    """One run of Dagster: its views, and the partitions that those of them with partitions are run for.

    ``assets`` are the assets written in Python that run with them.
    """

    views: frozenset[str]
    partitions: PartitionRange | None = None
    assets: frozenset[dg.AssetKey] = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that tell Dagster of the partitions."""
        asked = self.partitions
        if asked is None:
            return {}
        return run_tags(asked.first, None if asked.first == asked.last else asked.last)


def planned_runs(
    plan: ProjectPlan, selected: Collection[str], asked: PartitionRange | None, now: datetime | None = None
) -> tuple[PlannedRun, ...]:
    """The runs that a selection takes, in the order in which they are to be run.

    One key, and a range of views that all have ``backfill: single_run``, take one run together with the
    views without partitions. Another range takes one run for each key: before these one for the views
    without partitions, behind them one for those that read partitioned views.

    Raises InputError where partitions are asked for and no view has any or the other way round, where the
    views have different ones, where a key is out of range, and where a view without partitions would
    have to run between two partitioned ones of a range.
    """
    views = plan.project.views
    partitioned = [view for view in plan.all_views if view in selected and views[view].partitions]
    if not partitioned:
        if asked is None:
            return (PlannedRun(frozenset(selected)),)
        raise InputError(
            f"partition {asked}", "no view of the selection has partitions", "Run it without a partition."
        )
    partitions = _common(plan, partitioned)
    at = now or datetime.now(timezone.utc)
    if asked is None:
        subject = "it has" if len(partitioned) == 1 else "these views have"
        raise InputError(
            f"selection of {_listed(partitioned)}",
            f"{subject} partitions ({partitions.title}), and none is asked for",
            f"Add --partition KEY or --partition-range FIRST..LAST: {range_in_words(partitions, at)}.",
        )
    keys = _keys(partitions, asked, at)
    if len(keys) == 1 or all(views[view].backfill == "single_run" for view in partitioned):
        return (PlannedRun(frozenset(selected), asked),)
    after = _behind(plan, partitioned).intersection(selected).difference(partitioned)
    between = [view for view in partitioned if not after.isdisjoint(upstream_of(plan, view))]
    if between:
        raise InputError(
            f"selection of {_listed(sorted(selected))}",
            f"{between[0]} reads a view without partitions that reads partitioned ones of this selection: a "
            "range in several runs has no place for it",
            "Run the range for what is upstream of it first, then for the rest; or declare "
            "backfill: single_run for all views with partitions.",
        )
    before = frozenset(selected).difference(partitioned, after)
    runs = [PlannedRun(frozenset(partitioned), PartitionRange(key, key)) for key in keys]
    return (
        *((PlannedRun(before),) if before else ()),
        *runs,
        *((PlannedRun(frozenset(after)),) if after else ()),
    )


def latest_runs(plan: ProjectPlan, selected: Collection[str], now: datetime) -> tuple[PlannedRun, ...]:
    """The runs of a schedule: one for each kind of partitions, for the last one of each that is over ``now``.

    Of values, it is the last value. Views without partitions go with the first of these runs. A kind of which
    no partition is over yet is left out.
    """
    whole: set[str] = set()
    found: dict[Partitions, set[str]] = {}
    for view in plan.all_views:
        partitions = plan.project.views[view].partitions
        if view in selected:
            (whole if partitions is None else found.setdefault(replace(partitions, by=""), set())).add(view)
    runs: list[PlannedRun] = []
    for partitions, views in found.items():
        keys = partitions.keys(now)
        if keys:
            runs.append(PlannedRun(frozenset(views | whole), PartitionRange(keys[-1], keys[-1])))
            whole = set()
    return (*((PlannedRun(frozenset(whole)),) if whole else ()), *runs)


def _common(plan: ProjectPlan, partitioned: list[str]) -> Partitions:
    """The partitions that all these views have, whatever their columns are called."""
    found: dict[Partitions, list[str]] = {}
    for view in partitioned:
        partitions = plan.project.views[view].partitions
        assert partitions is not None
        found.setdefault(replace(partitions, by=""), []).append(view)
    if len(found) > 1:
        groups = "; ".join(f"{each.title}: {_listed(names)}" for each, names in found.items())
        raise InputError(
            f"selection of {_listed(partitioned)}",
            f"the views have different partitions: {groups}",
            "Select views of the same partitions: from, to and timezone are a part of them.",
        )
    partitions = plan.project.views[partitioned[0]].partitions
    assert partitions is not None
    return partitions


def _keys(partitions: Partitions, asked: PartitionRange, now: datetime) -> tuple[str, ...]:
    """The keys of a range, in order."""
    for key in (asked.first, asked.last):
        if not partitions.has(key, now):
            raise InputError(
                f"partition {key}",
                f"there is no such partition ({partitions.title})",
                f"Choose another one: {range_in_words(partitions, now)}.",
            )
    keys = partitions.keys(now)
    first, last = keys.index(asked.first), keys.index(asked.last)
    if last < first:
        raise InputError(
            f"partition range {asked}",
            f"{asked.last} comes before {asked.first}",
            f"Write it as {asked.last}..{asked.first}.",
        )
    return keys[first : last + 1]


def _behind(plan: ProjectPlan, views: Collection[str]) -> set[str]:
    """The views that read some of these, directly or through others."""
    found = set(views)
    for view in plan.all_views:
        if not found.isdisjoint(plan.tables_of(view)):
            found.add(view)
    return found.difference(views)


def _listed(names: Collection[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
