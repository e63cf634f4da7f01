"""The content of a result as one text: equal for equal rows, in whatever order and files they stand.

Each row is encoded so that different rows have different bytes, and hashed with SHA-256. The hashes, taken as
four numbers of 64 bits, are added up lane by lane; the sums, the number of rows and the columns' names and
types are hashed once more. Adding makes the order of rows irrelevant and counts how often a row occurs. Two
different results that nobody made on purpose have the same version with a probability of 2**-256. Whoever
chooses rows freely can make two of the same sum with an effort of some 2**64 and more, as for every such sum:
it tells changes, it is no seal.

What counts: names, types and order of columns (a dictionary is what it holds, a string is one however it is
laid out; whether a column may be null does not count), every value to the bit, nulls apart from everything
else, -0.0 apart from 0.0. All NaN are one. Elements of lists and entries of maps count in their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FORM = 1
"""Of what a version is made; another one makes all versions others."""

_BATCH_ROWS = 65_536
_LANES = 4  # of 64 bits each, in a SHA-256
_ABSENT = pa.scalar(b"\x00", pa.large_binary())
_PRESENT = pa.scalar(b"\x01", pa.large_binary())
_NOTHING = pa.scalar(b"", pa.large_binary())


def content_version(files: Sequence[str]) -> str:
    """The version of the rows of some Parquet files of one schema, in hex. Reads them once."""
    sums = np.zeros(_LANES, dtype=np.uint64)
    rows = 0
    schema = pq.read_schema(files[0])
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS):
                sums += _sum_of_rows(batch)
                rows += batch.num_rows
    columns = [[field.name, _type_name(field.type)] for field in schema]
    content = [FORM, columns, rows, [int(lane) for lane in sums]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _sum_of_rows(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    encoded = _row_by_row([encoded_values(column) for column in batch.columns], batch.num_rows)
    digests = b"".join(hashlib.sha256(row).digest() for row in encoded.to_pylist())
    lanes = np.frombuffer(digests, dtype="<u8").reshape(-1, _LANES)
    total: npt.NDArray[np.uint64] = lanes.sum(axis=0, dtype=np.uint64)  # wraps around
    return total


def encoded_values(values: pa.Array) -> pa.Array:
    """Each value as bytes (``large_binary``, no nulls), none of which is the beginning of another's."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return encoded_values(values.storage)
    if pa.types.is_dictionary(kind):
        return encoded_values(values.dictionary_decode())
    if pa.types.is_null(kind):
        return pa.repeat(_ABSENT, len(values))
    if pa.types.is_struct(kind):
        # Its fields as arrays of full length, nulls of the struct itself being theirs as well.
        content = _row_by_row([encoded_values(field) for field in values.flatten()], len(values))
    elif pa.types.is_map(kind):
        lists = pa.ListArray.from_arrays(
            values.offsets, pa.StructArray.from_arrays([values.keys, values.items], ["key", "value"])
        )
        if values.null_count:
            lists = pc.if_else(values.is_valid(), lists, pa.scalar(None, lists.type))
        content = _lists(lists)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        content = _lists(values)
    elif _is_variable(kind):
        content = _with_length(values.cast(pa.large_binary()))
    else:
        content = _fixed(values)
    present = _join(_PRESENT, content)
    return pc.if_else(values.is_valid(), present, _ABSENT) if values.null_count else present


def _is_variable(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _join(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _NOTHING)


def _row_by_row(columns: list[pa.Array], rows: int) -> pa.Array:
    return _join(*columns) if columns else pa.repeat(_NOTHING, rows)


def _with_length(values: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.binary_length(values), 0).cast(pa.int64())
    return _join(_bytes_of(lengths.to_numpy(zero_copy_only=False).astype("<i8")), pc.fill_null(values, b""))


def _lists(values: pa.Array) -> pa.Array:
    """The number of elements and the elements: one behind the other, as they lie in memory already."""
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False).astype("<i8")
    elements = encoded_values(pc.list_flatten(values))
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    bounds = np.frombuffer(elements.buffers()[1], dtype=np.int64)[elements.offset :][: len(elements) + 1]
    offsets = bounds[ends] if len(elements) else np.zeros(len(values) + 1, dtype=np.int64)
    content = pa.Array.from_buffers(
        pa.large_binary(), len(values), [None, pa.py_buffer(offsets.tobytes()), elements.buffers()[2]]
    )
    return _join(_bytes_of(lengths), content)


def _fixed(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_boolean(kind):
        return _bytes_of(pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(np.uint8))
    if pa.types.is_floating(kind):
        numbers = pc.fill_null(values, pa.scalar(0.0).cast(kind)).to_numpy(zero_copy_only=False).copy()
        numbers[np.isnan(numbers)] = np.nan
        return _bytes_of(numbers)
    width = kind.bit_width // 8
    buffer = values.buffers()[1]
    if buffer is None or not len(values):
        return pa.repeat(_NOTHING, len(values))
    raw = np.frombuffer(buffer, dtype=np.uint8)[values.offset * width :][: len(values) * width]
    return _bytes_of(raw.reshape(len(values), width))


def _bytes_of(numbers: npt.NDArray[np.generic]) -> pa.Array:
    """Each number, or each row of bytes, as a binary value."""
    width = numbers.dtype.itemsize * (numbers.shape[1] if numbers.ndim == 2 else 1)
    offsets = np.arange(len(numbers) + 1, dtype=np.int64) * width
    return pa.Array.from_buffers(
        pa.large_binary(),
        len(numbers),
        [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(np.ascontiguousarray(numbers).tobytes())],
    )


def _type_name(kind: pa.DataType) -> str:
    """A type without how its values are laid out, by names that are our own."""
    if isinstance(kind, pa.BaseExtensionType):
        return _type_name(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _type_name(kind.value_type)
    if _is_variable(kind):
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        return "string" if text else "binary"
    if pa.types.is_map(kind):
        return f"map<{_type_name(kind.key_type)}, {_type_name(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{json.dumps(field.name)}: {_type_name(field.type)}' for field in kind)}>"
    if pa.types.is_fixed_size_list(kind):
        return f"list<{_type_name(kind.value_type)}>[{kind.list_size}]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_type_name(kind.value_type)}>"
    return str(kind)
