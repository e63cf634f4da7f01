"""What goes into the plan artifact store beside bundles, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.planning.bundle import Identity

Status = Literal["succeeded", "failed", "canceled", "cached", "profiled"]


@dataclass(frozen=True)
class InputSize:
    """How large a direct input was when the view ran; None where that is not known."""

    table: str
    rows: int | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One attempt to make a view's result.

    ``status`` is ``profiled`` for a run that measured without publishing, ``cached`` for one that
    took an older result. ``attempt`` counts from 1; a higher number is a retry. ``started_at``
    has a time zone. ``profile`` is None when the query did not run to its end. ``bundle_key`` and
    ``fingerprint`` (of results) name the plan that ran. ``cores`` are those the engine could use.
    ``estimated_seconds`` is the wall time that was predicted, ``estimate_source`` from what.
    ``failure`` is the cause as the user saw it.
    """

    view: str
    status: Status
    started_at: datetime
    attempt: int = 1
    profile: RunProfile | None = None
    bundle_key: str | None = None
    fingerprint: str | None = None
    publication_version: str | None = None
    partition_key: str | None = None
    dagster_run_id: str | None = None
    inputs: tuple[InputSize, ...] = ()
    cores: int | None = None
    peak_memory_bytes: int | None = None
    estimated_seconds: float | None = None
    estimate_source: str | None = None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A stored run without its operators.

    ``wall_seconds``, ``cpu_seconds``, ``output_rows``, ``output_bytes`` and ``partitions`` (of the
    widest operator) are None when the run has no profile. ``input_rows`` and ``input_bytes`` are
    sums over the inputs, None unless known for each of them.
    """

    key: str
    view: str
    status: Status
    attempt: int
    started_at: datetime
    bundle_key: str | None
    fingerprint: str | None
    publication_version: str | None
    partition_key: str | None
    dagster_run_id: str | None
    cores: int | None
    peak_memory_bytes: int | None
    input_rows: int | None
    input_bytes: int | None
    estimated_seconds: float | None
    estimate_source: str | None
    wall_seconds: float | None
    cpu_seconds: float | None
    output_rows: int | None
    output_bytes: int | None
    partitions: int | None


@dataclass(frozen=True)
class BundleRecord:
    """A stored bundle without its texts; ``Store.bundle(key)`` gives the whole.

    ``planning_seconds`` is what planning took the first time this plan was seen.
    """

    key: str
    view: str
    first_planned_at: datetime
    last_planned_at: datetime
    planning_seconds: float
    identity: Identity


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds. ``content_bytes`` are before compression, ``stored_bytes`` after it.

    ``size_bytes`` is what the whole database takes on disk.
    """

    location: str
    version: int
    views: int
    bundles: int
    runs: int
    operators: int
    contents: int
    content_bytes: int
    stored_bytes: int
    size_bytes: int
    first_planned_at: datetime | None
    last_planned_at: datetime | None
    last_run_at: datetime | None


@dataclass(frozen=True)
class Collected:
    """What a collection removed; ``stored_bytes`` are those of the contents."""

    bundles: int
    runs: int
    environments: int
    topologies: int
    contents: int
    stored_bytes: int


@dataclass(frozen=True)
class Upgraded:
    """The schema versions before and after an upgrade; equal when there was nothing to do."""

    before: int
    after: int
