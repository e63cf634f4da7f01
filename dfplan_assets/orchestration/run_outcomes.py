"""How the events of a run become what is told of its views and Python assets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution.plan.objects import StepFailureData

from dfplan_assets.orchestration.assets import check_op_name, op_names
from dfplan_assets.orchestration.order_events import is_of_order
from dfplan_assets.orchestration.python_runs import PythonSteps
from dfplan_assets.orchestration.run_metadata import row_count_key
from dfplan_assets.orchestration.run_report import RunListener, ViewOutcome
from dfplan_assets.orchestration.table_keys import KeyOf
from dfplan_assets.planning.bundle import ProjectPlan

_MILLISECONDS = 1000
_Number = TypeVar("_Number", int, float)


class RunOutcomes:
    """What becomes of each view and Python asset of one run; the listener hears of it event by event."""

    def __init__(
        self, project: ProjectPlan, key_of: KeyOf, python: PythonSteps, listener: RunListener
    ) -> None:
        self._project = project
        self._python = python
        self._key_of = key_of
        self._listener = listener
        self._view_of_step = {step: view for view, step in op_names(project.all_views, key_of).items()}
        self._view_of_checks = {check_op_name(step): view for step, view in self._view_of_step.items()}
        self._outcomes: dict[str, ViewOutcome] = {}
        self._failed_checks: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def follow(self, event: dg.DagsterEvent) -> None:
        """An event that just came."""
        step = event.step_key
        if step is None:
            line = _order_line(event)
            if line is not None:
                self._listener.on_order(line)
        elif step in self._view_of_step:
            self._follow_view(self._view_of_step[step], event)
        elif step in self._view_of_checks:
            self._follow_later_checks(self._view_of_checks[step], event)
        else:
            self._follow_python(self._python.made_by(step), event)

    def of(self, names: Iterable[str]) -> dict[str, ViewOutcome]:
        """The outcomes of these views and Python assets after the run; what never began was skipped."""
        upstream = self._python.upstream(self._project, self._key_of)
        return {name: self._outcomes.get(name) or self._skipped(name, upstream) for name in names}

    def _follow_view(self, view: str, event: dg.DagsterEvent) -> None:
        """An event of the step that makes a view, with most of its checks."""
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._listener.on_start(view)
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            outcome = _made(view, event.step_materialization_data.materialization)
            before = self._outcomes.get(view)
            self._outcomes[view] = outcome if before is None else before.with_partition(outcome)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._note_check(view, event)
        elif event.is_step_success or event.is_step_failure:
            failed_checks = dict(self._failed_checks[view])  # only now have all been evaluated
            if event.is_step_failure:
                self._outcomes[view] = _view_failed(view, event.step_failure_data, failed_checks)
            else:
                self._outcomes[view] = replace(self._outcomes[view], failed_checks=failed_checks)
            self._listener.on_outcome(self._outcomes[view])

    def _follow_later_checks(self, view: str, event: dg.DagsterEvent) -> None:
        """An event of the step of those checks of a view that come after the view's own step."""
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._note_check(view, event)
        elif event.is_step_failure:
            failed_checks = dict(self._failed_checks[view])
            self._outcomes[view] = _view_failed(view, event.step_failure_data, failed_checks)
        elif event.is_step_success:
            failed_checks = dict(self._failed_checks[view])
            self._outcomes[view] = replace(self._outcomes[view], failed_checks=failed_checks)

    def _note_check(self, view: str, event: dg.DagsterEvent) -> None:
        evaluation = event.asset_check_evaluation_data
        if not evaluation.passed:
            self._failed_checks[view][evaluation.check_name] = evaluation.description or "it failed"

    def _follow_python(self, names: tuple[str, ...], event: dg.DagsterEvent) -> None:
        """An event of a step that makes these Python assets; nothing comes of one that only checks."""
        if event.event_type is dg.DagsterEventType.STEP_START:
            for name in names:
                self._listener.on_start(name)
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            outcome = _python_made(event.step_materialization_data.materialization)
            self._outcomes[outcome.view] = outcome
        elif event.is_step_failure:
            for name in names:
                self._outcomes[name] = _failed(name, f"asset {name}", event.step_failure_data)
                self._listener.on_outcome(self._outcomes[name])
        elif event.is_step_success:
            seconds = event.step_success_data.duration_ms / _MILLISECONDS
            for name in names:
                if name in self._outcomes:
                    self._outcomes[name] = replace(self._outcomes[name], wall_seconds=seconds)
                    self._listener.on_outcome(self._outcomes[name])

    def _skipped(self, view: str, python_upstream: Mapping[str, tuple[str, ...]]) -> ViewOutcome:
        """What never started, with what failed that it waited for, itself or through others."""
        failed, seen, pending = set(), {view}, [view]
        while pending:
            name = pending.pop()
            tables = self._project.tables_of(name) if name in self._project.project.views else ()
            for table in (*tables, *python_upstream.get(name, ())):
                if table not in seen:
                    seen.add(table)
                    pending.append(table)
                    outcome = self._outcomes.get(table)
                    if outcome is not None and outcome.state == "failed":
                        failed.add(table)
        reason = f"waits for {', '.join(sorted(failed))}" if failed else "the run ended before it"
        return ViewOutcome(view, "skipped", error=reason)


def _order_line(event: dg.DagsterEvent) -> str | None:
    """What an event says of the order of the run, if it does, or of what went wrong with it."""
    if event.event_type is not dg.DagsterEventType.ENGINE_EVENT:
        return None
    data = event.engine_event_data
    if data.error is not None:
        return f"{event.message}: {data.error.message.strip()}"
    return event.message if is_of_order(data.metadata) else None


def _made(view: str, materialization: dg.AssetMaterialization) -> ViewOutcome:
    """What a materialisation says of a view, or of one of its partitions."""
    metadata = materialization.metadata
    unstored = metadata.get("dfplan/store_failure")
    cached = "dfplan/cached" in metadata
    return ViewOutcome(
        view,
        "cached" if cached else "materialised",
        rows=_number(metadata[row_count_key(materialization.partition)], int),
        bytes=_number(metadata["dagster/size_bytes"], int),
        wall_seconds=None if cached else _number(metadata["dfplan/wall_seconds"], float),
        warning=None if unstored is None else str(unstored.value),
    )


def _view_failed(view: str, failure: StepFailureData, failed_checks: Mapping[str, str]) -> ViewOutcome:
    """A view whose step failed, or one of whose checks stops what reads it."""
    if failure.error is not None and failure.error.cls_name == DagsterAssetCheckFailedError.__name__:
        causes = "; ".join(f"{name}: {reason}" for name, reason in failed_checks.items())
        said = "its result is published, and what depends on it does not run since a check failed"
        outcome = ViewOutcome(view, "failed", error=f"view {view}: {said}\n  {causes}")
    else:
        outcome = _failed(view, f"view {view}", failure)
    return replace(outcome, failed_checks=failed_checks)


def _python_made(materialization: dg.AssetMaterialization) -> ViewOutcome:
    """What a materialisation says of a Python asset, which may say nothing of rows and bytes."""
    rows = materialization.metadata.get(row_count_key(materialization.partition))
    size = materialization.metadata.get("dagster/size_bytes")
    return ViewOutcome(
        materialization.asset_key.to_user_string(),
        "materialised",
        rows=rows.value if isinstance(rows, dg.IntMetadataValue) else None,
        bytes=size.value if isinstance(size, dg.IntMetadataValue) else None,
    )


def _failed(name: str, where: str, failure: StepFailureData) -> ViewOutcome:
    """A step that failed: what its author says of it, or else what ended it."""
    said = None if failure.user_failure_data is None else failure.user_failure_data.description
    return ViewOutcome(name, "failed", error=said or f"{where}: {_root_cause(failure)}")


def _root_cause(failure: StepFailureData) -> str:
    """What ended a step other than an error of this package: an interrupt, or an error without a view."""
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return failure.error_display_string
    if error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return "interrupted"
    return f"{error.message.strip()}\n  The run's log in Dagster's UI has the stack trace."


def _number(value: dg.MetadataValue, kind: type[_Number]) -> _Number:
    number = value.value
    assert isinstance(number, kind)
    return number
