"""Running what is stale here and now, as runs that Dagster's UI shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.local_run import run_here
from dfplan_assets.orchestration.partition_runs import PlannedRun
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_assets import python_assets
from dfplan_assets.orchestration.run_report import RunListener, RunReport, ViewOutcome
from dfplan_assets.orchestration.selectable import selected_views
from dfplan_assets.orchestration.stale_runs import StaleRun, stale_runs
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.project.partitions import Partition
from dfplan_assets.staleness.look import own_reasons_now
from dfplan_assets.staleness.results import Part
from dfplan_assets.staleness.staleness import Staleness, to_run


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
    parts = to_run(staleness, None if selection is None else selected_views(project, selection))
    if not parts:
        return ()
    built = frozenset(part.view for part in parts)
    definitions = run_definitions(project, translator, built)
    keys = {view: each.partitions.keys for view, each in staleness.items() if each.partitions is not None}
    runs = stale_runs(project, parts, keys)
    listener.on_selected(tuple(view for each in runs for view in project.all_views if view in each.run.views))
    reports: list[RunReport] = []
    broken: set[Part] = set()
    for each in runs:
        skipped = _skipped_since(each, broken)
        left = tuple(part for part in each.parts if part.view not in skipped)
        if left and each.waits_for and not any(own_reasons_now(project, part) for part in left):
            report = _all_cached(project, left)
            for outcome in report.views.values():
                listener.on_outcome(outcome)
        elif left:
            planned = PlannedRun(frozenset(part.view for part in left), each.run.partitions)
            tags = {STALE_TAG: "true"}
            report = run_here(project, definitions, translator, planned, listener, tags, built)
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


def _skipped_since(run: StaleRun, broken: Collection[Part]) -> dict[str, ViewOutcome]:
    """The views of a run that cannot run any more, since something that they read failed or was skipped."""
    found: dict[str, ViewOutcome] = {}
    for part in run.parts:
        causes = sorted(str(each) for each in run.reads[part] if each in broken or each.view in found)
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
        outcome = ViewOutcome(part.view, "cached", result.rows, result.bytes)
        before = outcomes.get(part.view)
        outcomes[part.view] = outcome if before is None else before.with_partition(outcome)
    return RunReport("", True, outcomes)
