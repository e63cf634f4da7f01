"""A published result as Python takes it: an Arrow table, a dataset, a DataFusion table.

An Arrow table costs what it weighs. PyArrow's own readers keep far more than that: they decode into buffers
that grow by doubling, out of a pool that keeps what it has once taken, and hold strings as views into whole
pages. Here each file is decoded in small batches, a few at a time, which are then copied into buffers of just
their size from the system's allocator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

BATCH_BYTES = 500_000
"""How many bytes are decoded at once, as the footer counts them."""

_BATCHES_COPIED_TOGETHER = 8
_FEWEST_ROWS = 1_024
_READ_BYTES = 1 << 16  # of each column; without it a whole column chunk is read before it is decoded


def read_table(files: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of some Parquet files, at least one, as one table; of all columns, or of these in this order.

    Texts and binaries are plain ones, whatever the files say, so that every library takes them. Raises
    KeyError for a column that there is not, OSError or pyarrow.ArrowException for a file that cannot be read.
    """
    tables = [_read_file(file, columns) for file in files]
    # What decoding took from the pool is held there for the next to come, who may be long in coming.
    pa.default_memory_pool().release_unused()
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")


def open_dataset(files: Sequence[str]) -> ds.Dataset:
    """The same files as a dataset, of which no row has been read yet."""
    return ds.dataset(list(files), format="parquet")


def _read_file(file: str, columns: Sequence[str] | None) -> pa.Table:
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=_READ_BYTES) as parquet:
        stored = parquet.schema_arrow
        for name in columns or ():
            if stored.get_field_index(name) < 0:
                raise KeyError(name)
        names = stored.names if columns is None else list(columns)
        schema = pa.schema(
            [stored.field(name).with_type(plain_type(stored.field(name).type)) for name in names]
        )
        parts = [_copied(batches) for batches in _groups(_batches(parquet, names, schema))]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _batches(parquet: pq.ParquetFile, names: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    footer = parquet.metadata
    size = sum(footer.row_group(each).total_byte_size for each in range(footer.num_row_groups))
    rows = max(_FEWEST_ROWS, BATCH_BYTES * footer.num_rows // max(1, size))
    for batch in parquet.iter_batches(rows, columns=names, use_threads=False):
        yield batch.select(names).cast(schema)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if len(group) == _BATCHES_COPIED_TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _copied(batches: list[pa.RecordBatch]) -> pa.Table:
    """The batches as one, in memory that is theirs alone."""
    return pa.Table.from_batches(batches).combine_chunks(memory_pool=pa.system_memory_pool())


def plain_type(kind: pa.DataType) -> pa.DataType:
    """A type without views, also inside of lists, structs and maps."""
    if kind == pa.string_view():
        return pa.string()
    if kind == pa.binary_view():
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(_plain_field(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_field(kind.value_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain_field(kind.value_field), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([_plain_field(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    return kind


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(plain_type(field.type))
