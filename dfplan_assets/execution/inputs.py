"""What a view reads: the sources and the published results it depends on, as they are when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionContext

from dfplan_assets.errors import ExecutionError, SourceError
from dfplan_assets.execution.publication import Publication, together
from dfplan_assets.execution.published_tables import IO_MANAGER_KEY, published_result
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.planning.inlining import register_inlined
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.sources import (
    register_empty,
    register_result,
    register_source,
    source_schema,
    type_in_queries,
)
from dfplan_assets.project.model import Source
from dfplan_assets.project.partitions import Partition, Partitions, upstream_keys

_NAMED = 10
"""Of missing partitions, as many are named in a message."""


@dataclass(frozen=True)
class Inputs:
    """What one view reads, itself and through views that are inlined into it: sources and other views.

    ``results`` are those of the stored views and published tables among them, a snapshot: newer results that
    appear while the view runs are not read.
    """

    plan: ProjectPlan
    view_plan: ViewPlan
    results: Mapping[str, Publication]

    @classmethod
    def take(
        cls, plan: ProjectPlan, view: str, warehouse: Warehouse, partition: Partition | None = None
    ) -> Inputs:
        """The dependencies of a view, or of one of its partitions, as they are now.

        Of a partitioned view, a view without partitions reads all partitions that have a result; a
        partition reads those that it is mapped to, which must all have one. Of a published table all
        partitions are read. Raises ExecutionError where a view or published table that it reads has no
        result, or one of other columns.
        """
        view_plan = plan.views[view]
        results = {}
        for table in plan.stored_tables(view):
            if table in plan.views:
                upstream = partitions_of(plan, table)
                if upstream is None or partition is None:
                    publication = warehouse.whole(table, upstream)
                else:
                    publication = _mapped(view_plan, table, upstream, warehouse, partition)
                if publication is None:
                    raise ExecutionError(
                        view_plan.view.where,
                        f"it reads the view {table}{_through(plan, view, table)}, "
                        "which has no published result",
                        f"Materialise {table} first.",
                    )
                results[table] = publication
            elif plan.project.sources[table].is_published:
                results[table] = published_table(view_plan, plan.project.sources[table])
        inputs = cls(plan, view_plan, results)
        inputs.check_present()
        for table, publication in results.items():
            if table in plan.views:
                _check_columns(view_plan, table, plan.schema_of(table), publication)
            else:
                check_published_table(
                    view_plan, plan.project.sources[table], plan.schema_of(table), publication
                )
        return inputs

    def register(self, ctx: SessionContext) -> None:
        """Make every table that the view's text names known to a session.

        Raises SourceError where a source is missing, unreadable, or of other columns than planned with,
        PlanningError where an inlined view cannot be planned over its tables.
        """
        view = self.view_plan.view.name
        stored, inlined = self.plan.stored_tables(view), self.plan.inlined_views(view)
        for table in stored:
            schema = self.plan.schema_of(table)
            if table in self.results:
                register_result(ctx, table, self.results[table].files, schema)
            else:
                source = self.plan.project.sources[table]
                _check_source(self.view_plan, source, schema)
                register_source(ctx, source, schema)
        # A table that one of the queries only names may be read by another.
        named = {table for name in (view, *inlined) for table in self.plan.views[name].lineage.unused_tables}
        for table in sorted(named.difference(stored, inlined)):
            register_empty(ctx, table, self.plan.schema_of(table))
        for name in inlined:
            register_inlined(ctx, self.plan, name)

    def check_present(self) -> None:
        """Raise ExecutionError where a file of a result is gone.

        To DataFusion a missing file is a table without rows. Results are removed only long after newer ones
        came, so this happens to views that run very long, or where someone tidied up by hand.
        """
        for table, publication in self.results.items():
            for file in publication.files:
                if not Path(file).is_file():
                    raise ExecutionError(
                        self.view_plan.view.where,
                        f"the result of {table} that it reads is gone: there is no file {file}",
                        f"Materialise {table} again, then this view.",
                    )

    def locations(self) -> dict[str, str]:
        """Where each table that the view reads, itself or through inlined views, is stored, for messages."""
        sources = self.plan.project.sources
        return {
            table: ", ".join(self.results[table].files) if table in self.results else sources[table].path
            for table in self.plan.stored_tables(self.view_plan.view.name)
        }


def _mapped(
    view_plan: ViewPlan, table: str, upstream: Partitions, warehouse: Warehouse, partition: Partition
) -> Publication:
    """The results of those partitions of a view that a partition is mapped to, all of which there must be."""
    keys = upstream_keys(partition.key, partition.of, upstream)
    results = {key: warehouse.current(table, Partition(upstream, key)) for key in keys}
    missing = [key for key, result in results.items() if result is None]
    if missing:
        listed = ", ".join(missing[:_NAMED]) + (
            f" and {len(missing) - _NAMED:,} more" * (len(missing) > _NAMED)
        )
        raise ExecutionError(
            view_plan.view.where,
            f"its partition {partition.key} reads partitions of {table} that have no published result: "
            f"{listed}",
            f"Materialise these partitions of {table} first.",
        )
    return together(tuple(result for result in results.values() if result is not None))


def _through(plan: ProjectPlan, view: str, table: str) -> str:
    """By which inlined views a view reads a table, in words; nothing where it reads it itself."""
    if table in plan.views[view].lineage.tables:
        return ""
    between = [name for name in plan.inlined_views(view) if table in plan.views[name].lineage.tables]
    return f" through {', '.join(between)}"


def _check_columns(view_plan: ViewPlan, table: str, planned: pa.Schema, publication: Publication) -> None:
    """Refuse a result made by an earlier text of its view: DataFusion would fill new columns with nulls."""
    for file in publication.files:  # of partitions, each may come from another form
        try:
            written = pq.read_schema(file)
        except (OSError, pa.ArrowException) as error:
            raise ExecutionError(
                view_plan.view.where,
                f"the result of {table} that it reads is damaged: {file}: {error}",
                f"Materialise {table} again, then this view.",
            ) from error
        differences = column_differences(planned, written)
        if differences:
            raise ExecutionError(
                view_plan.view.where,
                f"the published result of {table} comes from an earlier form of that view: {differences}",
                f"Materialise {table} first.",
            )


def published_table(view_plan: ViewPlan, source: Source) -> Publication:
    """The last result of a table that a Python asset makes."""
    result = published_result(source)
    if result is None:
        raise ExecutionError(
            view_plan.view.where,
            f"it reads the table {source.name}, which its asset {source.asset} has not published yet",
            f'Materialise {source.asset} first; it has to have io_manager_key="{IO_MANAGER_KEY}".',
        )
    return result


def check_published_table(
    view_plan: ViewPlan, source: Source, planned: pa.Schema, publication: Publication
) -> None:
    """Refuse a result that lacks a column or has it in another type: it would be filled with nulls.

    Each partition is a result of its own. Columns that are not planned with are not read.
    """
    for file in publication.files:
        try:
            written = pq.read_schema(file)
        except (OSError, pa.ArrowException) as error:
            raise ExecutionError(
                view_plan.view.where,
                f"the published table {source.name} that it reads is damaged: {file}: {error}",
                f"Materialise {source.asset} again, then this view.",
            ) from error
        differences = column_differences(planned, written, only_planned=True)
        if differences:
            raise ExecutionError(
                view_plan.view.where,
                f"the published table {source.name} has other columns than the view was planned with: "
                f"{differences} ({file})",
                f"If columns: in dfplan.yaml changed, materialise {source.asset} first. Otherwise read the "
                "project again: reload the code location in Dagster, or start the command anew.",
            )


def _check_source(view_plan: ViewPlan, source: Source, planned: pa.Schema) -> None:
    """Refuse a source whose files have other columns by now: they too would be filled with nulls."""
    differences = column_differences(planned, source_schema(source))
    if differences:
        raise SourceError(
            view_plan.view.where,
            f"the columns of source {source.name} ({source.path}) changed after the project was read: "
            f"{differences}",
            "Read the project again: reload the code location in Dagster, or start the command anew.",
        )


def column_differences(planned: pa.Schema, found: pa.Schema, only_planned: bool = False) -> str:
    """The columns that differ, in words; nothing where all are alike to a query.

    With ``only_planned``, columns that nothing was planned with do not count.
    """
    expected = {field.name: type_in_queries(field.type) for field in planned}
    actual = {field.name: type_in_queries(field.type) for field in found}
    return "; ".join(
        f"{name}: {actual.get(name, 'absent')} instead of {expected.get(name, 'absent')}"
        for name in (expected if only_planned else {**expected, **actual})
        if expected.get(name) != actual.get(name)
    )
