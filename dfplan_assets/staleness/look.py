"""How a project's views stand against its sources at this moment."""

from __future__ import annotations

from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import SourceVersion, source_versions
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import Partition
from dfplan_assets.staleness.results import Part, Results, parts_read, results_now
from dfplan_assets.staleness.staleness import Staleness, own_reasons, stale


def staleness_now(plan: ProjectPlan) -> dict[str, Staleness]:
    """The staleness of every stored view, upstream first; reads manifests, file stats and footers.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    return stale(plan, results_now(plan), source_versions(plan.project, sources_read(plan)))


def own_reasons_now(plan: ProjectPlan, part: Part) -> tuple[str, ...]:
    """Why a view or partition must run, its inputs being as they are now; nothing where it need not."""
    warehouse = Warehouse.of(plan.project)
    tables = plan.stored_tables(part.view) if part.view in plan.views else ()
    read = {each for table in tables if table in plan.views for each in parts_read(plan, part, table)}

    def last(each: Part) -> Publication | None:
        partitions = partitions_of(plan, each.view)
        if each.key is None or partitions is None:
            return warehouse.whole(each.view, partitions)
        return warehouse.current(each.view, Partition(partitions, each.key))

    whole: dict[str, Publication | None] = {}
    parts: dict[str, dict[str, Publication]] = {}
    for each in (part, *sorted(read, key=str)):
        found = last(each)
        if each.key is None:
            whole[each.view] = found
        else:
            by_key = parts.setdefault(each.view, {})
            if found is not None:
                by_key[each.key] = found
    results = Results(whole, parts)

    def version_of(source: str) -> SourceVersion:
        return source_versions(plan.project, [source])[source]

    return own_reasons(plan, part, results, version_of)


def sources_read(plan: ProjectPlan) -> tuple[str, ...]:
    """The sources that any planned view reads."""
    read = {table for view in plan.views.values() for table in view.lineage.tables}
    return tuple(sorted(read & plan.project.sources.keys()))
