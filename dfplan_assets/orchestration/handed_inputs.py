"""What a Python asset is given of a view or published table: what its annotation asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import datafusion
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from datafusion import SessionContext

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.handing import open_dataset, read_table
from dfplan_assets.execution.publication import Publication
from dfplan_assets.planning.catalog import column
from dfplan_assets.planning.sources import register_result
from dfplan_assets.project.suggestions import did_you_mean

ANNOTATIONS = "pandas.DataFrame, pyarrow.Table, pyarrow.dataset.Dataset, datafusion.DataFrame"
"""What an input may be annotated with, in words."""

_NAME = "handed"


def handed(
    result: Publication,
    annotation: object,
    columns: Sequence[str] | None,
    session: Callable[[], SessionContext],
    where: str,
) -> object:
    """A result as an annotation asks for it, all of it or these columns; without one as ``pyarrow.Table``.

    A frame of pandas has the types that Arrow gives it. A dataset and a frame of DataFusion read the files
    when they are asked; of a dataset, ``columns`` do not count. Raises ExecutionError, which names
    ``where``, for another annotation, a column that there is not, or files that cannot be read.
    """
    kind = pa.Table if annotation in (Any, None) else annotation
    try:
        if kind is pa.Table:
            return read_table(result.files, columns)
        if kind is pd.DataFrame:
            # Each column is given back as soon as pandas has it.
            return read_table(result.files, columns).to_pandas(split_blocks=True, self_destruct=True)
        if kind is ds.Dataset:
            return open_dataset(result.files)
        if kind is datafusion.DataFrame:
            ctx = session()
            register_result(ctx, _NAME, result.files, None)
            frame = ctx.table(_NAME)
            return frame if columns is None else frame.select(*_known(columns, frame.schema().names))
    except KeyError as unknown:
        names = open_dataset(result.files).schema.names
        raise ExecutionError(
            where,
            f"{result.view} has no column {unknown.args[0]}, which the metadata of the input asks for",
            did_you_mean(str(unknown.args[0]), names, "columns"),
        ) from unknown
    except (OSError, pa.ArrowException) as error:
        raise ExecutionError(
            where,
            f"the result of {result.view} cannot be read: {error}",
            f"Materialise {result.view} again.",
        ) from error
    raise ExecutionError(
        where,
        f"it is annotated with {getattr(kind, '__qualname__', kind)}, as which no result can be handed out",
        f"Annotate it with one of {ANNOTATIONS}.",
    )


def _known(columns: Sequence[str], names: Sequence[str]) -> list[datafusion.Expr]:
    for name in columns:
        if name not in names:
            raise KeyError(name)
    return [column(name) for name in columns]
