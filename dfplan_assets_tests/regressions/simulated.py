"""Runs of views as they could have been: summaries for verdicts, and stores with all that runs leave."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.planning.bundle import PlanBundle
from dfplan_assets.regressions.history import PlannedRun, ViewHistory
from dfplan_assets.store import AcceptanceRecord, InputSize, RunRecord, RunSummary, Store
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.store.samples import MORNING

HOUR = timedelta(hours=1)
_RUN = RunSummary(
    key="",
    view="revenue",
    status="succeeded",
    attempt=1,
    started_at=MORNING,
    bundle_key=None,
    fingerprint=None,
    publication_version=None,
    dagster_run_id=None,
    partition_key=None,
    cores=2,
    peak_memory_bytes=None,
    input_rows=None,
    input_bytes=None,
    wall_seconds=1.0,
    cpu_seconds=None,
    output_rows=None,
    output_bytes=None,
    partitions=None,
    spilled_bytes=0,
    bytes_scanned=None,
    row_groups_pruned=None,
    row_groups_matched=None,
)


def noisy(seconds: float, runs: int, *, seed: int = 1, sigma: float = 0.05) -> list[float]:
    """Wall seconds of so many runs around a median."""
    rng = random.Random(seed)
    return [seconds * rng.lognormvariate(0.0, sigma) for _ in range(runs)]


def summaries(plan: str, seconds: Sequence[float], *, first: int = 0, **figures: object) -> list[RunSummary]:
    """Runs of a plan, an hour from one to the next, the first at hour ``first``; more figures by name."""
    return [
        replace(
            _RUN,
            key=f"run {first + number}",
            bundle_key=f"bundle of {plan}",
            started_at=MORNING + (first + number) * HOUR,
            wall_seconds=each,
            **figures,  # type: ignore[arg-type]
        )
        for number, each in enumerate(seconds)
    ]


def history(*runs: Sequence[RunSummary], acceptances: Sequence[AcceptanceRecord] = ()) -> ViewHistory:
    """A history of runs that all count, in the order given."""
    planned = []
    for run in (run for each in runs for run in each):
        assert run.bundle_key is not None
        plan = run.bundle_key.removeprefix("bundle of ")
        planned.append(PlannedRun(plan, f"results of {plan}", run.bundle_key, run))
    return ViewHistory("revenue", tuple(planned), cores=2, acceptances=tuple(acceptances))


def acceptance(plan: str, at: datetime, view: str = "revenue") -> AcceptanceRecord:
    """Somebody took a plan."""
    return AcceptanceRecord(
        view=view,
        complete=plan,
        fingerprint=f"results of {plan}",
        accepted_at=at,
        accepted_by="ada",
        note="more rows, as agreed",
    )


def store_runs(
    store: Store,
    bundle: PlanBundle,
    seconds: Sequence[float],
    *,
    first: int = 0,
    spilled_bytes: int = 0,
    input_bytes: int = 1_000_000,
    cores: int = 2,
    **changes: object,
) -> str:
    """Store runs of a plan as ``summaries`` makes them; the key of its bundle is returned."""
    key = store.put_bundle(bundle, at=MORNING + first * HOUR)
    for number, each in enumerate(seconds):
        at = MORNING + (first + number) * HOUR
        record = RunRecord(
            view=bundle.view,
            status="succeeded",
            started_at=at,
            profile=_profile(bundle.view, at, each, spilled_bytes),
            bundle_key=key,
            fingerprint=bundle.identity.fingerprint,
            inputs=(InputSize("orders", None, input_bytes),),
            cores=cores,
        )
        store.put_run(replace(record, **changes))  # type: ignore[arg-type]
    return key


def _profile(view: str, at: datetime, wall_seconds: float, spilled_bytes: int) -> RunProfile:
    profile = samples.profile(view, started_at=at, wall_seconds=wall_seconds)
    root = replace(profile.root, metrics={"spilled_bytes": spilled_bytes})
    return replace(profile, root=root)
