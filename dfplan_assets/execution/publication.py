"""A published result: whole files that stay as they are, and what they were made of."""

from __future__ import annotations

from collections.abc import Mapping
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
    """One complete result of a view. ``version`` names it among the results that are kept.

    ``provenance`` is None where an earlier version of this package made it.
    """

    view: str
    version: str
    files: tuple[str, ...]
    rows: int
    bytes: int
    published_at: datetime
    provenance: Provenance | None = None

    @property
    def data_version(self) -> str:
        """What those compare who read this result; its own version where nothing better is known."""
        return f"published {self.version}" if self.provenance is None else self.provenance.data_version
