"""How many bytes a view will read, as far as that can be told without opening a table."""

from __future__ import annotations

from collections.abc import Sequence

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.source_files import source_files


class TableSizes:
    """The sizes of a project's tables as they are now, each looked up once."""

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._warehouse = Warehouse.of(plan.project)
        self._bytes: dict[str, int | None] = {}

    def total(self, tables: Sequence[str]) -> int | None:
        """The bytes of all these tables together; None unless known for each of them."""
        total = 0
        for table in tables:
            if table not in self._bytes:
                self._bytes[table] = self._look_up(table)
            size = self._bytes[table]
            if size is None:
                return None
            total += size
        return total

    def _look_up(self, table: str) -> int | None:
        source = self._plan.project.sources.get(table)
        if source is None:
            return self._warehouse.current_bytes(table)
        try:
            # The files that a run counts, or estimates would be scaled by what is no growth.
            sizes = [file.stat().st_size for file in source_files(source) or ()]
            return sum(sizes) if sizes else None
        except OSError:
            # Whoever reads the table reports what is wrong with it; a forecast only lacks its size.
            return None
