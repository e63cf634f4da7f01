"""Table functions in Substrait: the producer keeps their name and drops their arguments.

DataFusion's encoding of the physical scan still has them, so a call travels as its SQL text.
"""

from __future__ import annotations

from collections.abc import Iterator

from datafusion import SessionContext
from datafusion.plan import LogicalPlan

from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.substrait import wire

_GENERATE_SERIES = 33  # among DataFusion's physical nodes
_NULL_ARGUMENT, _INTEGERS, _ZONED_TIMESTAMPS, _TIMESTAMPS = 3, 4, 5, 6


def table_function_scans(plan: LogicalPlan) -> Iterator[tuple[str, LogicalPlan]]:
    """The scans of table functions in pre-order, each with the name it is read under.

    Scans in subqueries that are still expressions cannot be reached from Python and are not given.
    """
    text = plan.display().removeprefix("TableScan: ")
    name = text.split(" projection=", 1)[0]
    if text != plan.display() and name.endswith("()"):
        yield name, plan
    for node in plan.inputs():
        yield from table_function_scans(node)


def call_text(ctx: SessionContext, scan: LogicalPlan) -> str | None:
    """A scan of ``generate_series`` or ``range`` as the SQL call it came from; None for other functions."""
    try:
        physical = ctx.create_dataframe_from_logical_plan(scan).execution_plan().to_bytes(ctx)
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return None  # what a function in Python gives has no encoding
    node = wire.first_bytes(physical, _GENERATE_SERIES)
    for field in wire.read(node):
        if not isinstance(field.value, bytes):
            continue
        if field.number == _NULL_ARGUMENT:
            return "generate_series(NULL, 0)"
        if field.number == _INTEGERS:
            start, end, step = (wire.first_int(field.value, number) for number in (1, 2, 3))
            return f"{_name(field.value, 4)}({start}, {end}, {step})"
        if field.number in (_ZONED_TIMESTAMPS, _TIMESTAMPS):
            start, end = (wire.first_int(field.value, number) for number in (1, 2))
            zone, end_included = "", 4
            if field.number == _ZONED_TIMESTAMPS:
                zone, end_included = wire.first_bytes(field.value, 4).decode(), 5
            interval = wire.first_bytes(field.value, 3)
            months, days, nanoseconds = (wire.first_int(interval, number) for number in (1, 2, 3))
            return (
                f"{_name(field.value, end_included)}({_timestamp(start, zone)}, {_timestamp(end, zone)}, "
                f"INTERVAL '{months} months {days} days {nanoseconds} nanoseconds')"
            )
    return None


def _name(arguments: bytes, end_included: int) -> str:
    return "generate_series" if wire.first_int(arguments, end_included) else "range"


def _timestamp(nanoseconds: int, zone: str) -> str:
    kind = f'Some("{zone}")' if zone else "None"
    return f"arrow_cast({nanoseconds}, 'Timestamp(Nanosecond, {kind})')"
