"""Acceptances of plans, as commands print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfplan_assets.cli.output import isoformat

if TYPE_CHECKING:
    from dfplan_assets.store import AcceptanceRecord


def acceptance_document(accepted: AcceptanceRecord | None) -> dict[str, str] | None:
    """An acceptance in JSON: when, by whom, and the note; null for a plan that nobody accepted."""
    if accepted is None:
        return None
    return {"at": isoformat(accepted.accepted_at), "by": accepted.accepted_by, "note": accepted.note}


def acceptance_text(accepted: AcceptanceRecord) -> str:
    """An acceptance in a line."""
    note = f": {accepted.note}" if accepted.note else ""
    return f"{accepted.accepted_at:%Y-%m-%d %H:%M} UTC by {accepted.accepted_by}{note}"
