"""Past runs in a project's plan store, as if they had happened: what orders are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.store import RunRecord, open_store

LONG_AHEAD = datetime(2200, 1, 1, tzinfo=timezone.utc)
"""Later than anything that a test really runs, so that these runs are the last ones."""


def put_history(
    plan: ProjectPlan,
    wall_seconds: Mapping[str, Sequence[float]],
    *,
    cores: int = 2,
    first_at: datetime = LONG_AHEAD,
) -> None:
    """Successful runs of the views as they are, that took this long, an hour apart, the first one first."""
    with open_store(plan.project.store) as store:
        for view, runs in wall_seconds.items():
            for number, seconds in enumerate(runs):
                started_at = first_at + timedelta(hours=number)
                root = OperatorProfile("DataSinkExec", "DataSinkExec", 1, 1, 1_000_000, {}, None, None, ())
                store.put_run(
                    RunRecord(
                        view=view,
                        status="succeeded",
                        started_at=started_at,
                        profile=RunProfile(view, started_at, seconds, 0.001, 1, 1, root),
                        fingerprint=plan.views[view].identity.fingerprint,
                        cores=cores,
                    )
                )
