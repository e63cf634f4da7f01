"""A published result: whole files that stay as they are, and what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Provenance:
    """What a result was made of.

    ``fingerprint`` is that of the plan that made it, ``data_version`` what those compare who read the result,
    ``inputs`` the data version of each source and stored view that was read, itself or through views inlined
    into it; an input whose version could not be told stands there with None. The rest only explains a
    change: ``identity`` has a short hash for each part of the fingerprint and each inlined view, ``sources``
    the parts of each source's version.
    """

    fingerprint: str
    data_version: str
    inputs: Mapping[str, str | None]
    identity: Mapping[str, str]
    sources: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Publication:
    """One complete result of a view, or of one of its partitions.

    ``version`` names it among the results that are kept. ``partition_key`` is None for a whole view.
    ``provenance`` is None where an earlier version of this package made it.
    """

    view: str
    version: str
    files: tuple[str, ...]
    rows: int
    bytes: int
    published_at: datetime
    partition_key: str | None = None
    provenance: Provenance | None = None

    @property
    def data_version(self) -> str:
        """What those compare who read this result; its own version where nothing better is known."""
        return f"published {self.version}" if self.provenance is None else self.provenance.data_version


def together(parts: Sequence[Publication]) -> Publication:
    """The results of some partitions of one view, at least one, as if they were one result.

    Its data version is another one whenever there is another partition, or one of another data version.
    ``published_at`` is that of the newest. What it was made of the parts say, each for itself.
    """
    if len(parts) == 1:
        return parts[0]
    return Publication(
        view=parts[0].view,
        version=_sha256([(part.partition_key, part.version) for part in parts]),
        files=tuple(file for part in parts for file in part.files),
        rows=sum(part.rows for part in parts),
        bytes=sum(part.bytes for part in parts),
        published_at=max(part.published_at for part in parts),
        provenance=Provenance(
            fingerprint="",
            data_version=_sha256([(part.partition_key, part.data_version) for part in parts]),
            inputs={},
            identity={},
            sources={},
        ),
    )


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
