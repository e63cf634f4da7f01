"""Running the views of a project, one at a time or several, each attempt recorded in the plan store."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from threading import Lock
from typing import TYPE_CHECKING

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.partition_checks import partition_to_run
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import EnvironmentPart, PlanBundle, ProjectPlan
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.staleness.look import own_reasons_now
from dfplan_assets.staleness.results import Part
from dfplan_assets.store import BundleRecord, Recorded, Recorder, RunRecord
from dfplan_assets.store.queue import queue_of

if TYPE_CHECKING:
    from dfplan_assets.planning.diff import PlanDifference


@dataclass(frozen=True)
class Attempt:
    """What a Dagster run asks for: a view's result, for a partition or for all of it.

    ``number`` counts from 1; a higher one is a retry within the same Dagster run. With ``only_if_stale`` the
    last result is taken where running the view would give nothing else.
    """

    view: str
    dagster_run_id: str
    number: int = 1
    partition_key: str | None = None
    only_if_stale: bool = False


@dataclass(frozen=True)
class Made:
    """A view's new result, what became of its records, and the plan it ran with before this run.

    ``previous`` is None where the store knows of no earlier plan, or could not be asked.
    ``difference`` is what differs from it, None where nothing does or the store cannot give it.
    """

    done: Materialisation
    recorded: Recorded
    previous: BundleRecord | None
    difference: PlanDifference | None


@dataclass(frozen=True)
class Reused:
    """A view's last result, which is what running it would give, and what became of the record of that."""

    publication: Publication
    recorded: Recorded


Make = Callable[[Attempt], Made | Reused]
"""Runs a view for a Dagster run; raises ExecutionError or InputError."""


@dataclass(frozen=True)
class _Opened:
    """What is opened once in a process: the engine, the environment of its plans, the store."""

    runtime: Runtime
    environment: tuple[EnvironmentPart, ...]
    recorder: Recorder
    previous: Mapping[str, BundleRecord]


class ProjectRunner:
    """Materialises the views of one planned project, all of them over one runtime.

    Every attempt is recorded in the plan store, which no failure of the store disturbs. Nothing is
    opened or written before the first view runs; all is closed when the process ends. May be called
    from several threads.
    """

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._warehouse = Warehouse.of(plan.project)
        self._opening = Lock()
        self._opened: _Opened | None = None

    def __call__(self, attempt: Attempt) -> Made | Reused:
        """Runs a view, publishes its result and records both; raises what ``materialise`` raises."""
        opened = self._open()
        view = attempt.view
        if attempt.only_if_stale:
            result = self._if_fresh(attempt)
            if result is not None:
                return self._reuse(attempt, result, opened)
        started_at = datetime.now(timezone.utc)
        identity = self._plan.views[view].identity
        try:
            done = materialise(
                self._plan,
                view,
                self._warehouse,
                opened.runtime,
                opened.environment,
                attempt.partition_key,
            )
        except (ExecutionError, InputError) as error:
            failed = RunRecord(
                view=view,
                status="failed",
                started_at=started_at,
                fingerprint=identity.fingerprint,
                dagster_run_id=attempt.dagster_run_id,
                attempt=attempt.number,
                partition_key=attempt.partition_key,
                cores=os.cpu_count(),
                failure=str(error),
            )
            opened.recorder.record(failed, bundle=None, at=started_at)
            raise
        succeeded = RunRecord(
            view=view,
            status="succeeded",
            started_at=done.profile.started_at,
            profile=done.profile,
            publication_version=done.publication.version,
            inputs=done.inputs,
            peak_memory_bytes=done.peak_memory_bytes,
            dagster_run_id=attempt.dagster_run_id,
            attempt=attempt.number,
            partition_key=attempt.partition_key,
            cores=os.cpu_count(),
        )
        previous = opened.previous.get(view)
        recorded = opened.recorder.record(succeeded, bundle=done.bundle, at=started_at)
        return Made(done, recorded, previous, _difference(opened.recorder, previous, done.bundle))

    def runtime(self) -> Runtime:
        """The engine that the views run in, for what else reads their results."""
        return self._open().runtime

    def _if_fresh(self, attempt: Attempt) -> Publication | None:
        """The last result of what is asked for where running it would give nothing else."""
        view = attempt.view
        partition = partition_to_run(self._plan.project.views[view], attempt.partition_key)
        part = Part(view, None if partition is None else partition.key)
        return None if own_reasons_now(self._plan, part) else self._warehouse.current(view, partition)

    def _reuse(self, attempt: Attempt, publication: Publication, opened: _Opened) -> Reused:
        now = datetime.now(timezone.utc)
        cached = RunRecord(
            view=attempt.view,
            status="cached",
            started_at=now,
            fingerprint=self._plan.views[attempt.view].identity.fingerprint,
            publication_version=publication.version,
            dagster_run_id=attempt.dagster_run_id,
            attempt=attempt.number,
            partition_key=attempt.partition_key,
            cores=os.cpu_count(),
        )
        return Reused(publication, opened.recorder.record(cached, bundle=None, at=now))

    def _open(self) -> _Opened:
        with self._opening:
            if self._opened is None:
                resources = ExitStack()
                atexit.register(resources.close)
                self._warehouse.sweep(())  # a view prunes its own results when it publishes
                project = self._plan.project
                runtime = resources.enter_context(open_runtime(project.engine, self._warehouse))
                recorder = Recorder(project.store, queue_of(project))
                resources.callback(recorder.close)
                previous = recorder.latest_bundles(project.views)
                self._opened = _Opened(runtime, capture_environment(self._plan), recorder, previous)
            return self._opened


def _difference(
    recorder: Recorder, previous: BundleRecord | None, current: PlanBundle
) -> PlanDifference | None:
    # Most runs have the plan of the run before, and need not read it.
    if previous is None or previous.identity.complete == current.identity.complete:
        return None
    from dfplan_assets.planning.diff import difference, facts_of_bundle

    before = recorder.bundle(previous.key)
    return None if before is None else difference(facts_of_bundle(before), facts_of_bundle(current))
