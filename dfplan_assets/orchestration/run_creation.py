"""Making a run and executing it in this process, without making its parts twice.

``DagsterInstance.create_run_for_job`` and ``execute_run_iterator`` each cut the selection's job out of
the whole one again, and a selection of everything is stored as a job and the equal job that it was
cut from. For 1,000 views that takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import ExitStack

import dagster as dg
from dagster._core.definitions.job_base import IJob, InMemoryJob
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.execution.api import create_execution_plan, execute_run_iterator
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.snap import snapshot_from_execution_plan
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.utils import make_new_run_id

from dfplan_assets.orchestration.heap import settled_heap
from dfplan_assets.orchestration.sqlite_events import PooledEventLogStorage

CODE_LOCATION = "dfplan_assets.definitions"
"""The name under which Dagster's UI loads this package, which lets it link a run to its assets."""

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunJob(InMemoryJob):
    """The job of one run: what the run selects, and nothing else."""

    def get_subset(
        self,
        *,
        op_selection: Iterable[str] | None = None,
        asset_selection: Set[dg.AssetKey] | None = None,
        asset_check_selection: Set[dg.AssetCheckKey] | None = None,
    ) -> RunJob:
        """Itself: whoever executes the run asks for the run's own selection."""
        return self


def run_job(definitions: dg.Definitions, selected: Set[dg.AssetKey]) -> RunJob:
    """The job that makes the selected assets."""
    everything = definitions.resolve_implicit_global_asset_job_def()
    if selected == everything.asset_layer.selected_asset_keys:
        return RunJob(everything)
    return RunJob(everything.get_subset(asset_selection=selected))


def create_run(
    instance: dg.DagsterInstance, job: RunJob, tags: Mapping[str, str] | None = None
) -> dg.DagsterRun:
    """A run of all that a job makes, with the events that say what it intends to make.

    ``tags`` say for which partitions it is, among other things.
    """
    definition = job.get_definition()
    run_id = make_new_run_id()
    plan = create_execution_plan(
        definition,
        run_config=_QUIET,
        instance_ref=instance.get_ref() if instance.is_persistent else None,
    )
    location = RegisteredCodeLocationOrigin(CODE_LOCATION)
    repository = RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)
    with ExitStack() as transaction:
        storage = instance.event_log_storage
        if isinstance(storage, PooledEventLogStorage):
            # Dagster stores one event for each asset that the run intends to make.
            transaction.enter_context(storage.together(run_id, INDEX_SHARD_NAME))
        return instance.create_run(
            job_name=definition.name,
            run_id=run_id,
            run_config=_QUIET,
            status=None,
            tags=tags,
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=plan.step_keys_to_execute,
            execution_plan_snapshot=snapshot_from_execution_plan(plan, definition.get_job_snapshot_id()),
            job_snapshot=definition.get_job_snapshot(),
            parent_job_snapshot=definition.get_parent_job_snapshot(),
            asset_selection=definition.asset_layer.selected_asset_keys,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=repository.get_job_origin(definition.name),
            job_code_origin=None,
            asset_graph=definition.asset_layer.asset_graph,
        )


def run_events(instance: dg.DagsterInstance, job: IJob, run: dg.DagsterRun) -> Iterator[dg.DagsterEvent]:
    """Executes a run, and gives its events as they happen."""
    with settled_heap():
        yield from execute_run_iterator(job, run, instance)
