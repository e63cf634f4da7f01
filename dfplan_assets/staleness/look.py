"""How a project's views stand against its sources at this moment."""

from __future__ import annotations

from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import SourceVersion, source_versions
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.staleness.staleness import Staleness, own_reasons, stale


def staleness_now(plan: ProjectPlan) -> dict[str, Staleness]:
    """The staleness of every stored view, upstream first; reads manifests, file stats and footers.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    return stale(plan, results_now(plan), source_versions(plan.project, sources_read(plan)))


def results_now(plan: ProjectPlan) -> dict[str, Publication | None]:
    """The last results of all stored views, that of all partitions together where a view has some.

    Raises ExecutionError where the manifest of a view is damaged.
    """
    warehouse = Warehouse.of(plan.project)
    return {
        view: warehouse.whole(view, partitions_of(plan, view))
        for view in plan.all_views
        if not plan.is_virtual(view)
    }


def own_reasons_now(plan: ProjectPlan, view: str) -> tuple[str, ...]:
    """Why a view must run, its inputs being as they are now; nothing where it need not."""
    warehouse = Warehouse.of(plan.project)

    def version_of(source: str) -> SourceVersion:
        return source_versions(plan.project, [source])[source]

    def result_of(table: str) -> Publication | None:
        return warehouse.whole(table, partitions_of(plan, table))

    return own_reasons(plan, view, result_of, version_of)


def sources_read(plan: ProjectPlan) -> tuple[str, ...]:
    """The sources that any planned view reads."""
    read = {table for view in plan.views.values() for table in view.lineage.tables}
    return tuple(sorted(read & plan.project.sources.keys()))
