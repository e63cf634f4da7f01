"""A published result: whole files that stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Publication:
    """One complete result of a view, or of one of its partitions.

    ``version`` names it among the results that are kept. ``partition_key`` is None for a whole view.
    """

    view: str
    version: str
    files: tuple[str, ...]
    rows: int
    bytes: int
    published_at: datetime
    partition_key: str | None = None


def together(parts: Sequence[Publication]) -> Publication:
    """The results of some partitions of one view, at least one, as if they were one result.

    ``version`` is another one whenever one of theirs is, ``published_at`` is that of the newest.
    """
    if len(parts) == 1:
        return parts[0]
    versions = "\n".join(f"{part.partition_key} {part.version}" for part in parts)
    return Publication(
        view=parts[0].view,
        version=hashlib.sha256(versions.encode()).hexdigest(),
        files=tuple(file for part in parts for file in part.files),
        rows=sum(part.rows for part in parts),
        bytes=sum(part.bytes for part in parts),
        published_at=max(part.published_at for part in parts),
    )
