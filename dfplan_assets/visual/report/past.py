"""What the plan store knows of the views of a project, as the report shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from dfplan_assets.errors import StoreError
from dfplan_assets.forecast.records import recorded_comparison, recorded_timeline
from dfplan_assets.regressions.history import RUNS_READ, history_of
from dfplan_assets.regressions.verdict import Verdict, judge
from dfplan_assets.store import AcceptanceRecord, BundleRecord, RunRecord, RunSummary, ScheduleRecord, Store
from dfplan_assets.visual.gantt import gantt
from dfplan_assets.visual.report.model import Compared, LastRun, LatestRun, Measured, Run

RUNS_SHOWN = 60
"""How many runs of each view its plots show, the latest ones."""

_SLOWER = ("regression", "slower without a plan change")


@dataclass(frozen=True)
class PastOfView:
    """The runs of a view, the oldest first, and of its last successful one the profile.

    ``plans`` has for each bundle of the view which of its plans it is, ``verdict`` is whether it got slower,
    ``problem`` why something is missing.
    """

    runs: tuple[RunSummary, ...] = ()
    plans: Mapping[str, int] = field(default_factory=dict)
    profiled: RunRecord | None = None
    failure: str | None = None
    verdict: Verdict | None = None
    problem: str | None = None

    @property
    def slower(self) -> str | None:
        """In words that the view got slower, where it did and nobody took that as it should be."""
        verdict = self.verdict
        if verdict is None or verdict.settled or verdict.kind not in _SLOWER:
            return None
        return f"{verdict.kind}: {verdict.reason}"

    @property
    def last_success(self) -> RunSummary | None:
        """The run that succeeded last."""
        return next((run for run in reversed(self.runs) if run.status == "succeeded"), None)

    def rows(self) -> tuple[Run, ...]:
        """The runs as the page has them."""
        return tuple(
            Run(
                started_at=moment(run.started_at),
                status=run.status,
                attempt=run.attempt,
                wall_seconds=run.wall_seconds,
                cpu_seconds=run.cpu_seconds,
                rows=run.output_rows,
                bytes=run.output_bytes,
                spilled_bytes=run.spilled_bytes,
                plan=None if run.bundle_key is None else self.plans.get(run.bundle_key),
                partition=run.partition_key,
            )
            for run in self.runs[-RUNS_SHOWN:]
        )

    def latest(self, shown: Callable[[str], str]) -> LatestRun | None:
        """The last attempt as the page has it; ``shown`` gives its failure as anyone may see it."""
        if not self.runs:
            return None
        run = self.runs[-1]
        return LatestRun(
            started_at=moment(run.started_at),
            status=run.status,
            wall_seconds=run.wall_seconds,
            failure=None if self.failure is None else shown(self.failure),
        )

    def measured(self) -> Measured | None:
        """The figures of the last success as the page has them."""
        run = self.last_success
        if run is None:
            return None
        return Measured(
            started_at=moment(run.started_at),
            wall_seconds=run.wall_seconds,
            cpu_seconds=run.cpu_seconds,
            rows=run.output_rows,
            bytes=run.output_bytes,
            spilled_bytes=run.spilled_bytes,
            bytes_scanned=run.bytes_scanned,
            peak_memory_bytes=run.peak_memory_bytes,
            partitions=run.partitions,
        )


@dataclass(frozen=True)
class Past:
    """What was stored of each view, and the order of the last Dagster run that had one."""

    views: Mapping[str, PastOfView] = field(default_factory=dict)
    schedule: ScheduleRecord | None = None

    def of(self, view: str) -> PastOfView:
        """What is known of a view."""
        return self.views.get(view, PastOfView())

    def compared(self) -> Mapping[str, Compared]:
        """Predicted against actual, for each view of the last run that had an order."""
        if self.schedule is None:
            return {}
        return {
            each.name: Compared(
                predicted_seconds=_known(each.predicted_seconds),
                actual_seconds=_known(each.actual_seconds),
                source=each.source,
            )
            for each in recorded_comparison(self.schedule).views
        }

    def last_run(self) -> LastRun | None:
        """The Dagster run that started last."""
        runs = [run for past in self.views.values() for run in past.runs if run.dagster_run_id]
        if not runs:
            return None
        run_id = max(runs, key=lambda run: run.started_at).dagster_run_id
        of_run = [run for run in runs if run.dagster_run_id == run_id]
        # The last attempt of a view counts.
        status = {run.view: run.status for run in sorted(of_run, key=lambda run: run.started_at)}
        record = self.schedule if self.schedule and self.schedule.dagster_run_id == run_id else None
        comparison = None if record is None else recorded_comparison(record)
        return LastRun(
            started_at=moment(record.started_at if record else min(run.started_at for run in of_run)),
            dagster_run_id=run_id or "",
            succeeded=sum(each in ("succeeded", "cached") for each in status.values()),
            failed=sum(each == "failed" for each in status.values()),
            workers=None if record is None else record.workers,
            predicted_seconds=None if comparison is None else _known(comparison.predicted_seconds),
            actual_seconds=None if record is None else _known(record.actual_makespan_seconds),
            median_error=None if comparison is None else _known(comparison.median_error),
            timeline=None if record is None else gantt(*recorded_timeline(record)),
        )


def read_past(store: Store, views: Collection[str]) -> Past:
    """What a store knows of these views; raises StoreError where it cannot be read at all."""
    recent = store.recent_runs(views, runs_each=RUNS_READ)
    bundles, acceptances = store.bundles_of(recent), store.acceptances_of(recent)
    return Past(
        {
            view: _of_view(
                store, view, tuple(reversed(runs)), bundles.get(view, ()), acceptances.get(view, ())
            )
            for view, runs in recent.items()
        },
        store.latest_schedule(),
    )


def _of_view(
    store: Store,
    view: str,
    runs: tuple[RunSummary, ...],
    bundles: tuple[BundleRecord, ...],
    acceptances: tuple[AcceptanceRecord, ...],
) -> PastOfView:
    # Runs of ``dfplan profile`` publish nothing, and stand apart from those that do.
    published = tuple(run for run in runs if run.status != "profiled")
    verdict = judge(history_of(view, published, bundles, acceptances))
    found = PastOfView(published, _numbered(bundles), verdict=verdict)
    try:
        success = found.last_success
        profiled = None if success is None else store.run(success.key)
        failed = published[-1] if published and published[-1].status == "failed" else None
        failure = None if failed is None else store.run(failed.key).failure
        return replace(found, profiled=profiled, failure=failure)
    except StoreError as error:
        return replace(found, problem=f"{error.where}: {error.cause}")


def _numbered(bundles: Iterable[BundleRecord]) -> dict[str, int]:
    """For each bundle of a view which of its plans it is: bundles of one identity are one plan."""
    numbers: dict[str, int] = {}
    found = {}
    for bundle in sorted(bundles, key=lambda each: (each.first_planned_at, each.last_planned_at, each.key)):
        found[bundle.key] = numbers.setdefault(bundle.identity.complete, len(numbers))
    return found


def moment(at: datetime) -> str:
    """A moment as the page has it: ISO 8601 in UTC, to the second."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(number: float | None) -> float | None:
    """A number that was read; what the store had as unknown is no number."""
    return None if number is None or not math.isfinite(number) else number


def total_seconds(pasts: Iterable[PastOfView]) -> float:
    """The wall seconds of the last successful runs, together."""
    successes = [past.last_success for past in pasts]
    return sum(run.wall_seconds for run in successes if run is not None and run.wall_seconds is not None)
