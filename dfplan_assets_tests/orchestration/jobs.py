"""Running jobs of plain Dagster definitions with this package's executors, as the UI runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import dagster as dg
from dagster._core.execution.job_execution_result import JobExecutionResult

from dfplan_assets.orchestration.run_order import (
    Orderer,
    OrderKind,
    RunComparison,
    RunOrder,
    StepTiming,
)

WAIT_SECONDS = 300.0
"""How long a test waits for another thread before it fails; never waited for where all is well."""


@dataclass
class Notes:
    """What happened in the steps of a job, in order; for several threads."""

    lines: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, line: str) -> None:
        with self.lock:
            self.lines.append(line)


@dataclass
class ListedOrderer:
    """Orders by a list, the first to start first, and keeps what it is asked and told."""

    first_to_last: Sequence[str] = ()
    chains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_concurrent: int | None = None
    asked: list[tuple[str, tuple[str, ...], int | None]] = field(default_factory=list)
    told: list[tuple[StepTiming, ...]] = field(default_factory=list)

    def order(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        step_keys: Sequence[str],
        max_concurrent: int | None,
    ) -> RunOrder:
        self.asked.append((job.name, tuple(step_keys), max_concurrent))
        return RunOrder(
            {key: len(self.first_to_last) - place for place, key in enumerate(self.first_to_last)},
            "the order of this run",
            {"first": dg.MetadataValue.text(self.first_to_last[0] if self.first_to_last else "any")},
            self.chains,
            self.max_concurrent,
        )

    def compare(
        self, instance: dg.DagsterInstance, run: dg.DagsterRun, timings: Sequence[StepTiming]
    ) -> RunComparison | None:
        self.told.append(tuple(timings))
        return RunComparison("how the run went", {"steps": dg.MetadataValue.int(len(timings))})

    def of(self, job: dg.JobDefinition, kind: OrderKind) -> Orderer:
        """As an orderer is found for a job."""
        return self


def run_job(
    make: Callable[[], dg.JobDefinition],
    instance: dg.DagsterInstance,
    config: Mapping[str, object] | None = None,
    **options: object,
) -> JobExecutionResult:
    """Runs the job that a function of a module makes, its executor configured so."""
    run_config = {} if config is None else {"execution": {"config": dict(config)}}
    return dg.execute_job(dg.reconstructable(make), instance, run_config=run_config, **options)  # type: ignore[arg-type]


def asset_job(*assets: dg.AssetsDefinition | dg.AssetChecksDefinition, **options: object) -> dg.JobDefinition:
    """The job of all these assets."""
    definitions = dg.Definitions(
        assets=[asset for asset in assets if not isinstance(asset, dg.AssetChecksDefinition)],
        asset_checks=[check for check in assets if isinstance(check, dg.AssetChecksDefinition)],
        jobs=[dg.define_asset_job("all_assets")],
        **options,  # type: ignore[arg-type]
    )
    return definitions.resolve_job_def("all_assets")


def states(result: JobExecutionResult) -> Mapping[str, str]:
    """How each step that began ended: succeeded, failed, or up for retry."""
    names = {
        dg.DagsterEventType.STEP_SUCCESS: "succeeded",
        dg.DagsterEventType.STEP_FAILURE: "failed",
        dg.DagsterEventType.STEP_SKIPPED: "skipped",
        dg.DagsterEventType.STEP_UP_FOR_RETRY: "up for retry",
    }
    return {
        event.step_key: names[event.event_type]
        for event in result.all_events
        if event.step_key is not None and event.event_type in names
    }


def messages(
    instance: dg.DagsterInstance, run_id: str, step_key: str | None = None
) -> Iterator[tuple[str | None, str]]:
    """The lines of a run's log that are no events, with the step they belong to."""
    for entry in instance.all_logs(run_id):
        if entry.dagster_event is None and step_key in (None, entry.step_key):
            yield entry.step_key, entry.user_message
