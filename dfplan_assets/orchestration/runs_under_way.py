"""What is being made already: by runs that have not ended, and by backfills that have runs to come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from dfplan_assets.orchestration.partitions import asked_range
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import TimePartitions
from dfplan_assets.staleness.results import Part

if TYPE_CHECKING:
    from dagster._core.execution.backfill import PartitionBackfill

CHANGE_TAG = "dfplan/change"
"""The tag of a run that names the change it was asked for."""

CREATED = dg.DagsterRunStatus.NOT_STARTED
"""The state of a run that was created and not submitted: nothing works on it."""

_UNDER_WAY = [status for status in NOT_FINISHED_STATUSES if status is not CREATED]


@dataclass(frozen=True)
class RunsUnderWay:
    """Who makes which views: of each run its views, of each backfill too.

    ``asked_for`` is how many of the runs have the tag of a change.
    """

    plan: ProjectPlan
    runs: tuple[tuple[dg.DagsterRun, frozenset[str]], ...]
    backfills: Mapping[str, frozenset[str]]
    asked_for: int

    @classmethod
    def of(
        cls,
        instance: dg.DagsterInstance,
        plan: ProjectPlan,
        key_of: Callable[[str], dg.AssetKey],
        op_of: Mapping[str, str],
    ) -> RunsUnderWay:
        """What an instance knows of; ``op_of`` names the step of each view."""
        view_of = {key_of(view): view for view in plan.all_views}
        runs = []
        for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
            if run.asset_selection is not None:
                views = frozenset(view_of[key] for key in run.asset_selection if key in view_of)
            elif run.execution_plan_snapshot_id is not None:  # of a whole job
                steps = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
                running = set(steps.step_keys_to_execute)
                views = frozenset(view for view, op in op_of.items() if op in running)
            else:
                continue
            runs.append((run, views))
        backfills = {}
        if any(view.partitions for view in plan.project.views.values()):
            for backfill in _backfills(instance):
                keys = backfill.asset_selection or ()
                backfills[backfill.backfill_id] = frozenset(view_of[key] for key in keys if key in view_of)
        asked_for = sum(CHANGE_TAG in run.tags for run, _ in runs)
        return cls(plan, tuple(runs), backfills, asked_for)

    def reason_to_wait(self, parts: Collection[Part]) -> str | None:
        """Who makes some of these already; None where nobody does."""
        views = {part.view for part in parts}
        for run, made in self.runs:
            if any(part.view in made and makes(self.plan, run, part) for part in parts):
                return (
                    f"Run {run.run_id} is {run.status.value.lower()} and makes views that are stale: "
                    "waiting for its end. Cancel it if its process is gone."
                )
        for backfill, made in self.backfills.items():
            if not made.isdisjoint(views):
                return f"Backfill {backfill} makes partitions of {', '.join(sorted(made & views))}."
        return None


def makes(plan: ProjectPlan, run: dg.DagsterRun, part: Part) -> bool:
    """Whether a run that makes a view makes this of its partitions."""
    partitions = partitions_of(plan, part.view)
    if part.key is None or partitions is None:
        return True
    first, last = asked_range(run.tags)
    if first is None or last is None:
        return first == part.key
    try:
        if isinstance(partitions, TimePartitions):
            windows = [partitions.window(key).start for key in (first, part.key, last)]
            return windows[0] <= windows[1] <= windows[2]
        places = [partitions.values.index(key) for key in (first, part.key, last)]
    except ValueError:
        return False  # its keys are of other partitions
    return places[0] <= places[1] <= places[2]


def _backfills(instance: dg.DagsterInstance) -> Sequence[PartitionBackfill]:
    """The backfills that have not ended."""
    # It imports what talks to other processes, which a project without partitions need not wait for.
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    going_on = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
    return instance.get_backfills(filters=BulkActionsFilter(statuses=going_on))
