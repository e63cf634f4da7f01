"""What a Python asset returns, as a stream of record batches of one schema.

A frame of pandas becomes columns by Arrow's own rules; levels of its index become columns where they have
names. Whatever offers an Arrow stream (a Polars frame does) is taken as that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from dfplan_assets.errors import DfplanError, ExecutionError
from dfplan_assets.execution.failures import clean
from dfplan_assets.execution.inputs import column_differences
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.sources import type_in_queries

TAKEN = (
    "pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatchReader, pyarrow.dataset.Dataset, "
    "datafusion.DataFrame"
)
"""What a Python asset may return, in words."""


def frame_batches(value: object, where: str) -> pa.RecordBatchReader:
    """A stream of what an asset returned; nothing is computed yet but what pandas holds already.

    Raises ExecutionError, which names ``where``, for what is no table, or none that has columns with names.
    """
    if value is None:
        raise ExecutionError(
            where,
            "the asset returned nothing, and its last result stays",
            f"Return a table: {TAKEN}.",
        )
    reader = _reader(value, where)
    _check_names(reader.schema.names, where)
    return reader


def _check_names(names: Sequence[str], where: str) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if not names:
        raise ExecutionError(where, "the asset returned a table without columns", "Return one with columns.")
    if twice or "" in names:
        problem = f"several columns called {', '.join(twice)}" if twice else "a column without a name"
        raise ExecutionError(where, f"the asset returned a table with {problem}", "Rename them.")


def _reader(value: object, where: str) -> pa.RecordBatchReader:
    if isinstance(value, pa.RecordBatchReader):
        return value
    if isinstance(value, pd.DataFrame):
        return _of_pandas(value, where).to_reader()
    if isinstance(value, ds.Dataset):
        return value.scanner().to_reader()
    if not isinstance(value, type) and hasattr(value, "__arrow_c_stream__"):
        try:
            return pa.RecordBatchReader.from_stream(value)
        except BaseException as error:
            raise_unless_datafusion(error)
            raise failed_stream(error, where) from error
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    raise ExecutionError(
        where, f"the asset returned a {name}, which cannot be stored as a table", f"Return a table: {TAKEN}."
    )


def _of_pandas(frame: pd.DataFrame, where: str) -> pa.Table:
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise ExecutionError(
            where,
            f"the asset returned a table with columns whose names are no texts: {strange[:5]}",
            "Rename them, as in frame.columns = [...].",
        )
    named = [name for name in frame.index.names if name is not None]
    if named:
        frame = frame.reset_index(level=named, allow_duplicates=True)
    _check_names(list(frame.columns), where)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ExecutionError(
            where,
            f"the asset returned values that cannot be stored: {'; '.join(str(each) for each in error.args)}",
            "Give each column values of one type.",
        ) from error


def failed_stream(error: BaseException, where: str) -> DfplanError:
    """What to raise where the rows of a frame cannot be had."""
    if isinstance(error, DfplanError):
        return error
    return ExecutionError(
        where,
        f"the rows that the asset returned cannot be computed: {clean(str(error))}",
        "Correct the asset; its last result stays.",
    )


def fitted_schema(found: pa.Schema, expected: pa.Schema | None, whose: str, where: str) -> pa.Schema:
    """The schema under which a frame is stored: its own, with the expected types where nothing is lost.

    Columns that nothing is expected of stay as they are. Raises ExecutionError where an expected column is
    missing or has a type of another kind; ``whose`` says whose expectation it is.
    """
    plain = found.remove_metadata()
    if expected is None:
        return plain
    fields = []
    for field in plain:
        index = expected.get_field_index(field.name)
        wanted = field.type if index < 0 else expected.field(index).type
        same = type_in_queries(wanted) == type_in_queries(field.type)
        fields.append(field if same or not _converts(field.type, wanted) else field.with_type(wanted))
    fitted = pa.schema(fields)
    differences = column_differences(expected, fitted, only_planned=True)
    if differences:
        raise ExecutionError(
            where,
            f"the asset returned other columns than {whose}: {differences}",
            f"It returned {', '.join(f'{field.name} {field.type}' for field in plain)}. Correct the asset; "
            "or, if the table is to be like that, write this as its columns: in dfplan.yaml.",
        )
    return fitted


def converted(reader: pa.RecordBatchReader, schema: pa.Schema, where: str) -> Iterator[pa.RecordBatch]:
    """The batches of a stream with the types of a schema.

    Raises ExecutionError for a value that does not fit, and for rows that cannot be computed.
    """
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except BaseException as error:
            raise_unless_datafusion(error)
            raise failed_stream(error, where) from error
        for field in schema:
            if batch.schema.field(field.name).type != field.type:
                try:
                    batch.column(field.name).cast(field.type)
                except pa.ArrowException as error:
                    raise ExecutionError(
                        where,
                        f"column {field.name} has a value that is no {field.type}: {error}",
                        "Correct the value, or the type under columns: in dfplan.yaml.",
                    ) from error
        yield batch.cast(schema)


def _converts(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values are the same values in the wanted type, or Arrow's safe cast says which are not."""
    types = pa.types
    if types.is_null(found):
        return True
    if types.is_integer(wanted):
        return bool(types.is_integer(found) or types.is_floating(found))
    if types.is_floating(wanted):
        wider = types.is_floating(found) and wanted.bit_width >= found.bit_width
        return bool(wider or (types.is_integer(found) and wanted == pa.float64()))
    if types.is_decimal(wanted):
        return bool(types.is_decimal(found))
    if types.is_timestamp(wanted):
        return bool(types.is_timestamp(found) and found.tz == wanted.tz)
    for same_kind in (types.is_date, types.is_time, types.is_duration):
        if same_kind(wanted):
            return bool(same_kind(found))
    return False
