"""How many bytes a view will read, as far as that can be told without opening a table."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan


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
            sizes = [file.stat().st_size for file in _files(source.path)]
            return sum(sizes) if sizes else None
        except OSError:
            # Whoever reads the table reports what is wrong with it; a forecast only lacks its size.
            return None


def _files(path: str) -> Iterator[Path]:
    """The files of a source on this machine; none for one in an object store."""
    if "://" in path:
        return iter(())
    if path.endswith("/"):
        return (file for file in Path(path).rglob("*") if file.is_file())
    place = Path(path)
    is_pattern = glob.has_magic(place.name) and not place.exists()
    return place.parent.glob(place.name) if is_pattern else iter((place,))
