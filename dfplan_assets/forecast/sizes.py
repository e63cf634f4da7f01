"""How many bytes a view will read, as far as that can be told without opening a table."""

from __future__ import annotations

from collections.abc import Sequence

from dfplan_assets.errors import SourceError
from dfplan_assets.execution.profile import known_total
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.delta import delta_files
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.source_files import source_files
from dfplan_assets.project.partitions import Partition, upstream_keys


class TableSizes:
    """The sizes of a project's tables as they are now, each looked up once."""

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._warehouse = Warehouse.of(plan.project)
        self._bytes: dict[str, int | None] = {}

    def total(self, tables: Sequence[str], partition: Partition | None = None) -> int | None:
        """The bytes of all these tables together, None unless known for each of them.

        Of partitioned views those of all published partitions, or of those that ``partition`` reads.
        """
        total = 0
        for table in tables:
            size = self._of(table, partition)
            if size is None:
                return None
            total += size
        return total

    def _of(self, table: str, partition: Partition | None) -> int | None:
        partitions = partitions_of(self._plan, table)
        if partitions is not None and partition is not None:
            keys = upstream_keys(partition.key, partition.of, partitions)
            return known_total(
                self._warehouse.current_bytes(table, Partition(partitions, key)) for key in keys
            )
        if table not in self._bytes:
            self._bytes[table] = self._look_up(table)
        return self._bytes[table]

    def _look_up(self, table: str) -> int | None:
        source = self._plan.project.sources.get(table)
        if source is None:
            partitions = partitions_of(self._plan, table)
            if partitions is None:
                return self._warehouse.current_bytes(table)
            published = self._warehouse.published(table, partitions)
            return known_total(result.bytes for result in published.values())
        try:
            # The files that a run counts, or estimates would be scaled by what is no growth.
            if source.format == "delta":
                sizes = [size for size, _ in delta_files(source)]
            else:
                sizes = [file.stat().st_size for file in source_files(source) or ()]
            return sum(sizes) if sizes else None
        except (OSError, SourceError):
            # Whoever reads the table reports what is wrong with it; a forecast only lacks its size.
            return None
