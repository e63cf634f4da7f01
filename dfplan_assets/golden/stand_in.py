"""Files that stand in for tables when a golden plan is made: a size and columns, and no rows.

The planner asks a Parquet file for its footer alone: how many rows it has, how large its columns are.
So a footer that says what was recorded gives the plan that the recorded table had, on any machine and
without its data. Such a file is never executed. Its body is a hole, which takes no place on the disk;
it is there because the planner divides scans by the length of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.golden.thrift import I64, Items, Struct, read_struct, write_struct
from dfplan_assets.planning.source_files import EXTENSIONS
from dfplan_assets.project.model import Source, SourceFormat

_MAGIC = b"PAR1"
# Beyond this, a longer file is divided no differently, and file systems have limits.
_LONGEST_FILE_BYTES = 1 << 30

# Fields of Parquet's FileMetaData, RowGroup, ColumnChunk and ColumnMetaData in parquet.thrift.
_FILE_ROWS, _FILE_ROW_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
_CHUNK_METADATA = 3
_COLUMN_VALUES, _COLUMN_UNCOMPRESSED_BYTES, _COLUMN_COMPRESSED_BYTES = 5, 6, 7


@dataclass(frozen=True)
class TableSize:
    """How large a table is: files, their bytes, rows. ``rows`` is None for formats that do not tell."""

    files: int
    bytes: int
    rows: int | None


ASSUMED = TableSize(files=1, bytes=64 << 20, rows=1_000_000)
"""The size of a table of which none is recorded: large enough to be joined by key and to be scanned
in parts. Tables of this size are joined in the order of the query's text."""


def table_files(folder: Path, source: Source, schema: pa.Schema, size: TableSize, most_files: int) -> Source:
    """The source with stand-in files of this size, made in ``folder``, in place of its own.

    More files than ``most_files``, the partitions of a scan, are divided as that many larger ones.
    """
    folder.mkdir(parents=True)
    kind: SourceFormat = "parquet" if source.format in ("delta", "published") else source.format
    extension = str(source.options.get("file_extension", EXTENSIONS[kind]))
    count = max(1, min(size.files, most_files))
    for number in range(count):
        # The first files take what does not divide evenly.
        share = [each // count + (number < each % count) for each in (size.bytes, size.rows or 0)]
        file = folder / f"part-{number}{extension}"
        if kind == "parquet":
            _write_parquet(file, schema, TableSize(1, share[0], share[1]))
        elif kind == "arrow":
            with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema):
                pass
        else:
            with file.open("wb") as handle:
                handle.truncate(min(max(share[0], 1), _LONGEST_FILE_BYTES))
    return Source(source.name, f"{folder}/", kind, source.options, None)


def _write_parquet(file: Path, schema: pa.Schema, size: TableSize) -> None:
    footer = _footer(schema, size)
    end = footer + len(footer).to_bytes(4, "little") + _MAGIC
    with file.open("wb") as handle:
        handle.write(_MAGIC)
        handle.seek(max(min(size.bytes, _LONGEST_FILE_BYTES) - len(end), len(_MAGIC)))
        handle.write(end)


def _footer(schema: pa.Schema, size: TableSize) -> bytes:
    """The footer of a file of one row group, with no statistics but rows and bytes."""
    # A row of nulls makes a row group that PyArrow describes; its figures are replaced.
    fields = [pa.field(field.name, _writable(field.type)) for field in schema]
    table = pa.table([pa.nulls(1, field.type) for field in fields], schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_statistics=False, compression="none")
    data = sink.getvalue().to_pybytes()
    length = int.from_bytes(data[-8:-4], "little")
    metadata = read_struct(data[-8 - length : -8])
    rows = size.rows or 0
    metadata[_FILE_ROWS] = I64, rows
    group = cast(Struct, cast(Items, metadata[_FILE_ROW_GROUPS][1]).values[0])
    group[_GROUP_BYTES], group[_GROUP_ROWS] = (I64, size.bytes), (I64, rows)
    chunks = cast(Items, group[_GROUP_COLUMNS][1]).values
    for chunk in chunks:
        column = cast(Struct, cast(Struct, chunk)[_CHUNK_METADATA][1])
        column[_COLUMN_VALUES] = I64, rows
        for field in (_COLUMN_UNCOMPRESSED_BYTES, _COLUMN_COMPRESSED_BYTES):
            column[field] = I64, size.bytes // len(chunks)
    return write_struct(metadata)


def _writable(kind: pa.DataType) -> pa.DataType:
    """A type that Parquet can hold and the planner adapts to the table's own."""
    if kind == pa.string_view():
        return pa.string()
    # No file can hold an interval; only a view that never ran can be said to have one.
    return pa.binary() if kind == pa.binary_view() or pa.types.is_interval(kind) else kind
