"""Whether each view's published result is what running it now would give, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dfplan_assets.execution.source_versions import SourceVersion
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import TimePartitions
from dfplan_assets.staleness.reasons import NEVER_RAN, identity_reasons, partitions_reason, source_reason
from dfplan_assets.staleness.results import Part, Results, parts_read


@dataclass(frozen=True)
class PartitionStaleness:
    """Why one partition of a view is stale.

    ``own`` are reasons of its own, ``upstream`` the stale views and partitions that it reads, as for a view.
    ``lacking`` is what it reads of which there is no result.
    """

    key: str
    own: tuple[str, ...]
    upstream: tuple[Part, ...]
    lacking: tuple[Part, ...]

    @property
    def because(self) -> tuple[str, ...]:
        """All reasons in words."""
        return (*self.own, *_upstream_words(part.view for part in self.upstream))


@dataclass(frozen=True)
class Partitioned:
    """How partitions stand: all ``keys`` that are over, how many are published, which of them are stale.

    A partition that never ran is stale where an earlier one is published: a hole, or a window that is over
    since. Those before the first one that is published are left to a backfill, as are all of a view of
    which none is. Of values, all that never ran are stale once one is published.
    """

    keys: tuple[str, ...]
    published: int
    stale: tuple[PartitionStaleness, ...]

    @property
    def never_ran(self) -> bool:
        """Whether there are partitions, and none of them was ever made."""
        return bool(self.keys) and not self.published


@dataclass(frozen=True)
class Staleness:
    """Why a stored view is stale, in words; it is fresh where there is no reason.

    ``own`` are reasons of its own: it must run. ``upstream`` are the stored views that it reads, itself or
    through views inlined into it, and that are stale: it must run unless they turn out to give what they did.
    ``lacking`` are those without any result. ``partitions`` is there for a view with partitions alone, which
    has its reasons there and none here.
    """

    view: str
    own: tuple[str, ...]
    upstream: tuple[str, ...]
    lacking: tuple[str, ...] = ()
    partitions: Partitioned | None = None

    @property
    def is_stale(self) -> bool:
        """Whether it must run, or may have to; for one with partitions, whether any of them must."""
        each = self.partitions
        return bool(self.own or self.upstream or (each is not None and (each.stale or each.never_ran)))

    @property
    def because(self) -> tuple[str, ...]:
        """All reasons in words, none where it is fresh."""
        if self.partitions is not None:
            each = self.partitions
            if each.never_ran:
                count = f"{len(each.keys):,} partition{'s' * (len(each.keys) > 1)}"
                return (f"never ran: start with a backfill of some of its {count}",)
            because = {part.key: part.because for part in each.stale}
            return (partitions_reason(because, each.keys),) if because else ()
        return (*self.own, *_upstream_words(self.upstream))


def stale(
    plan: ProjectPlan,
    results: Results,
    sources: Mapping[str, SourceVersion],
) -> dict[str, Staleness]:
    """The staleness of every stored view, upstream first.

    ``sources`` are the versions of all sources that they read. Pure: nothing else is looked at.
    """
    found: dict[str, Staleness] = {}
    for view in plan.all_views:
        if plan.is_virtual(view):
            continue
        tables = tuple(table for table in _tables(plan, view) if table in found)
        if partitions_of(plan, view) is not None:
            each = _partitions(plan, view, tables, results, sources, found)
            found[view] = Staleness(view, (), (), partitions=each)
            continue
        upstream = tuple(table for table in tables if found[table].is_stale)
        lacking = tuple(table for table in tables if results.whole[table] is None)
        own = own_reasons(plan, Part(view), results, sources.__getitem__)
        found[view] = Staleness(view, own, upstream, lacking)
    return found


def _partitions(
    plan: ProjectPlan,
    view: str,
    tables: tuple[str, ...],
    results: Results,
    sources: Mapping[str, SourceVersion],
    found: Mapping[str, Staleness],
) -> Partitioned:
    """How the partitions of a view stand; ``found`` has the views upstream."""
    keys, published = results.keys[view], results.parts[view]
    stale_parts = {
        Part(table, part.key)
        for table in tables
        if (each := found[table].partitions) is not None
        for part in each.stale
    }
    stale_parts.update(
        Part(table) for table in tables if found[table].partitions is None and found[table].is_stale
    )
    due = _due(plan, view, keys, published)
    if view in plan.unplanned:
        due, tables = due[-1:], ()  # all would fail alike
    stale_ones = []
    for key in due:
        part = Part(view, key)
        own = own_reasons(plan, part, results, sources.__getitem__)
        read = [each for table in tables for each in parts_read(plan, part, table)]
        upstream = tuple(each for each in read if each in stale_parts)
        if own or upstream:
            lacking = tuple(each for each in read if results.of(each) is None)
            stale_ones.append(PartitionStaleness(key, own, upstream, lacking))
    return Partitioned(keys, len(published), tuple(stale_ones))


def _due(plan: ProjectPlan, view: str, keys: Sequence[str], published: Collection[str]) -> Sequence[str]:
    """The partitions that have a result, and those that are to get one without being asked for."""
    if not published or not isinstance(partitions_of(plan, view), TimePartitions):
        return keys if published else ()
    first = next(number for number, key in enumerate(keys) if key in published)
    return keys[first:]


def own_reasons(
    plan: ProjectPlan,
    part: Part,
    results: Results,
    version_of: Callable[[str], SourceVersion],
) -> tuple[str, ...]:
    """Why a view or a partition must run, whatever becomes of what is upstream; nothing if it need not.

    ``results`` has its last result and those that it reads, ``version_of`` gives the version of a source.
    """
    view = part.view
    if view in plan.unplanned:
        return (f"it cannot be planned: {plan.unplanned[view].error.cause}",)
    result = results.of(part)
    if result is None:
        return (NEVER_RAN,)
    made = result.provenance
    if made is None:
        return ("made by an earlier version of dfplan",)
    reasons = []
    if made.fingerprint != plan.views[view].identity.fingerprint:
        reasons += identity_reasons(plan, view, made.identity)
    for table in plan.stored_tables(view):
        if table not in made.inputs:
            reasons.append(f"it reads {table}, which it did not")
        elif table in plan.project.sources:
            version = version_of(table)
            if version.version is None:
                reasons.append(f"whether {table} changed cannot be told: {version.problem}")
            elif made.inputs[table] != version.version:
                source = plan.project.sources[table]
                reasons.append(source_reason(source, made.sources.get(table, {}), version.parts))
        else:
            upstream = results.read_by(plan, part, table)
            if upstream is not None and upstream.data_version != made.inputs[table]:
                reasons.append(f"upstream {table} has a newer result")
    volatile = plan.views[view].identity.volatile_functions
    if volatile:
        reasons.append(f"uses {', '.join(f'{name}()' for name in volatile)}: never up to date")
    return tuple(reasons)


def to_run(
    staleness: Mapping[str, Staleness],
    selected: Collection[str] | None = None,
    leave: Collection[Part] = (),
) -> tuple[Part, ...]:
    """The views and partitions that a run for what is stale takes, upstream first.

    Those of the selection, of all views if there is none, that are stale by themselves, and those behind them
    that are reached within it; not those that read partitions which nobody has made and which are not taken
    either. What is to be ``leave``d runs only behind something that is taken.
    """
    taken: dict[Part, None] = {}
    views: set[str] = set()  # of which something is taken
    without: set[str] = set()  # nothing of these will have a result, for want of partitions
    for view, each in staleness.items():
        if each.partitions is not None:
            if selected is None or view in selected:
                for stale_one in each.partitions.stale:
                    part = Part(view, stale_one.key)
                    reached = any(up in taken for up in stale_one.upstream)
                    lacks = any(
                        up not in taken and (up.key is not None or up.view in without)
                        for up in stale_one.lacking
                    )
                    if (reached or (stale_one.own and part not in leave)) and not lacks:
                        taken[part] = None
                        views.add(view)
            if not each.partitions.published and view not in views:
                without.add(view)
            continue
        never_made = each.own == (NEVER_RAN,)
        if not without.isdisjoint(each.lacking):
            if never_made:
                without.add(view)
            continue
        if selected is not None and view not in selected:
            continue
        if (each.own and Part(view) not in leave) or not views.isdisjoint(each.upstream):
            taken[Part(view)] = None
            views.add(view)
    return tuple(taken)


def left_out(
    staleness: Mapping[str, Staleness], taken: Collection[Part], selected: Collection[str] | None = None
) -> dict[str, str]:
    """The views with stale partitions that ``to_run`` did not take, and in words why not."""
    found = {}
    for view, each in staleness.items():
        if each.partitions is None or (selected is not None and view not in selected):
            continue
        if each.partitions.never_ran and not any(part.view == view for part in taken):
            found[view] = ", ".join(each.because)
            continue
        waiting = [one for one in each.partitions.stale if Part(view, one.key) not in taken and one.lacking]
        if waiting:
            tables = ", ".join(dict.fromkeys(part.view for one in waiting for part in one.lacking))
            number = f"{len(waiting):,} partition{'s' * (len(waiting) > 1)}"
            found[view] = f"{number} wait{'s' * (len(waiting) == 1)} for what never ran of {tables}"
    return found


def _tables(plan: ProjectPlan, view: str) -> Collection[str]:
    return plan.stored_tables(view) if view in plan.views else plan.unplanned[view].tables


def _upstream_words(views: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"upstream {view} is stale" for view in dict.fromkeys(views))
