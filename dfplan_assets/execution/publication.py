"""A published result: whole files that stay as they are, and what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

_Value = TypeVar("_Value")


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


def all_together(parts: Sequence[Publication]) -> Publication:
    """The results of all partitions that a view has, at least one, as if they were one result.

    As ``together``, and of one partition alone too the key is a part of its data version: those who read all
    of them read other rows where another partition takes its place, which may well be made of the same.
    """
    alone = parts[0].partition_key is not None and len(parts) == 1
    provenance = parts[0].provenance
    if not alone or provenance is None:
        return together(parts)
    return replace(parts[0], provenance=replace(provenance, data_version=_together_version(parts)))


def together(parts: Sequence[Publication]) -> Publication:
    """The results of some partitions of one view, at least one, as if they were one result.

    Its data version is another one whenever there is another partition, or one of another data version.
    ``published_at`` is that of the newest. Of what they were made of it has what is the same in all of them.
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
            fingerprint=_common([part.provenance.fingerprint for part in parts if part.provenance]) or "",
            data_version=_together_version(parts),
            inputs=_shared([part.provenance.inputs for part in parts if part.provenance]),
            identity=_shared([part.provenance.identity for part in parts if part.provenance]),
            sources=_shared([part.provenance.sources for part in parts if part.provenance]),
        ),
    )


def _together_version(parts: Sequence[Publication]) -> str:
    return _sha256([(part.partition_key, part.data_version) for part in parts])


def _common(values: Sequence[str]) -> str | None:
    return values[0] if len(set(values)) == 1 else None


def _shared(parts: Sequence[Mapping[str, _Value]]) -> dict[str, _Value]:
    """What all of these have, and have alike."""
    first, *others = parts or ({},)
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
