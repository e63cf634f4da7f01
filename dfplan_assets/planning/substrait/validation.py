"""Does a message mean the plan that it was made from? Answered without running either."""

from __future__ import annotations

import pyarrow as pa
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import SubstraitError
from dfplan_assets.planning.bundle import SubstraitPlan, Validation
from dfplan_assets.planning.stable_plan import stable_plan, workshop
from dfplan_assets.planning.substrait.decoding import decode
from dfplan_assets.planning.substrait.encoding import encode_stable


def validate_by_decoding(ctx: SessionContext, frame: DataFrame, substrait: SubstraitPlan) -> Validation:
    """Decodes the message of a plan and compares schema and canonical bytes of what comes back.

    ``ctx`` is a session over tables of the schemas that the plan was made with.
    """
    if substrait.message is None:
        return Validation("not validated", f"there is no message: {substrait.refusal}")
    try:
        decoded = stable_plan(decode(substrait.message, ctx))
    except SubstraitError as error:
        return Validation("cannot be decoded", error.cause)
    original = workshop().create_dataframe_from_logical_plan(stable_plan(frame.logical_plan()))
    returned = ctx.create_dataframe_from_logical_plan(decoded)
    difference = schema_difference(original.schema(), returned.schema())
    if difference is not None:
        return Validation("differs", f"the decoded plan has another schema: {difference}")
    again = encode_stable(ctx, decoded)
    if again.message is None:
        return Validation("differs", f"the decoded plan cannot be encoded: {again.refusal}")
    if again.message != substrait.message:
        return Validation("differs", "the decoded plan has the same schema, and other canonical bytes")
    return Validation("matches", "the decoded plan has the same schema and the same canonical bytes")


def schema_difference(left: pa.Schema, right: pa.Schema) -> str | None:
    """The first difference in names and types between two schemas as a sentence; None where there is none.

    Whether a column can be null is not compared: the optimiser knows it better of one plan than of
    another that means the same.
    """
    if left.names != right.names:
        return f"columns {', '.join(left.names)} turned into {', '.join(right.names)}"
    for one, other in zip(left, right, strict=True):
        if one.type != other.type:
            return f"column {one.name} turned from {one.type} into {other.type}"
    return None
