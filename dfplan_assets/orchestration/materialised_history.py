"""What the last materialisations in a Dagster instance cost: history for what the plan store cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone

import dagster as dg
from dagster._core.definitions.asset_key import EntityKey
from dagster._core.definitions.data_version import CODE_VERSION_TAG
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from dfplan_assets.orchestration.data_versions import fingerprint_of_code_version
from dfplan_assets.scheduling.model import MeasuredRun

_EVALUATED = frozenset({AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED})

RUNS_LOOKED_AT = 20
"""How many past runs are asked for the durations of their steps."""


def materialised_views(
    instance: dg.DagsterInstance, keys: Mapping[str, dg.AssetKey]
) -> tuple[MeasuredRun, ...]:
    """The last materialisation of each view that has one, from its metadata; all in one question."""
    view_of_key = {key: view for view, key in keys.items()}
    return tuple(
        MeasuredRun(
            view=view_of_key[materialization.asset_key],
            started_at=datetime.fromtimestamp(entry.timestamp, timezone.utc),
            status="succeeded",
            attempt=1,
            fingerprint=fingerprint_of_code_version((materialization.tags or {}).get(CODE_VERSION_TAG)),
            wall_seconds=_number(materialization.metadata, "dfplan/wall_seconds"),
            cpu_seconds=_number(materialization.metadata, "dfplan/cpu_seconds"),
            input_bytes=None,
            partitions=None,
            cores=None,
            peak_memory_bytes=None,
            partition_key=materialization.partition,
        )
        for entry, materialization in _latest(instance, keys.values())
    )


def measured_steps(
    instance: dg.DagsterInstance, keys: Mapping[str, Sequence[EntityKey]]
) -> tuple[MeasuredRun, ...]:
    """How long the steps that are no views took when their assets or checks were last made.

    At most ``RUNS_LOOKED_AT`` runs are asked, the latest first.
    """
    task_of_key = {key: task for task, of_task in keys.items() for key in of_task}
    if not task_of_key:
        return ()
    steps_of_run: dict[str, dict[str, str]] = {}
    latest = sorted(_latest_events(instance, task_of_key), key=lambda each: each[1].timestamp, reverse=True)
    for key, entry in latest:
        if entry.step_key is not None:
            steps_of_run.setdefault(entry.run_id, {})[entry.step_key] = task_of_key[key]
    runs = []
    for run_id, task_of_step in list(steps_of_run.items())[:RUNS_LOOKED_AT]:
        for stats in instance.get_run_step_stats(run_id, list(task_of_step)):
            if stats.start_time is not None and stats.end_time is not None:
                runs.append(
                    MeasuredRun(
                        view=task_of_step[stats.step_key],
                        started_at=datetime.fromtimestamp(stats.start_time, timezone.utc),
                        status="succeeded",
                        attempt=1,
                        fingerprint=None,
                        wall_seconds=stats.end_time - stats.start_time,
                        cpu_seconds=None,
                        input_bytes=None,
                        partitions=None,
                        cores=None,
                        peak_memory_bytes=None,
                        partition_key=None,
                    )
                )
    return tuple(runs)


def _latest_events(
    instance: dg.DagsterInstance, keys: Iterable[EntityKey]
) -> Iterator[tuple[EntityKey, dg.EventLogEntry]]:
    """The last event of each asset that was made, and of each check that was evaluated."""
    assets = [key for key in keys if isinstance(key, dg.AssetKey)]
    for entry, materialization in _latest(instance, assets):
        yield materialization.asset_key, entry
    for key in keys:
        if isinstance(key, dg.AssetCheckKey):
            # Not the latest of all: a run that begins has said already which checks it will evaluate.
            for record in instance.event_log_storage.get_asset_check_execution_history(
                key, limit=1, status=_EVALUATED
            ):
                if record.event is not None:
                    yield key, record.event


def _latest(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]
) -> Iterator[tuple[dg.EventLogEntry, dg.AssetMaterialization]]:
    for record in instance.get_asset_records(list(keys)):
        entry = record.asset_entry.last_materialization
        if entry is not None and entry.asset_materialization is not None:
            yield entry, entry.asset_materialization


def _number(metadata: Mapping[str, dg.MetadataValue], name: str) -> float | None:
    value = metadata.get(name)
    number = None if value is None else value.value
    return float(number) if isinstance(number, int | float) else None
