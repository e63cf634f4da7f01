"""Reading Substrait messages of any depth."""

from __future__ import annotations

from google.protobuf.internal import api_implementation, decoder
from substrait.plan_pb2 import Plan

# A chain of forty operators nests deeper than the hundred levels that protobuf reads by default.
_DEPTH = 60_000


def parse_plan(message: bytes) -> Plan:
    """A message as a plan. Raises protobuf's DecodeError for bytes that are none."""
    _allow_depth()
    plan: Plan = Plan.FromString(message)
    return plan


def _allow_depth() -> None:
    """Lifts the limit of whichever of its engines protobuf runs on; neither has a public name for it."""
    if api_implementation.Type() == "upb":
        from google._upb import _message

        _message.SetAllowOversizeProtos(True)  # type: ignore[no-untyped-call]
    else:
        decoder.SetRecursionLimit(_DEPTH)  # type: ignore[attr-defined]
