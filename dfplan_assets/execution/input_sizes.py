"""How large the tables are that a view reads, at the moment it runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.profile import InputSize, known_total
from dfplan_assets.planning.delta import delta_files
from dfplan_assets.planning.source_files import source_files
from dfplan_assets.project.model import Source

_MOST_FOOTERS = 100
"""Of a source of more files the rows are not counted: reading the footers would hold up the view."""


def input_sizes(inputs: Inputs) -> tuple[InputSize, ...]:
    """The sizes of all tables that a view reads, by name.

    A result's are those that it was published with, a Delta table's those that its log names. Another
    source's bytes are those of its files, its rows those that the footers of Parquet files name; None for an
    object store, other formats and files that cannot be read, of which the execution says more.
    """
    tables = inputs.plan.stored_tables(inputs.view_plan.view.name)
    return tuple(
        InputSize(table, inputs.results[table].rows, inputs.results[table].bytes)
        if table in inputs.results
        else _source_size(inputs.plan.project.sources[table])
        for table in sorted(tables)
    )


def _source_size(source: Source) -> InputSize:
    if source.format == "delta":
        logged = delta_files(source)
        rows = known_total(rows for _, rows in logged)
        return InputSize(source.name, rows, sum(size for size, _ in logged))
    files = source_files(source)
    if not files:
        return InputSize(source.name, None, None)
    try:
        stats = [(file, file.stat()) for file in files]
    except OSError:
        return InputSize(source.name, None, None)
    rows = None
    if source.format == "parquet" and len(files) <= _MOST_FOOTERS:
        rows = known_total(_parquet_rows(file, stat.st_mtime_ns, stat.st_size) for file, stat in stats)
    return InputSize(source.name, rows, sum(stat.st_size for _, stat in stats))


# A footer is read once for all views of a process, as long as the file stays as it is.
@lru_cache(maxsize=10_000)
def _parquet_rows(file: Path, modified_nanoseconds: int, size_bytes: int) -> int | None:
    if not size_bytes:
        return 0  # to DataFusion an empty file has no rows
    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException):
        return None
