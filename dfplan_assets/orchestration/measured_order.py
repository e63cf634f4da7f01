"""The order of a run from what its views cost before, and predicted against actual when it has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from dfplan_assets.forecast.comparison import Ran, compare
from dfplan_assets.forecast.measurements import Measurements, stored_measurements
from dfplan_assets.forecast.prediction import predict_tasks
from dfplan_assets.forecast.records import schedule_record
from dfplan_assets.orchestration.heap import garbage_left_alone
from dfplan_assets.orchestration.materialised_history import materialised_views, measured_steps
from dfplan_assets.orchestration.order_events import order_metadata, outcome_metadata
from dfplan_assets.orchestration.run_order import OrderKind, RunComparison, RunOrder, StepTiming
from dfplan_assets.orchestration.run_steps import RunSteps, run_steps
from dfplan_assets.orchestration.view_steps import view_steps
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.scheduling.model import Schedule
from dfplan_assets.store import Recorder
from dfplan_assets.store.queue import queue_of
from dfplan_assets.visual.sentences import order_sentence, outcome_sentence


def orderer_of(job: dg.JobDefinition, kind: OrderKind) -> MeasuredOrder | None:
    """The orderer for a job whose steps are views of a project; None for a job without any.

    Where views of several projects stand in one job, it is that of the project with the most of them;
    to it, the others are steps like any that are no views.
    """
    steps = view_steps(job)
    if not steps:
        return None
    plans = {id(step.project): step.project for step in steps.values()}
    (most, _), *_ = Counter(id(step.project) for step in steps.values()).most_common()
    views = {key: step.view for key, step in steps.items() if id(step.project) == most}
    return MeasuredOrder(plans[most], views, kind)


@dataclass(frozen=True)
class _Ordered:
    """What is kept of an order until its run has ended."""

    started_at: datetime
    schedule: Schedule
    name_of_step: Mapping[str, str]
    notes: tuple[str, ...]


class MeasuredOrder:
    """Orders the runs of a project's views, together with whatever else runs with them.

    ``view_of_step`` names the views behind step keys. Costs are read when a run begins: from the plan
    store, where it cannot be read from the last materialisations in Dagster's instance, where there
    are none from the plans alone. What stood in for what is said in the order's notes. ``kind`` is
    ``static`` for an order by the graph alone, for which nothing is read.
    """

    def __init__(self, plan: ProjectPlan, view_of_step: Mapping[str, str], kind: OrderKind) -> None:
        self._plan = plan
        self._view_of_step = view_of_step
        self._kind: OrderKind = kind
        self._ordered: dict[str, _Ordered] = {}

    def order(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        step_keys: Sequence[str],
        max_concurrent: int | None,
    ) -> RunOrder:
        """The order of the steps of a run that is about to begin."""
        # Looking for garbage takes as long as all the rest of the order of 5,000 views.
        with garbage_left_alone():
            return self._order(instance, run, job, step_keys, max_concurrent)

    def _order(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        step_keys: Sequence[str],
        max_concurrent: int | None,
    ) -> RunOrder:
        started_at = datetime.now(timezone.utc)
        steps = run_steps(self._plan, self._view_of_step, job, step_keys, run.tags)
        measurements = self._measurements(instance, steps) if self._kind == "measured" else Measurements()
        schedule = predict_tasks(
            self._plan,
            tuple(steps.tasks.values()),
            measurements,
            workers=max_concurrent,
            order=self._kind,
        )
        names = {key: task.name for key, task in steps.tasks.items()}
        self._ordered[run.run_id] = _Ordered(started_at, schedule, names, measurements.notes)
        key_of = {name: key for key, name in names.items()}
        title = order_sentence(schedule, self._kind, steps.nodes_of_others)
        return RunOrder(
            priorities={key_of[rank.task.name]: rank.priority for rank in schedule.ranked},
            title=title,
            metadata=order_metadata(schedule, measurements.notes),
            chains={
                key_of[rank.task.name]: tuple(key_of[name] for name in rank.chain)
                for rank in schedule.ranked
                if rank.chain
            },
            max_concurrent=schedule.workers,
        )

    def compare(
        self, instance: dg.DagsterInstance, run: dg.DagsterRun, timings: Sequence[StepTiming]
    ) -> RunComparison | None:
        """Predicted against actual for a run that has ended, which is also stored; None without an order."""
        ordered = self._ordered.pop(run.run_id, None)
        if ordered is None:
            return None
        ran = tuple(
            Ran(
                ordered.name_of_step[timing.step_key],
                timing.start_seconds,
                timing.end_seconds,
                timing.succeeded,
                timing.attempt,
            )
            for timing in timings
            if timing.step_key in ordered.name_of_step
        )
        unstored = self._store(ordered, ran, run.run_id)
        comparison = compare(ordered.schedule, ran)
        title = outcome_sentence(comparison)
        metadata = outcome_metadata(ordered.schedule, comparison, ran)
        if unstored is not None:
            metadata["dfplan/store_failure"] = dg.MetadataValue.text(unstored)
        return RunComparison(title, metadata)

    def _measurements(self, instance: dg.DagsterInstance, steps: RunSteps) -> Measurements:
        """History from the store, or what stands in for it; and that of steps that are no views."""
        found = stored_measurements(self._plan.project, steps.nodes_of_views)
        try:
            if found.missing:
                runs = materialised_views(instance, steps.view_keys())
                found = found.with_runs(
                    runs,
                    f"Instead, {len(runs):,} of {len(steps.nodes_of_views):,} views have a materialisation "
                    "in Dagster's instance that says what it took."
                    if runs
                    else "Nor has Dagster's instance a materialisation of one of these views.",
                )
            return found.with_runs(measured_steps(instance, steps.other_keys()))
        except (SQLAlchemyError, dg.DagsterError) as error:
            return found.with_note(f"Dagster's instance cannot say what past runs took: {error}")

    def _store(self, ordered: _Ordered, ran: Sequence[Ran], run_id: str) -> str | None:
        """Keeps prediction and outcome in the plan store; why it has them not, if it has not."""
        project = self._plan.project
        record = schedule_record(
            ordered.schedule,
            ran,
            dagster_run_id=run_id,
            started_at=ordered.started_at,
            mode=self._kind,
            notes=ordered.notes,
        )
        recorder = Recorder(project.store, queue_of(project))
        try:
            recorded = recorder.record_schedule(record)
        finally:
            recorder.close()
        if recorded.lost is not None:
            return f"The schedule is not kept: {recorded.deferred}; nor can it be queued: {recorded.lost}"
        if recorded.deferred is not None:
            return f"The schedule waits in {recorder.queue.folder}: {recorded.deferred}"
        return None
