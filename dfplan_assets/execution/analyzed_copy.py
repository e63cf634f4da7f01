"""Copying a query's result to a file in one execution that also says what the planner expected of it.

``EXPLAIN ANALYZE COPY`` runs the COPY itself and prints its plan with the rows that the planner's statistics
expected of every operator, which a plan object does not tell. Nothing is planned or run twice for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from datafusion import DataFrame, SessionContext

from dfplan_assets.execution.analysis import walk
from dfplan_assets.execution.metrics import profile_operators
from dfplan_assets.execution.profile import ESTIMATED_ROWS, OperatorProfile
from dfplan_assets.planning.catalog import file_url

_STATISTICS = re.compile(r", statistics=\[Rows=(?:(?:Exact|Inexact)\((\d+)\)|Absent)")
_SHOW = "SET datafusion.explain.show_statistics = "


def analyzed_copy(ctx: SessionContext, table: str, file: Path) -> DataFrame:
    """What copies a registered table to a Parquet file once it is collected.

    Other plans of the session, before and after, are explained as they were.
    """
    ctx.sql(f"{_SHOW}true").collect()
    try:
        # A frame keeps the settings that its session had when it was made.
        return ctx.sql(f"EXPLAIN ANALYZE COPY \"{table}\" TO '{file_url(file)}' STORED AS PARQUET")
    finally:
        ctx.sql(f"{_SHOW}false").collect()


def copied_operators(
    copy: DataFrame, explained: Sequence[pa.RecordBatch], hide: Callable[[str], str] = str
) -> OperatorProfile:
    """The operators of an ``analyzed_copy`` after it gave ``explained``, the writing sink on top.

    The rows expected of an operator are among its metrics, ``rows_written`` among those of the sink. ``hide``
    takes out of their displays what nobody is to see.
    """
    (executed,) = copy.execution_plan().children()
    text = "\n".join(str(row) for batch in explained for row in batch.column("plan").to_pylist())
    return _with_estimates(profile_operators(executed, hide), text)


def rows_written(root: OperatorProfile) -> int:
    """How many rows the sink of a plan wrote; a scalar subquery that is computed first stands above it."""
    return next(each.metrics["rows_written"] for each in walk(root) if "rows_written" in each.metrics)


def _with_estimates(root: OperatorProfile, explained: str) -> OperatorProfile:
    """The operators with the rows expected of them, which the text of the explained plan names in pre-order.

    As they were where the text names another number of them: a literal of the query may look alike.
    """
    estimates = [found.group(1) for found in _STATISTICS.finditer(explained)]
    if len(estimates) != sum(1 for _ in walk(root)):
        return root
    return _estimated(root, iter(estimates))


def _estimated(operator: OperatorProfile, estimates: Iterator[str | None]) -> OperatorProfile:
    rows = next(estimates)
    metrics = operator.metrics if rows is None else {**operator.metrics, ESTIMATED_ROWS: int(rows)}
    children = tuple(_estimated(child, estimates) for child in operator.children)
    return replace(operator, metrics=metrics, children=children)
