"""Delta tables as sources: the snapshot that a source means, and how DataFusion reads it.

The table that deltalake hands to DataFusion takes no filters: it reads all files of the snapshot.
A snapshot on the local disk is therefore read as the Parquet files that its log names, with the
values of partition columns as constants, so that DataFusion prunes partitions, files and row groups
by itself. Files with deletion vectors are read into memory, without the rows that these take out.
Where columns have other names in the files (column mapping), and in object stores, deltalake's table
is read, which gives the same rows and reads all files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import DataFrame, SessionContext, lit
from datafusion.plan import LogicalPlan

from dfplan_assets.errors import SourceError, UnreadableSourceError
from dfplan_assets.planning.catalog import column, file_url
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.substrait.datafusion_plan import with_paths
from dfplan_assets.project.model import Source

if TYPE_CHECKING:
    from deltalake import DeltaTable

# What a table may ask of its readers without its files meaning anything else than their rows.
_PLAIN_FEATURES = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "deletionVectors"})
_FILES = "files of a snapshot"


def delta_schema(source: Source) -> pa.Schema:
    """The columns of a Delta table, from its log.

    Raises SourceError where there is no such table or version, or deltalake is not installed,
    UnreadableSourceError where the log is damaged.
    """
    return _columns(_snapshot(source))


def delta_version(source: Source) -> str:
    """What a Delta source's rows are a function of: the table's id and the version that is read.

    Raises what ``delta_schema`` raises.
    """
    table = _snapshot(source)
    return f"{table.metadata().id}:{table.version()}"


def delta_files(source: Source) -> list[tuple[int, int | None]]:
    """The bytes and rows of each file that is read; rows are None where the log does not tell.

    Raises what ``delta_schema`` raises.
    """
    actions = pa.table(_snapshot(source).get_add_actions(flatten=True))
    sizes = actions.column("size_bytes").to_pylist()
    return list(zip(sizes, actions.column("num_records").to_pylist(), strict=True))


def register_delta(ctx: SessionContext, key: str, source: Source, schema: pa.Schema) -> None:
    """Registers the snapshot of a Delta source with these of its columns, in this order.

    Raises what ``delta_schema`` raises, and SourceError where a file of the snapshot is gone.
    """
    table = _snapshot(source)
    if _is_plain(source, table):
        frame = _read_files(ctx, source, table)
    else:
        frame = _read_by_deltalake(ctx, source, table)
    columns = [
        column(field.name)
        if frame.schema().field(field.name).type == field.type
        else column(field.name).cast(field.type).alias(field.name)
        for field in schema
    ]
    ctx.register_view(key, frame.select(*columns))


def _snapshot(source: Source) -> DeltaTable:
    where = f"dfplan.yaml: source {source.name}"
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError
    except ImportError as missing:
        raise SourceError(
            where, "reading Delta tables needs a package more", "pip install 'dfplan-assets[delta]'"
        ) from missing
    try:
        table = DeltaTable(source.path)
    except TableNotFoundError as cause:
        raise SourceError(
            where,
            f"no Delta table at {source.path}",
            "Correct its path, make the table, or declare its columns: to plan before it exists.",
        ) from cause
    except BaseException as cause:
        raise_unless_datafusion(cause)  # deltalake panics as DataFusion does
        raise UnreadableSourceError(
            where,
            f"the log of the Delta table at {source.path} cannot be read: {_last_line(cause)}",
            "Repair the table, or read another.",
        ) from cause
    latest = table.version()
    if source.version is None or source.version == latest:
        return table
    if source.version > latest:
        raise SourceError(
            where,
            f"the Delta table at {source.path} has no version {source.version}, the latest is {latest}",
            "Correct version:, or leave it out to read the latest.",
        )
    try:
        table.load_as_version(source.version)
    except BaseException as cause:
        raise_unless_datafusion(cause)
        raise SourceError(
            where,
            f"version {source.version} of the Delta table at {source.path} cannot be read any more: "
            f"{_last_line(cause)}",
            f"Choose a later version: the latest is {latest}.",
        ) from cause
    return table


def _last_line(cause: BaseException) -> str:
    return str(cause).strip().splitlines()[-1]


def _columns(table: DeltaTable) -> pa.Schema:
    logged = pa.schema(table.schema().to_arrow())
    return pa.schema([pa.field(field.name, _as_view(field.type), field.nullable) for field in logged])


def _as_view(kind: pa.DataType) -> pa.DataType:
    """Strings and binaries as DataFusion reads them from Parquet."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string_view()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.binary_view()
    return kind


def _is_plain(source: Source, table: DeltaTable) -> bool:
    """Whether a snapshot's columns are those of its files, under their own names, on the local disk."""
    if "://" in source.path:
        return False
    mapping = table.metadata().configuration.get("delta.columnMapping.mode") or "none"
    return mapping == "none" and frozenset(table.protocol().reader_features or ()) <= _PLAIN_FEATURES


def _kept_rows(table: DeltaTable) -> dict[str, list[bool]]:
    """For each file with a deletion vector, which of its rows are still there; later rows all are."""
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return {}
    vectors = pa.table(table.deletion_vectors())
    places = (unquote(url.removeprefix("file://")) for url in vectors.column("filepath").to_pylist())
    return dict(zip(places, vectors.column("selection_vector").to_pylist(), strict=True))


def _read_by_deltalake(ctx: SessionContext, source: Source, table: DeltaTable) -> DataFrame:
    if _kept_rows(table):
        raise SourceError(
            f"dfplan.yaml: source {source.name}",
            f"the Delta table at {source.path} has deletion vectors, which DataFusion cannot heed in an "
            "object store or together with column mapping",
            "Rewrite the files that have them, in Spark with REORG TABLE ... APPLY (PURGE).",
        )
    ctx.register_table(_FILES, table)
    frame = ctx.table(f'"{_FILES}"')
    ctx.deregister_table(_FILES)
    return frame


def _read_files(ctx: SessionContext, source: Source, table: DeltaTable) -> DataFrame:
    """One scan for each combination of values of the partition columns, over all its files."""
    columns = _columns(table)
    partitioned_by = table.metadata().partition_columns
    stored = pa.schema([field for field in columns if field.name not in partitioned_by])
    actions = pa.table(table.get_add_actions(flatten=True))
    values = [actions.column(f"partition.{name}") for name in partitioned_by]
    partitions: dict[tuple[object, ...], tuple[list[pa.Scalar], list[str]]] = {}
    for row, logged in enumerate(actions.column("path").to_pylist()):
        constants = [each[row] for each in values]
        files = partitions.setdefault(tuple(each.as_py() for each in constants), (constants, []))[1]
        files.append(_file(source, table, logged))
    if not partitions:
        ctx.register_listing_table(_FILES, "file:///dfplan/empty/", schema=columns)
        frame = ctx.table(f'"{_FILES}"')
        ctx.deregister_table(_FILES)
        return frame
    kept = _kept_rows(table)
    frames = []
    for key in sorted(partitions, key=repr):
        constants, files = partitions[key]
        by_name = dict(zip(partitioned_by, constants, strict=True))
        parts = [_read_kept(ctx, file, kept[file], stored) for file in files if file in kept]
        whole = sorted(file for file in files if file not in kept)
        if whole:
            parts.append(_scan(ctx, whole, stored))
        frames.append(
            _union(parts).select(
                *(
                    lit(by_name[field.name]).cast(field.type).alias(field.name)
                    if field.name in by_name
                    else column(field.name)
                    for field in columns
                )
            )
        )
    return _union(frames)


def _file(source: Source, table: DeltaTable, logged: str) -> str:
    """The place of a file that a log names; raises SourceError where it is gone.

    To DataFusion a missing file is one without rows.
    """
    path = unquote(logged)
    path = path.removeprefix("file://") if path.startswith("file://") else str(Path(source.path) / path)
    if not Path(path).is_file():
        raise SourceError(
            f"dfplan.yaml: source {source.name}",
            f"version {table.version()} of the Delta table at {source.path} names a file that is gone: "
            f"{path}",
            "Choose a version: whose files have not been vacuumed, or restore the file.",
        )
    return path


def _scan(ctx: SessionContext, files: Sequence[str], schema: pa.Schema) -> DataFrame:
    """One scan over several files; by its own interface DataFusion takes one path for each table."""
    ctx.register_parquet(_FILES, file_url(files[0]), schema=schema, file_extension=Path(files[0]).suffix)
    frame = ctx.table(f'"{_FILES}"')
    ctx.deregister_table(_FILES)
    if len(files) == 1:
        return frame
    node = with_paths(frame.logical_plan().to_bytes(ctx), [file_url(file) for file in files])
    return ctx.create_dataframe_from_logical_plan(LogicalPlan.from_bytes(ctx, node))


def _read_kept(ctx: SessionContext, file: str, kept: Sequence[bool], schema: pa.Schema) -> DataFrame:
    """The rows of a file that a deletion vector leaves, in memory."""
    content = pq.ParquetFile(file).read()
    mask = pa.array([*kept, *[True] * (content.num_rows - len(kept))])
    frame = ctx.from_arrow(content.filter(mask))
    return frame.select(
        *(
            (column(field.name) if field.name in content.column_names else lit(None))
            .cast(field.type)
            .alias(field.name)
            for field in schema
        )
    )


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    """All rows of the frames; halved again and again, so that thousands nest no deeper than a dozen."""
    if len(frames) == 1:
        return frames[0]
    middle = len(frames) // 2
    return _union(frames[:middle]).union(_union(frames[middle:]))
