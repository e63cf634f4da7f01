"""What past runs cost, read from the plan store at once, or why nothing could be read."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from dfplan_assets.errors import StoreError
from dfplan_assets.scheduling.model import MeasuredRun, OperatorCost
from dfplan_assets.store import find_store

if TYPE_CHECKING:
    from dfplan_assets.project.model import Project


@dataclass(frozen=True)
class Measurements:
    """Past runs of views, the newest of each first, and the cost of operators.

    ``step_overhead_seconds`` is what a step took beside its view in the last run (the median): Dagster's
    events, the plan's capture and the store's writing. ``notes`` say in sentences what is missing and
    what stands in for it. ``missing`` is True where there is no store yet, or none that can be read.
    """

    runs: tuple[MeasuredRun, ...] = ()
    operators: tuple[OperatorCost, ...] = ()
    notes: tuple[str, ...] = ()
    step_overhead_seconds: float = 0.0
    missing: bool = False

    @property
    def latest_seconds(self) -> float:
        """What the latest runs of all views took together, where that is a sound number."""
        latest = {run.view: run.wall_seconds for run in reversed(self.runs)}
        return sum(seconds for seconds in latest.values() if seconds is not None and 0 < seconds < math.inf)

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
            of_views = store.measured_runs(
                views, runs_each=project.scheduling.history_runs, status="succeeded"
            )
            runs = tuple(chain.from_iterable(of_views.values()))
            overheads = [seconds for seconds in store.step_overheads() if math.isfinite(seconds)]
            return Measurements(
                runs,
                store.operator_costs(),
                step_overhead_seconds=max(0.0, statistics.median(overheads)) if overheads else 0.0,
            )
    except StoreError as error:
        return Measurements(
            notes=(f"The plan store cannot be read ({error.where}: {error.cause}).",), missing=True
        )
