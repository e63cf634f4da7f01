"""How large tables are: measured from their files, or told by the plan store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.errors import UnreadableSourceError
from dfplan_assets.golden.stand_in import TableSize
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.delta import delta_files
from dfplan_assets.planning.source_files import source_files
from dfplan_assets.planning.sources import source_exists
from dfplan_assets.project.model import Source
from dfplan_assets.store import find_store


def measured_sizes(plan: ProjectPlan, tables: Iterable[str]) -> dict[str, TableSize | None]:
    """The sizes of sources and views; None where there is no file, or no run.

    A view is as large as the result of its last run that succeeded. Raises StoreError for a plan store
    that cannot be read, UnreadableSourceError for a source that cannot.
    """
    names = list(tables)
    views = [name for name in names if name in plan.views]
    sources = [name for name in names if name in plan.source_schemas]
    return {
        **dict.fromkeys(names),
        **{name: _size_of_source(plan.project.sources[name]) for name in sources},
        **_sizes_of_views(plan.project.store, views),
    }


def _sizes_of_views(url: str, views: list[str]) -> Mapping[str, TableSize]:
    store = find_store(url) if views else None
    if store is None:
        return {}
    with store:
        runs = store.latest_runs(views, status="succeeded")
    return {
        name: TableSize(1, run.output_bytes, run.output_rows)
        for name, run in runs.items()
        if run.output_bytes is not None
    }


def _size_of_source(source: Source) -> TableSize | None:
    if source.format == "delta":
        return _size_of_delta(source) if source_exists(source) else None
    files = source_files(source)
    if not files:
        return None
    try:
        sizes = [file.stat().st_size for file in files]
        rows = (
            sum(_rows(file.as_posix()) for file in files)
            if source.format in ("parquet", "published")
            else None
        )
    except (OSError, pa.ArrowException) as error:
        raise UnreadableSourceError(
            f"dfplan.yaml: source {source.name}",
            f"the size of {source.path} cannot be read: {error}",
            "Correct the file, or remove it: golden plans do not need it.",
        ) from error
    return TableSize(len(files), sum(sizes), rows)


def _size_of_delta(source: Source) -> TableSize:
    sizes = delta_files(source)
    rows = [count for _, count in sizes]
    known = [count for count in rows if count is not None]
    total = sum(known) if len(known) == len(rows) else None
    return TableSize(len(sizes), sum(size for size, _ in sizes), total)


def _rows(file: str) -> int:
    return int(pq.read_metadata(file).num_rows)
