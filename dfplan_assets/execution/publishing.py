"""Publishing what a Python asset returns, in the same way as the result of a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.errors import ExecutionError, SourceError
from dfplan_assets.execution.content_version import content_version
from dfplan_assets.execution.frames import converted, fitted_schema, frame_batches
from dfplan_assets.execution.permit import publishing
from dfplan_assets.execution.publication import Provenance, Publication
from dfplan_assets.execution.published_tables import published_results
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.published_files import asset_partition
from dfplan_assets.planning.sources import source_schema
from dfplan_assets.project.model import Source


@dataclass(frozen=True)
class PublishedFrame:
    """The new result of a published table, its schema as views see it, and columns that none of them sees."""

    publication: Publication
    schema: pa.Schema
    undeclared: tuple[str, ...]


def publish_frame(
    value: object,
    source: Source,
    warehouse: Warehouse,
    partition_key: str | None = None,
    data_version: str | None = None,
    inputs: Mapping[str, str | None] | None = None,
) -> PublishedFrame:
    """Store what the asset of a published table returned, and make it the table's last result.

    Its columns must be those that ``columns:`` declares, or else those of the result before. The data
    version is that of its content, unless one is given. ``inputs`` are the versions of the tables it was made
    of, as far as they are known.

    Raises ExecutionError where it is no table, has other columns, values that cannot be stored, or cannot be
    computed or published. Nothing is published then, and the last result stays.
    """
    where = f"asset {source.asset} (source {source.name} in dfplan.yaml)"
    if partition_key is not None:
        where += f", partition {partition_key}"
    reader = frame_batches(value, where)
    expected, whose = _expected(source)
    schema = fitted_schema(reader.schema, expected, whose, where)
    _check_storable(schema, where)
    partition = None if partition_key is None else asset_partition(partition_key)
    with warehouse.stage(source.name, partition) as stage:
        file = stage.folder / "part-0.parquet"
        rows = 0
        try:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in converted(reader, schema, where):
                    writer.write_batch(batch)
                    rows += batch.num_rows
        except pa.ArrowException as error:
            raise ExecutionError(
                where,
                f"what the asset returned cannot be stored: {error}",
                "Give its columns types that Parquet can hold.",
            ) from error
        seen = _seen_by_views(source, file, where)
        provenance = Provenance(
            fingerprint="",
            data_version=content_version([str(file)]) if data_version is None else data_version,
            inputs=dict(inputs or {}),
            identity={},
            sources={},
        )
        with publishing(where):
            publication = warehouse.publish(stage, rows, provenance)
    declared = None if source.columns is None else set(source.columns.names)
    undeclared = () if declared is None else tuple(name for name in schema.names if name not in declared)
    return PublishedFrame(publication, seen, undeclared)


def _expected(source: Source) -> tuple[pa.Schema | None, str]:
    """The columns that a result must have, and who says so; None for the first one of a table."""
    if source.columns is not None:
        return source.columns, "columns: in dfplan.yaml declares"
    results = published_results(source)
    if not results:
        return None, ""
    newest = max(results, key=lambda result: result.published_at)
    try:
        return pq.read_schema(newest.files[0]), "its last result, with which views were planned, has"
    except (OSError, pa.ArrowException):
        return None, ""  # what is damaged there is replaced now


def _check_storable(schema: pa.Schema, where: str) -> None:
    for field in schema:
        try:
            pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
        except pa.ArrowException as error:
            raise ExecutionError(
                where,
                f"column {field.name} has the type {field.type}, which cannot be stored",
                "Cast it: to text, to a number of a fixed unit, or to what it consists of.",
            ) from error


def _seen_by_views(source: Source, file: Path, where: str) -> pa.Schema:
    """The schema under which DataFusion reads a new file, all of its columns."""
    try:
        return source_schema(Source(source.name, str(file), "parquet", {}, None))
    except SourceError as error:
        raise ExecutionError(
            where,
            f"what the asset returned cannot be read by views: {error.cause}",
            "Give its columns types that DataFusion knows.",
        ) from error
