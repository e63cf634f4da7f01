"""Asset checks of every view: its plan against the golden one and against history, its result's columns.

They are evaluated in the step that makes the result, from what that step has at hand and a few rows of the
plan store, so that a blocking one stops what lies downstream and none costs a step of its own.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.errors import DfplanError, StoreError
from dfplan_assets.execution.inputs import column_differences
from dfplan_assets.orchestration.bundle_metadata import store_failure
from dfplan_assets.orchestration.markdown import fenced, fit, shorten, table
from dfplan_assets.orchestration.runner import Made, Reused
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import CheckMode, PlanChecks
from dfplan_assets.store import Store, find_store

# What a check needs is imported when it is on: most runs have none, and need not wait for it.
if TYPE_CHECKING:
    from dfplan_assets.golden.verdict import ViewCheck
    from dfplan_assets.planning.diff import PlanDifference
    from dfplan_assets.regressions.figures import PlanFigures
    from dfplan_assets.regressions.verdict import Verdict

_DESCRIPTIONS = {
    "plan_drift": "The plan is that of the golden file committed beside the views.",
    "plan_regression": "No change of the plan made the view slower, or made it spill more, beyond its noise.",
    "result_schema": "The published files have the columns that were planned.",
}
_TEXT_BYTES = 2_000
_DIFF_BYTES = 8_000
_DIFF_WIDTH = 150


def modes_of(checks: PlanChecks) -> Mapping[str, CheckMode]:
    """The checks that are on, with how they act."""
    modes: dict[str, CheckMode] = {
        "plan_drift": checks.plan_drift,
        "plan_regression": checks.plan_regression,
        "result_schema": checks.result_schema,
    }
    return {name: mode for name, mode in modes.items() if mode != "off"}


def check_specs(checks: PlanChecks, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of one view, none where all are off."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=_DESCRIPTIONS[name], blocking=mode == "block")
        for name, mode in modes_of(checks).items()
    ]


class PlanChecker:
    """Evaluates the checks of a project's views. May be called from several threads.

    What cannot be told, since the store or a golden file cannot be read, is a failed check of severity WARN
    that says why: it never stops a run, and never passes unseen.
    """

    def __init__(self, plan: ProjectPlan) -> None:
        self._plan = plan
        self._modes = modes_of(plan.project.plan_checks)
        self._opening = Lock()
        self._store: Store | None = None

    def results(
        self, view: str, key: dg.AssetKey, made: Made | Reused, names: Collection[str]
    ) -> list[dg.AssetCheckResult]:
        """The results of those checks of these names that are on, for a view that was just made or whose
        last result stays."""
        evaluate: Mapping[str, Callable[[str, Made | Reused], _Outcome]] = {
            "plan_drift": self._drift,
            "plan_regression": self._regression,
            "result_schema": self._schema,
        }
        results = []
        for name, mode in self._modes.items():
            if name not in names:
                continue
            try:
                outcome = evaluate[name](view, made)
            except DfplanError as error:
                outcome = _cannot_be_told(str(error))
            results.append(outcome.result(name, key, mode))
        return results

    def _regression(self, view: str, made: Made | Reused) -> _Outcome:
        from dfplan_assets.regressions.cause import plan_change
        from dfplan_assets.regressions.history import read_histories
        from dfplan_assets.regressions.verdict import judge

        unstored = store_failure(made.recorded)
        if made.recorded.deferred is not None and unstored is not None:
            return _cannot_be_told(unstored)
        store = self._opened()
        verdict = judge(read_histories(store, [view])[view])
        return _Outcome(
            not verdict.is_open_regression,
            f"{verdict.kind}: {verdict.reason}",
            verdict_metadata(verdict, plan_change(store, verdict)),
        )

    def _drift(self, view: str, made: Made | Reused) -> _Outcome:
        from dfplan_assets.golden.check import check

        found = check(self._plan, {view})
        for of_view in found.views:
            metadata = drift_metadata(of_view)
            if of_view.state == "drift":
                return _Outcome(False, f"{of_view.kind}: {of_view.cause}", metadata)
            if of_view.problem is None and not found.problems:
                return _Outcome(True, f"as the golden plan has it (level {found.level})", metadata)
        return _cannot_be_told(" ".join(f"{each.cause}. {each.next_step}" for each in found.all_problems))

    def _schema(self, view: str, made: Made | Reused) -> _Outcome:
        planned = self._plan.views[view].schema
        publication = made.publication if isinstance(made, Reused) else made.done.publication
        file = publication.files[0]
        try:
            written = pq.read_schema(file)
        except (OSError, pa.ArrowException) as error:
            return _cannot_be_told(f"{file} cannot be read: {error}")
        found = column_differences(planned, written)
        if not found and written.names != planned.names:
            found = f"the columns stand in another order: {', '.join(written.names)}"
        if found:
            return _Outcome(False, f"the published columns are not those planned: {found}", {})
        return _Outcome(True, f"columns as planned: {', '.join(planned.names)}", {})

    def _opened(self) -> Store:
        with self._opening:
            if self._store is None:
                url = self._plan.project.store
                self._store = find_store(url)
                if self._store is None:
                    raise StoreError(
                        "plan store", "there is none", "The next run makes it; look at the run's log."
                    )
                atexit.register(self._store.close)
            return self._store


class _Outcome:
    """What a check found, before it is known how it acts; ``told`` is False where it could not look."""

    def __init__(
        self, passed: bool, description: str, metadata: Mapping[str, dg.MetadataValue], told: bool = True
    ) -> None:
        self.passed = passed
        self.description = description
        self.metadata = metadata
        self.told = told

    def result(self, name: str, key: dg.AssetKey, mode: CheckMode) -> dg.AssetCheckResult:
        """This as Dagster takes it: a failure of a check that blocks is an error if it was told."""
        blocks = mode == "block" and self.told
        return dg.AssetCheckResult(
            passed=self.passed,
            asset_key=key,
            check_name=name,
            severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
            description=shorten(self.description, _TEXT_BYTES),
            metadata=self.metadata,
        )


def _cannot_be_told(reason: str) -> _Outcome:
    return _Outcome(False, f"It cannot be told: {reason}", {}, told=False)


def drift_metadata(found: ViewCheck) -> dict[str, dg.MetadataValue]:
    """What a comparison with a golden plan found, cut to a budget in bytes."""
    metadata: dict[str, dg.MetadataValue] = {}
    if found.kind is not None:
        metadata["dfplan/verdict"] = dg.MetadataValue.text(found.kind)
    if found.downstream:
        reached = shorten(", ".join(found.downstream), _TEXT_BYTES)
        metadata["dfplan/reaches"] = dg.MetadataValue.text(reached)
    if found.state == "drift" and found.difference is not None:
        metadata["dfplan/plan_diff"] = dg.MetadataValue.md(difference_text(found.difference))
    return metadata


def verdict_metadata(verdict: Verdict, change: PlanDifference | None) -> dict[str, dg.MetadataValue]:
    """A verdict with the figures of both plans and what differs between them, cut to a budget in bytes."""
    metadata: dict[str, dg.MetadataValue] = {"dfplan/verdict": dg.MetadataValue.text(verdict.kind)}
    sides = [side for side in (verdict.before, verdict.current) if side is not None]
    if sides:
        metadata["dfplan/figures"] = dg.MetadataValue.md(_figures(sides))
    if verdict.moved:
        moved = "\n".join(f"- {each.sentence}" for each in verdict.moved)
        metadata["dfplan/moved"] = dg.MetadataValue.md(shorten(moved, _TEXT_BYTES))
    if verdict.accepted is not None:
        accepted = verdict.accepted
        text = f"{accepted.accepted_at:%Y-%m-%d %H:%M} UTC by {accepted.accepted_by}: {accepted.note}"
        metadata["dfplan/accepted"] = dg.MetadataValue.text(shorten(text, _TEXT_BYTES))
    if change is not None:
        metadata["dfplan/plan_diff"] = dg.MetadataValue.md(difference_text(change))
    return metadata


def difference_text(change: PlanDifference) -> str:
    """What differs between two plans, as Markdown: kind, cause and the trees side by side as far as they
    fit."""
    from dfplan_assets.planning.diff import side_by_side

    parts = [f"**{change.kind}**: {shorten(change.cause, _TEXT_BYTES)}"]
    room = _DIFF_BYTES
    for title, rows in (("Logical plan", change.logical_tree), ("Physical plan", change.physical_tree)):
        if rows is None or all(row.change in ("same", "folded") for row in rows):
            continue
        lines = side_by_side(rows, _DIFF_WIDTH).splitlines()
        shown = fit(lines, room)
        room -= sum(len(line) + 1 for line in lines[:shown])
        cut = (
            f" (the last {len(lines) - shown:,} of {len(lines):,} lines are left out)"
            if shown < len(lines)
            else ""
        )
        parts.append(f"{title}, before and after{cut}:")
        if shown:
            parts.append(fenced("\n".join(lines[:shown])))
    return "\n\n".join(parts)


def _figures(sides: list[PlanFigures]) -> str:
    def row(label: str, of: Callable[[PlanFigures], float | None], digits: int) -> tuple[str, ...] | None:
        values = [of(side) for side in sides]
        if all(value is None for value in values):
            return None
        return (label, *("" if value is None else f"{value:,.{digits}f}" for value in values))

    rows = [
        row("runs", lambda side: side.runs, 0),
        row("wall seconds", lambda side: side.wall_seconds, 3),
        row("wall seconds, 90 %", lambda side: side.wall_seconds_90, 3),
        row("CPU seconds", lambda side: side.cpu_seconds, 3),
        row("spilled bytes", lambda side: side.spilled_bytes, 0),
        row("input bytes", lambda side: side.input_bytes, 0),
        row("bytes scanned", lambda side: side.bytes_scanned, 0),
        row("output rows", lambda side: side.output_rows, 0),
        row("partitions", lambda side: side.partitions, 0),
    ]
    titles = ("before", "current") if len(sides) == 2 else ("current",)
    shown = [each for each in rows if each is not None]
    return table(("median of", *titles), shown, numeric=(False, *(True for _ in sides)))
