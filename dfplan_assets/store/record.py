"""What goes into the plan artifact store beside bundles, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dfplan_assets.execution.profile import InputSize, RunProfile
from dfplan_assets.planning.bundle import Identity

Status = Literal["succeeded", "failed", "canceled", "cached", "profiled"]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One attempt to make a view's result.

    ``status`` is ``profiled`` for a run that measured without publishing, ``cached`` for one that
    took an older result. ``attempt`` counts from 1; a higher number is a retry. ``started_at``
    has a time zone. ``profile`` is None when the query did not run to its end. ``bundle_key`` and
    ``fingerprint`` (of results) name the plan that ran. ``cores`` are those the engine could use.
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
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A stored run without its operators.

    ``wall_seconds``, ``cpu_seconds``, ``output_rows``, ``output_bytes``, ``partitions`` (of the
    widest operator) and ``spilled_bytes`` are None when the run has no profile. ``input_rows`` and
    ``input_bytes`` are sums over the inputs, None unless known for each of them. ``bytes_scanned``
    are those that the scans read, None when no scan counted them; ``row_groups_pruned`` and
    ``row_groups_matched`` those that Parquet scans skipped and read, None when no scan counted them.
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
    wall_seconds: float | None
    cpu_seconds: float | None
    output_rows: int | None
    output_bytes: int | None
    partitions: int | None
    spilled_bytes: int | None
    bytes_scanned: int | None
    row_groups_pruned: int | None
    row_groups_matched: int | None


@dataclass(frozen=True, kw_only=True)
class PredictionRecord:
    """What was expected of one view in one Dagster run, and, once that has ended, what came of it.

    ``position`` counts from 0 in the order of starting. ``source`` says from what ``estimated_seconds``
    of wall time is known, ``low_seconds`` and ``high_seconds`` are its spread. Starts and ends are
    seconds after the start of the run; the actual ones, and the ``attempt`` that gave them, are None
    for a view that has not run.
    """

    view: str
    partition_key: str | None = None
    position: int
    priority: int
    estimated_seconds: float
    low_seconds: float
    high_seconds: float
    source: str
    bottom_level_seconds: float
    slack_seconds: float
    predicted_start_seconds: float | None = None
    predicted_end_seconds: float | None = None
    actual_start_seconds: float | None = None
    actual_end_seconds: float | None = None
    attempt: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScheduleRecord:
    """The order of one Dagster run as it was predicted, and how the run went.

    ``mode`` is how it was ordered (``measured``, ``static`` or ``off``), ``workers`` how many views
    could run at once, ``views`` how many were to run. ``lower_bound_seconds`` is what no order can
    beat by these estimates. ``actual_makespan_seconds`` is None until the run has ended. ``note`` is
    what else is to be said, such as why there was no order. ``predictions`` are by position.
    """

    dagster_run_id: str
    started_at: datetime
    mode: str
    workers: int
    views: int
    predicted_makespan_seconds: float | None = None
    lower_bound_seconds: float | None = None
    actual_makespan_seconds: float | None = None
    note: str | None = None
    predictions: tuple[PredictionRecord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AcceptanceRecord:
    """That somebody took a view's plan as the right one.

    ``complete`` is the hash of the plan's complete identity, ``fingerprint`` that of what decides its
    results. ``accepted_at`` has a time zone.
    """

    view: str
    complete: str
    fingerprint: str
    accepted_at: datetime
    accepted_by: str
    note: str


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
    """What a collection removed; ``stored_bytes`` are those of the contents.

    ``schedules`` are those of Dagster runs of which no run of a view is left.
    """

    bundles: int
    runs: int
    schedules: int
    environments: int
    topologies: int
    contents: int
    stored_bytes: int


@dataclass(frozen=True)
class Upgraded:
    """The schema versions before and after an upgrade; equal when there was nothing to do."""

    before: int
    after: int
