"""Running a selection of views here and now, as a run that Dagster's UI shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import dagster as dg
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.job_base import IJob
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution.plan.objects import StepFailureData

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.assets import check_op_name, op_names
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.order_events import is_of_order
from dfplan_assets.orchestration.partition_runs import PartitionRange, PlannedRun
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import python_assets
from dfplan_assets.orchestration.python_runs import PythonSteps, planned_with_python
from dfplan_assets.orchestration.run_creation import RunJob, create_run, run_events, run_job
from dfplan_assets.orchestration.selection import select_views, select_with_python
from dfplan_assets.orchestration.stale_runs import StaleRun, stale_runs
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.project.partitions import Partition
from dfplan_assets.staleness.look import own_reasons_now
from dfplan_assets.staleness.results import Part
from dfplan_assets.staleness.staleness import Staleness, to_run

_MILLISECONDS = 1000
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class ViewOutcome:
    """What became of one view in a run, or of an asset written in Python, by its key.

    ``rows``, ``bytes`` and ``wall_seconds`` are those of its new result, or of its new partitions together,
    None unless materialised; a view that is ``cached`` did not run, since its last result is what it would
    give, and has that one's rows and bytes; those of an asset written in Python are None where it is not
    published as a table;
    ``error`` is the cause of a failure, or for a skipped view what kept it from running; ``warning``
    is why the plan store does not have its records. ``failed_checks`` says of each asset check that did
    not pass, by name, why.
    """

    view: str
    state: Literal["materialised", "cached", "failed", "skipped"]
    rows: int | None = None
    bytes: int | None = None
    wall_seconds: float | None = None
    error: str | None = None
    warning: str | None = None
    failed_checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunReport:
    """A finished run; ``views`` has an outcome for each selected view, upstream first.

    ``assets`` has one for each selected asset that is written in Python, by its key. ``notes`` say what else
    there is to know.
    ``run_id`` is empty for one that did not take place, since an earlier one of the same range failed.
    """

    run_id: str
    success: bool
    views: Mapping[str, ViewOutcome]
    partitions: PartitionRange | None = None
    assets: Mapping[str, ViewOutcome] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class RunListener(Protocol):
    """Is told what happens while a run goes on."""

    def on_selected(self, views: tuple[str, ...]) -> None:
        """These views will run, upstream first, and these assets written in Python."""

    def on_order(self, line: str) -> None:
        """Why the views run in the order they do, before they run; how well it was predicted, after it."""

    def on_start(self, view: str) -> None:
        """A view begins."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        """A view is materialised, was found to be unchanged, or has failed."""


def run_views(project: ProjectPlan, selection: str | None, listener: RunListener) -> RunReport:
    """Materialises the selected views in this process; what depends on a failed view is skipped.

    Raises InputError for a selection that means nothing, or has views with partitions. A view that fails is
    no error of the run.
    """
    (report,) = run_partitions(project, selection, None, listener)
    return report


def run_partitions(
    project: ProjectPlan, selection: str | None, asked: PartitionRange | None, listener: RunListener
) -> tuple[RunReport, ...]:
    """Materialises the selected views, those with partitions for the ones that are asked for.

    The Python assets of the project that are selected run with them.
    Gives the runs that ``planned_runs`` says. A partition that fails leaves the other ones; what reads
    all of them is skipped then. Raises InputError as ``run_views`` and ``planned_runs`` do.
    """
    translator = translator_of(project.project)
    definitions = run_definitions(project, translator)
    python, key_of = python_assets(project, translator), translator.get_asset_key
    selected, keys = select_with_python(selection, project, definitions, key_of, python.keys)
    reports: list[RunReport] = []
    runs = planned_with_python(project, selected, keys, asked, python, definitions, key_of)
    listener.on_selected(tuple(name for run in runs for name in _names(project, run)))
    for run in runs:
        # Runs for partitions wait for none but the one before them all, the last one waits for all.
        waits_for = reports if run.partitions is None else [each for each in reports if not each.partitions]
        if all(report.success for report in waits_for):
            reports.append(_run(project, definitions, translator, run, listener))
        else:
            outcomes = {
                name: ViewOutcome(name, "skipped", error="waits for runs that failed")
                for name in _names(project, run)
            }
            reports.append(_report("", False, outcomes, run))
    return tuple(reports)


def run_stale_views(
    project: ProjectPlan,
    selection: str | None,
    listener: RunListener,
    staleness: Mapping[str, Staleness],
) -> tuple[RunReport, ...]:
    """As ``run_partitions``, what is stale of the selection and what lies behind that within the selection.

    Gives the runs that ``stale_runs`` says, one after the other. A view or partition whose last result turns
    out to be what it would give, when its turn comes, does not run, nor does a run take place that has
    nothing else. What reads something that failed is skipped. Nothing where nothing selected is stale.

    Python assets do not run: whether what they do is another by now is not known. The last report notes those
    that read what has a new result.
    """
    translator = translator_of(project.project)
    definitions: dg.Definitions | None = None
    selected: frozenset[str] | None = None
    if selection is not None or project.project.scheduling.mode != "shared":
        definitions = run_definitions(project, translator)
        selected = select_views(selection, project, definitions, translator.get_asset_key)
    parts = to_run(staleness, selected)
    if not parts:
        return ()
    if definitions is None:
        definitions = run_definitions(project, translator, frozenset(part.view for part in parts))
    keys = {view: each.partitions.keys for view, each in staleness.items() if each.partitions is not None}
    runs = stale_runs(project, parts, keys)
    listener.on_selected(tuple(view for each in runs for view in project.all_views if view in each.run.views))
    reports: list[RunReport] = []
    broken: set[Part] = set()
    for each in runs:
        skipped = _skipped_since(project, each, broken)
        left = tuple(part for part in each.parts if part.view not in skipped)
        if left and each.waits_for and not any(own_reasons_now(project, part) for part in left):
            report = _all_cached(project, left)
        elif left:
            planned = PlannedRun(frozenset(part.view for part in left), each.run.partitions)
            report = _run(project, definitions, translator, planned, listener, {STALE_TAG: "true"})
        else:
            report = RunReport("", True, {})
        outcomes = {**skipped, **report.views}
        reports.append(
            replace(
                report,
                success=report.success and not skipped,
                views={view: outcomes[view] for view in project.all_views if view in outcomes},
                partitions=each.run.partitions,
            )
        )
        broken.update(part for part in each.parts if outcomes[part.view].state in ("failed", "skipped"))
    made = {name for report in reports for name, each in report.views.items() if each.state == "materialised"}
    reports[-1] = replace(reports[-1], notes=_notes_of_readers(project, translator, made))
    return tuple(reports)


def _notes_of_readers(
    project: ProjectPlan, translator: DfplanTranslator, views: Collection[str]
) -> tuple[str, ...]:
    """Which Python assets read the new results of these views and did not run, and how to run them."""
    readers = python_assets(project, translator).readers_of(
        {translator.get_asset_key(view) for view in views}
    )
    return tuple(
        f"{name} reads views with new results and did not run, since --stale runs views alone: "
        f"dfplan run '{name}+'"
        for name in (key.to_user_string() for key in readers)
    )


def _skipped_since(project: ProjectPlan, run: StaleRun, broken: Collection[Part]) -> dict[str, ViewOutcome]:
    """The views of a run that cannot run any more, since something that they read failed or was skipped."""
    found: dict[str, ViewOutcome] = {}
    for part in run.parts:
        read = run.reads.get(part, frozenset())
        causes = sorted(str(each) for each in read if each in broken or each.view in found)
        if causes:
            found[part.view] = ViewOutcome(part.view, "skipped", error=f"waits for {', '.join(causes)}")
    return found


def _all_cached(project: ProjectPlan, parts: Sequence[Part]) -> RunReport:
    """A run that need not take place, since its parts turned out to be what they would give."""
    warehouse = Warehouse.of(project.project)
    outcomes: dict[str, ViewOutcome] = {}
    for part in parts:
        partitions = partitions_of(project, part.view)
        partition = None if partitions is None or part.key is None else Partition(partitions, part.key)
        result = warehouse.current(part.view, partition)
        assert result is not None  # without a result it would be stale
        before = outcomes.get(part.view, ViewOutcome(part.view, "cached", 0, 0))
        outcomes[part.view] = replace(
            before, rows=(before.rows or 0) + result.rows, bytes=(before.bytes or 0) + result.bytes
        )
    return RunReport("", True, outcomes)


def _run(
    project: ProjectPlan,
    definitions: dg.Definitions,
    translator: DfplanTranslator,
    planned: PlannedRun,
    listener: RunListener,
    tags: Mapping[str, str] | None = None,
) -> RunReport:
    """One run in this process, with these tags beside those of its partitions."""
    views = tuple(view for view in project.all_views if view in planned.views)
    view_of_op = {op: view for view, op in op_names(project.all_views, translator.get_asset_key).items()}
    python = PythonSteps(definitions, planned.assets)
    view_of_checks = {check_op_name(op): view for op, view in view_of_op.items()}
    outcomes: dict[str, ViewOutcome] = {}
    failed_checks: dict[str, dict[str, str]] = {}
    with open_instance(project.project.root) as instance:
        job = run_job(definitions, {*(translator.get_asset_key(view) for view in views), *planned.assets})
        run = create_run(instance, job, {**(tags or {}), **planned.tags})
        for event in run_events(instance, _executable(project, job), run):
            if event.step_key is None:
                line = _order_line(event)
                if line is not None:
                    listener.on_order(line)
                continue
            if event.step_key in view_of_checks:
                view = view_of_checks[event.step_key]
                outcomes[view] = _checked(outcomes[view], event)
                continue
            if event.step_key not in view_of_op:
                _follow_python(python.made_by(event.step_key), event, outcomes, listener)
                continue
            view = view_of_op[event.step_key]
            if event.event_type is dg.DagsterEventType.STEP_START:
                listener.on_start(view)
            check = _failed_check(event)
            if check is not None:
                failed_checks.setdefault(view, {}).update([check])
            outcome = _outcome(view, event, failed_checks.get(view, {}))
            if outcome is not None:
                outcomes[view] = _together(outcomes.get(view), outcome)
            if event.is_step_success or event.is_step_failure:
                # Only now have its checks been evaluated.
                outcomes[view] = replace(outcomes[view], failed_checks=failed_checks.get(view, {}))
                listener.on_outcome(outcomes[view])
        finished = instance.get_run_by_id(run.run_id)
    python_upstream = python.upstream(project, translator.get_asset_key)
    whole = {
        name: outcomes.get(name) or _skipped(project, name, outcomes, python_upstream)
        for name in _names(project, planned)
    }
    return _report(run.run_id, finished is not None and finished.is_success, whole, planned)


def _names(project: ProjectPlan, planned: PlannedRun) -> tuple[str, ...]:
    """What a run makes, by name: its views, upstream first, and the keys of its Python assets."""
    views = tuple(view for view in project.all_views if view in planned.views)
    return (*views, *(key.to_user_string() for key in sorted(planned.assets)))


def _report(
    run_id: str, success: bool, outcomes: Mapping[str, ViewOutcome], planned: PlannedRun
) -> RunReport:
    views = {name: outcome for name, outcome in outcomes.items() if name in planned.views}
    assets = {name: outcome for name, outcome in outcomes.items() if name not in planned.views}
    return RunReport(run_id, success, views, planned.partitions, assets)


def _follow_python(
    names: tuple[str, ...], event: dg.DagsterEvent, outcomes: dict[str, ViewOutcome], listener: RunListener
) -> None:
    """What an event of a step says of the Python assets that it makes; nothing of a step that only checks."""
    if event.event_type is dg.DagsterEventType.STEP_START:
        for name in names:
            listener.on_start(name)
    elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
        materialization = event.step_materialization_data.materialization
        name, metadata = materialization.asset_key.to_user_string(), materialization.metadata
        rows = metadata.get(
            "dagster/row_count" if materialization.partition is None else "dagster/partition_row_count"
        )
        size = metadata.get("dagster/size_bytes")
        outcomes[name] = ViewOutcome(
            name,
            "materialised",
            rows=rows.value if isinstance(rows, dg.IntMetadataValue) else None,
            bytes=size.value if isinstance(size, dg.IntMetadataValue) else None,
        )
    elif event.is_step_failure:
        failure = event.step_failure_data
        said = None if failure.user_failure_data is None else failure.user_failure_data.description
        for name in names:
            error = said or f"asset {name}: {_root_cause(failure)}"
            outcomes[name] = ViewOutcome(name, "failed", error=error)
            listener.on_outcome(outcomes[name])
    elif event.is_step_success:
        seconds = event.step_success_data.duration_ms / _MILLISECONDS
        for name in names:
            if name in outcomes:
                outcomes[name] = replace(outcomes[name], wall_seconds=seconds)
                listener.on_outcome(outcomes[name])


def _order_line(event: dg.DagsterEvent) -> str | None:
    """What an event says of the order of the run, if it does, or of what went wrong with it."""
    if event.event_type is not dg.DagsterEventType.ENGINE_EVENT:
        return None
    data = event.engine_event_data
    if data.error is not None:
        return f"{event.message}: {data.error.message.strip()}"
    return event.message if is_of_order(data.metadata) else None


def definitions_in(root: str) -> dg.Definitions:
    """The definitions of the project in this folder, for processes that each run one of its steps."""
    project = load_project(Path(root))
    return run_definitions(plan_project(project), translator_of(project))


def _executable(project: ProjectPlan, job: RunJob) -> IJob:
    if project.project.scheduling.mode == "shared":
        return job
    definitions = CustomPointer(
        ModuleCodePointer(__name__, definitions_in.__name__), [str(project.project.root)], []
    )
    return ReconstructableJob(ReconstructableRepository(definitions), job.get_definition().name)


def _failed_check(event: dg.DagsterEvent) -> tuple[str, str] | None:
    """The name of an asset check that did not pass, and why."""
    if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    evaluation = event.asset_check_evaluation_data
    return None if evaluation.passed else (evaluation.check_name, evaluation.description or "it failed")


def _outcome(view: str, event: dg.DagsterEvent, failed_checks: Mapping[str, str]) -> ViewOutcome | None:
    """What an event says of a view's fate, if it decides it."""
    if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
        materialization = event.step_materialization_data.materialization
        metadata, partition = materialization.metadata, materialization.partition
        unstored = metadata.get("dfplan/store_failure")
        cached = "dfplan/cached" in metadata
        return ViewOutcome(
            view,
            "cached" if cached else "materialised",
            rows=_number(
                metadata["dagster/row_count" if partition is None else "dagster/partition_row_count"], int
            ),
            bytes=_number(metadata["dagster/size_bytes"], int),
            wall_seconds=None if cached else _number(metadata["dfplan/wall_seconds"], float),
            warning=None if unstored is None else str(unstored.value),
        )
    if event.event_type is dg.DagsterEventType.STEP_FAILURE:
        failure = event.step_failure_data
        if failure.user_failure_data is not None and failure.user_failure_data.description:
            return ViewOutcome(view, "failed", error=failure.user_failure_data.description)
        if failure.error is not None and failure.error.cls_name == DagsterAssetCheckFailedError.__name__:
            causes = "; ".join(f"{name}: {reason}" for name, reason in failed_checks.items())
            said = "its result is published, and what depends on it does not run since a check failed"
            return ViewOutcome(view, "failed", error=f"view {view}: {said}\n  {causes}")
        return ViewOutcome(view, "failed", error=f"view {view}: {_root_cause(failure)}")
    return None


def _checked(outcome: ViewOutcome, event: dg.DagsterEvent) -> ViewOutcome:
    """The outcome of a view that ran, after an event of the step of those of its checks that come later."""
    check = _failed_check(event)
    if check is not None:
        return replace(outcome, failed_checks={**outcome.failed_checks, check[0]: check[1]})
    if event.event_type is dg.DagsterEventType.STEP_FAILURE:
        failed = _outcome(outcome.view, event, outcome.failed_checks)
        assert failed is not None
        return replace(failed, failed_checks=outcome.failed_checks)
    return outcome


def _together(before: ViewOutcome | None, outcome: ViewOutcome) -> ViewOutcome:
    """The outcome of a view of which several partitions are made in one step."""
    if before is None or before.state != "materialised" or outcome.state != "materialised":
        return outcome
    return replace(
        outcome,
        rows=(before.rows or 0) + (outcome.rows or 0),
        bytes=(before.bytes or 0) + (outcome.bytes or 0),
        wall_seconds=(before.wall_seconds or 0.0) + (outcome.wall_seconds or 0.0),
        warning=before.warning or outcome.warning,
    )


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


def _skipped(
    project: ProjectPlan,
    view: str,
    outcomes: Mapping[str, ViewOutcome],
    python_upstream: Mapping[str, tuple[str, ...]],
) -> ViewOutcome:
    """What never started, with what failed that it waited for, itself or through others."""
    failed, seen, pending = set(), {view}, [view]
    while pending:
        name = pending.pop()
        tables = project.tables_of(name) if name in project.project.views else ()
        for table in (*tables, *python_upstream.get(name, ())):
            if table not in seen:
                seen.add(table)
                pending.append(table)
                outcome = outcomes.get(table)
                if outcome is not None and outcome.state == "failed":
                    failed.add(table)
    reason = f"waits for {', '.join(sorted(failed))}" if failed else "the run ended before it"
    return ViewOutcome(view, "skipped", error=reason)
