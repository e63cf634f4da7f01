"""A published result: whole files that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Publication:
    """One complete result of a view. ``version`` names it among the results that are kept."""

    view: str
    version: str
    files: tuple[str, ...]
    rows: int
    bytes: int
    published_at: datetime
