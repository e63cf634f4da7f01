"""The runs of a view that can be compared, each with the plan that it ran."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dfplan_assets.planning.bundle import Identity
from dfplan_assets.store import AcceptanceRecord, BundleRecord, RunSummary, Store

RUNS_READ = 200
"""How many of the latest successful runs of a view are read; a plan that has run more often is old
enough."""


@dataclass(frozen=True)
class PlannedRun:
    """A run that published a measured result.

    ``plan`` is the complete identity of the plan that ran, ``fingerprint`` what of it decides results.
    """

    plan: str
    fingerprint: str
    bundle_key: str
    run: RunSummary

    @property
    def wall_seconds(self) -> float:
        """Wall seconds, which each of these runs has."""
        assert self.run.wall_seconds is not None
        return self.run.wall_seconds


@dataclass(frozen=True)
class ViewHistory:
    """The ``runs`` of a view that can be compared, the oldest first, and the plans that were accepted.

    All were made on the same number of ``cores`` and for the same partition as the latest, since others say
    nothing about it; ``elsewhere`` counts those that are left out for that. ``unknown_plan`` counts runs of
    which the store does not have the plan any more.
    """

    view: str
    runs: tuple[PlannedRun, ...]
    cores: int | None = None
    partition_key: str | None = None
    elsewhere: int = 0
    unknown_plan: int = 0
    acceptances: tuple[AcceptanceRecord, ...] = field(default=())

    def of_plan(self, plan: str) -> tuple[PlannedRun, ...]:
        """The runs of one plan, the oldest first."""
        return tuple(each for each in self.runs if each.plan == plan)


def acceptance_of(
    acceptances: Sequence[AcceptanceRecord], plan: str, fingerprint: str
) -> AcceptanceRecord | None:
    """The newest acceptance of a plan, given the newest first.

    A plan that is accepted before it has run is planned without its data, and has another complete identity
    there; then what decides its results is what was accepted.
    """
    exact = (each for each in acceptances if each.complete == plan)
    by_results = (each for each in acceptances if each.fingerprint == fingerprint)
    return next(exact, None) or next(by_results, None)


def read_histories(store: Store, views: Sequence[str]) -> dict[str, ViewHistory]:
    """The history of each of these views; one without any run for a view of which nothing is stored.

    Raises StoreError.
    """
    runs = store.recent_runs(views, runs_each=RUNS_READ, status="succeeded")
    return {
        view: history_of(view, runs[view], store.bundles(view), store.acceptances(view))
        if view in runs
        else ViewHistory(view, ())
        for view in views
    }


def history_of(
    view: str,
    runs: Sequence[RunSummary],
    bundles: Sequence[BundleRecord],
    acceptances: Sequence[AcceptanceRecord] = (),
) -> ViewHistory:
    """The runs that can be compared, of all runs of a view in any order.

    Retries do not count, nor what failed, was canceled, was taken from an older result or only profiled,
    nor runs whose time is absurd.
    """
    plans = {bundle.key: bundle.identity for bundle in bundles}
    counted = sorted((run for run in runs if _counts(run)), key=lambda run: (run.started_at, run.key))
    if not counted:
        return ViewHistory(view, (), acceptances=tuple(acceptances))
    latest = counted[-1]
    alike = [run for run in counted if _circumstances(run) == _circumstances(latest)]
    planned = [_planned(run, plans) for run in alike]
    known = tuple(each for each in planned if each is not None)
    return ViewHistory(
        view,
        known,
        cores=latest.cores,
        partition_key=latest.partition_key,
        elsewhere=len(counted) - len(alike),
        unknown_plan=len(alike) - len(known),
        acceptances=tuple(acceptances),
    )


def _counts(run: RunSummary) -> bool:
    seconds = run.wall_seconds
    return (
        run.status == "succeeded"
        and run.attempt == 1
        and seconds is not None
        and math.isfinite(seconds)
        and seconds > 0
    )


def _circumstances(run: RunSummary) -> tuple[int | None, str | None]:
    return run.cores, run.partition_key


def _planned(run: RunSummary, plans: Mapping[str, Identity]) -> PlannedRun | None:
    if run.bundle_key is None or run.bundle_key not in plans:
        return None
    identity = plans[run.bundle_key]
    return PlannedRun(identity.complete, identity.fingerprint, run.bundle_key, run)
