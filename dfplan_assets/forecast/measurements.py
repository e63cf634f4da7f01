"""What past runs cost, read from the plan store at once, or why nothing could be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dfplan_assets.errors import StoreError
from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost
from dfplan_assets.store import RunSummary, find_store

if TYPE_CHECKING:
    from dfplan_assets.project.model import Project


@dataclass(frozen=True)
class Measurements:
    """Past runs of views and the cost of operators.

    ``notes`` say in sentences what is missing and what stands in for it. ``missing`` is True where there
    is no store yet, or none that can be read.
    """

    runs: tuple[MeasuredRun, ...] = ()
    operators: tuple[OperatorCost, ...] = ()
    notes: tuple[str, ...] = ()
    missing: bool = False

    def with_runs(self, runs: Iterable[MeasuredRun], note: str | None = None) -> Measurements:
        """The same with more runs, and a sentence about them."""
        more = replace(self, runs=(*self.runs, *runs))
        return more if note is None else more.with_note(note)

    def with_note(self, note: str) -> Measurements:
        """The same with one more sentence."""
        return replace(self, notes=(*self.notes, note))


def stored_measurements(project: Project, views: Collection[str]) -> Measurements:
    """What the store of a project knows of these views; never raises StoreError, and makes no store."""
    try:
        store = find_store(project.store)
        if store is None:
            return Measurements(notes=("There is no plan store yet.",), missing=True)
        with store:
            of_views = store.recent_runs(views, runs_each=project.scheduling.history_runs, status="succeeded")
            runs = tuple(_measured(run) for of_view in of_views.values() for run in of_view)
            return Measurements(runs, store.operator_costs())
    except StoreError as error:
        return Measurements(
            notes=(f"The plan store cannot be read ({error.where}: {error.cause}).",), missing=True
        )


def _measured(run: RunSummary) -> MeasuredRun:
    return MeasuredRun(
        view=run.view,
        started_at=run.started_at,
        status=run.status,
        attempt=run.attempt,
        fingerprint=run.fingerprint,
        wall_seconds=run.wall_seconds,
        cpu_seconds=run.cpu_seconds,
        input_bytes=run.input_bytes,
        partitions=run.partitions,
        cores=run.cores,
        peak_memory_bytes=run.peak_memory_bytes,
        partition_key=run.partition_key,
    )
