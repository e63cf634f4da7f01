"""What the report page holds, as it stands in the page's JSON: names of fields are names of its keys.

Moments are ISO 8601 in UTC, to the second; None is null. ``detail`` of a view is what the page needs only
once that view is looked at: its JSON, compressed (zlib) and in base64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dfplan_assets.visual.report.graph_layout import GraphLayout

State = Literal["fresh", "stale", "failed", "never ran", "not planned", "inlined", "unknown"]
Status = Literal["succeeded", "failed", "canceled", "cached", "profiled"]
Outcome = Literal["passed", "warned", "failed"]


@dataclass(frozen=True)
class Column:
    """A column of a view, and the columns that it comes from as pairs of table and column.

    Those of ``values_from`` flow into it, those of ``decided_by`` decide which of them do. What decides
    the rows of all columns of the view stands in ``ReportedView.rows_decided_by`` and not here.
    """

    name: str
    type: str
    nullable: bool
    values_from: tuple[tuple[str, str], ...]
    decided_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class PartitionsOfView:
    """The partitions of a view: how many are over, and how many of them are published.

    ``stale`` are the first of those that are stale, each with its reasons, ``stale_count`` is how many are.
    """

    title: str
    over: int
    published: int
    stale: tuple[tuple[str, str], ...]
    stale_count: int


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """What a check found when it was made last, at a moment with a time zone; ``said`` is that in words.

    ``partition`` is the one in which it was made, None where it was made in all of the result.
    """

    outcome: Outcome
    said: str
    made_at: datetime
    partition: str | None


@dataclass(frozen=True, kw_only=True)
class ReportedOutcome:
    """A ``CheckOutcome`` as the page has it; ``but`` is why it may not be that of the view as it is now."""

    outcome: Outcome
    said: str
    made_at: str
    partition: str | None
    but: str | None


@dataclass(frozen=True)
class Check:
    """A data check that a view declares, its rule in words; ``last`` is None where it was never made."""

    name: str
    rule: str
    blocking: bool
    severity: str
    last: ReportedOutcome | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the next run is expected to do with a view, as ``dfplan schedule`` says."""

    priority: int
    seconds: float
    low_seconds: float
    high_seconds: float
    kind: str
    source: str
    reason: str
    bottom_level_seconds: float
    slack_seconds: float
    critical: bool
    saves_seconds: float | None
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, kw_only=True)
class LatestRun:
    """The attempt of a view that started last; ``failure`` is its message where it failed."""

    started_at: str
    status: str
    wall_seconds: float | None
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The figures of the last successful run of a view."""

    started_at: str
    wall_seconds: float | None
    cpu_seconds: float | None
    rows: int | None
    bytes: int | None
    spilled_bytes: int | None
    bytes_scanned: int | None
    peak_memory_bytes: int | None
    partitions: int | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What the last run with an order was to take for a view, and took."""

    predicted_seconds: float | None
    actual_seconds: float | None
    source: str


@dataclass(frozen=True, kw_only=True)
class ReportedView:
    """A view. ``because`` says why it is in its state, ``slower`` that it got slower, if so.

    ``rows`` and ``bytes`` are those of its result.
    """

    name: str
    group: str
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    file: str
    state: State
    because: tuple[str, ...]
    slower: str | None
    partitions: PartitionsOfView | None
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    rows_decided_by: tuple[tuple[str, str], ...]
    functions: tuple[str, ...]
    sql: str
    parameters: tuple[tuple[str, str | None], ...]
    checks: tuple[Check, ...]
    rows: int | None
    bytes: int | None
    published_at: str | None
    expected: Expected | None
    latest: LatestRun | None
    measured: Measured | None
    compared: Compared | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a view for its history; ``plan`` numbers its plans from 0, the oldest first."""

    started_at: str
    status: str
    attempt: int
    wall_seconds: float | None
    cpu_seconds: float | None
    rows: int | None
    bytes: int | None
    spilled_bytes: int | None
    plan: int | None
    partition: str | None


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator of the plan that ran; ``seconds`` is CPU time in its own code, over its partitions."""

    number: int
    depth: int
    name: str
    display: str
    rows: int | None
    estimated_rows: int | None
    seconds: float | None
    share: float | None
    partitions: int
    spilled_bytes: int


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What only the page of a view shows: ``picture`` and ``timeline`` of its last successful run as SVG.

    ``problem`` is why something is missing.
    """

    logical_plan: str
    operators: tuple[Operator, ...]
    picture: str | None
    timeline: str | None
    runs: tuple[Run, ...]
    problem: str | None


@dataclass(frozen=True)
class ReportedSource:
    """A table from outside: ``columns`` are pairs of name and type, as far as they are known.

    ``asset`` is the key of the Python asset that makes it, None where none does.
    """

    name: str
    path: str
    format: str
    asset: str | None
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """The Dagster run that started last: how many of its views succeeded and failed, and how it went.

    What was ``predicted`` and took, in seconds, is None where that is not known; ``timeline`` is SVG.
    """

    started_at: str
    dagster_run_id: str
    succeeded: int
    failed: int
    workers: int | None
    predicted_seconds: float | None
    actual_seconds: float | None
    median_error: float | None
    timeline: str | None


@dataclass(frozen=True, kw_only=True)
class NextRun:
    """What a run of all views would take. Without measurements its seconds are only a scale."""

    measured: bool
    workers: int
    predicted_seconds: float
    lower_bound_seconds: float
    critical_path: tuple[str, ...]
    critical_path_seconds: float
    notes: tuple[str, ...]
    timeline: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole page. ``views`` are upstream first; ``work_seconds`` sums their last successful runs.

    ``runs_shown`` is how many runs of a view its history has at most.
    """

    project: str
    made_at: str
    version: str
    notes: tuple[str, ...]
    work_seconds: float
    runs_shown: int
    views: tuple[ReportedView, ...]
    sources: tuple[ReportedSource, ...]
    graph: GraphLayout
    last_run: LastRun | None
    next_run: NextRun | None
