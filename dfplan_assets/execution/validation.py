"""Does a plan's Substrait message mean the plan? Answered by running both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import SubstraitError
from dfplan_assets.planning.bundle import SubstraitPlan, Validation
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.substrait.decoding import decode
from dfplan_assets.planning.substrait.validation import schema_difference, validate_by_decoding

# Sums of floating point numbers depend in their last digits on the order of the rows.
_SIGNIFICANT_DIGITS = 12


def validate(
    mode: Literal["off", "decode", "execute"],
    ctx: SessionContext,
    frame: DataFrame,
    substrait: SubstraitPlan,
    volatile_functions: Sequence[str],
) -> Validation:
    """Validates the message of a planned view as ``planning.validate`` asks for.

    ``ctx`` is the session that ``frame`` was planned in; for ``execute``, over the real tables. A
    query that calls volatile functions is decoded and not run: its own results differ from run to run.
    """
    if mode == "off":
        return Validation("not validated", "validation is off")
    if mode == "execute" and not volatile_functions:
        return validate_by_executing(ctx, frame, substrait)
    validation = validate_by_decoding(ctx, frame, substrait)
    if mode == "decode" or validation.outcome == "not validated":
        return validation
    calls = ", ".join(f"{name}()" for name in volatile_functions)
    return Validation(validation.outcome, f"{validation.reason}; not run, since it calls {calls}")


def validate_by_executing(ctx: SessionContext, frame: DataFrame, substrait: SubstraitPlan) -> Validation:
    """Runs the plan and what its message decodes to, and compares their results as multisets of rows."""
    if substrait.message is None:
        return Validation("not validated", f"there is no message: {substrait.refusal}")
    try:
        decoded = ctx.create_dataframe_from_logical_plan(decode(substrait.message, ctx))
    except SubstraitError as error:
        return Validation("cannot be decoded", error.cause)
    expected, expected_error = _run(frame)
    found, found_error = _run(decoded)
    if expected is None or found is None:
        if expected_error is not None and found_error is not None:
            return Validation("not validated", f"the query itself fails: {expected_error}")
        failed = f"the decoded plan fails: {found_error}"
        return Validation("differs", failed if found_error else "the query fails, the decoded plan runs")
    difference = schema_difference(_result_schema(ctx, frame), _result_schema(ctx, decoded))
    if expected == found:
        if difference is not None:
            return Validation("differs", f"equal rows, but another schema: {difference}")
        return Validation("matches", f"both plans gave the same {sum(expected.values()):,} rows")
    again, _ = _run(frame)
    if again != expected:
        return Validation("not validated", "the query's own result changes from run to run")
    missing, extra = sum((expected - found).values()), sum((found - expected).values())
    rows = sum(expected.values())
    return Validation("differs", f"{missing:,} of {rows:,} rows are missing, {extra:,} are not the query's")


def _result_schema(ctx: SessionContext, frame: DataFrame) -> pa.Schema:
    """The schema that rows come out with; before the analyser has run, a frame can have another."""
    return ctx.create_dataframe_from_logical_plan(frame.optimized_logical_plan()).schema()


def _run(frame: DataFrame) -> tuple[Counter[object] | None, str | None]:
    """The rows of a result with their number, or the last line of the error that there was instead."""
    rows: Counter[object] = Counter()
    try:
        for batch in frame.execute_stream():
            # Not as dictionaries: two columns may have one name.
            columns = [column.to_pylist() for column in batch.to_pyarrow().columns]
            if not columns:
                rows[()] += batch.to_pyarrow().num_rows
            rows.update(tuple(map(_comparable, row)) for row in zip(*columns, strict=True))
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return None, str(cause).strip().splitlines()[-1]
    return rows, None


def _comparable(value: object) -> object:
    """A value of any Arrow type as one that can be hashed, equal where the values are the same."""
    if isinstance(value, float):
        if math.isnan(value):
            return "not a number", "float"
        return float(f"{value:.{_SIGNIFICANT_DIGITS}g}"), "float"
    if isinstance(value, dict):
        return tuple((key, _comparable(item)) for key, item in value.items()), "struct"
    if isinstance(value, (list, tuple)):
        return tuple(map(_comparable, value)), "list"
    return value, type(value).__name__
