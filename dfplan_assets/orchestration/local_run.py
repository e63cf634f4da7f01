"""One run of Dagster in this process, from its making to its report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import dagster as dg
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.job_base import IJob
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from dfplan_assets.orchestration.definitions import run_definitions
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.partition_runs import PlannedRun
from dfplan_assets.orchestration.project_translator import translator_of
from dfplan_assets.orchestration.python_runs import PythonSteps
from dfplan_assets.orchestration.run_creation import RunJob, create_run, run_events, run_job
from dfplan_assets.orchestration.run_outcomes import RunOutcomes
from dfplan_assets.orchestration.run_report import RunListener, RunReport, ViewOutcome
from dfplan_assets.orchestration.translator import DfplanTranslator
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project


def run_here(
    project: ProjectPlan,
    definitions: dg.Definitions,
    translator: DfplanTranslator,
    planned: PlannedRun,
    listener: RunListener,
    tags: Mapping[str, str] | None = None,
    built: Collection[str] | None = None,
) -> RunReport:
    """Makes and executes a run, with these tags beside those of its partitions.

    ``definitions`` have the views ``built``, or the whole project, in this process and in those that the run
    begins. What fails in it is no error of it.
    """
    key_of = translator.get_asset_key
    outcomes = RunOutcomes(project, key_of, PythonSteps(definitions, planned.assets), listener)
    with open_instance(project.project.root) as instance:
        job = run_job(definitions, {*map(key_of, planned.views), *planned.assets})
        run = create_run(instance, job, {**(tags or {}), **planned.tags})
        for event in run_events(instance, _executable(project, job, built), run):
            outcomes.follow(event)
        finished = instance.get_run_by_id(run.run_id)
    success = finished is not None and finished.is_success
    return report_of(planned, run.run_id, success, outcomes.of(names_of(project, planned)))


def names_of(project: ProjectPlan, planned: PlannedRun) -> tuple[str, ...]:
    """What a run makes, by name: its views, upstream first, and the keys of its Python assets."""
    views = tuple(view for view in project.all_views if view in planned.views)
    return (*views, *(key.to_user_string() for key in sorted(planned.assets)))


def report_of(
    planned: PlannedRun, run_id: str, success: bool, outcomes: Mapping[str, ViewOutcome]
) -> RunReport:
    """The report of a run, from the outcomes of its views and Python assets by name."""
    views = {name: outcome for name, outcome in outcomes.items() if name in planned.views}
    assets = {name: outcome for name, outcome in outcomes.items() if name not in planned.views}
    return RunReport(run_id, success, views, planned.partitions, assets)


def definitions_in(root: str, views: Sequence[str] | None) -> dg.Definitions:
    """What makes these views of the project in this folder, or anything, for the process of one step."""
    project = load_project(Path(root))
    plan = plan_project(project)
    return run_definitions(plan, translator_of(project), None if views is None else frozenset(views))


def _executable(project: ProjectPlan, job: RunJob, built: Collection[str] | None) -> IJob:
    """The job as the executor takes it; processes of their own make it again, as it was made here."""
    if project.project.scheduling.mode == "shared":
        return job
    views = None if built is None else sorted(built)
    definitions = CustomPointer(
        ModuleCodePointer(__name__, definitions_in.__name__), [str(project.project.root), views], []
    )
    return ReconstructableJob(ReconstructableRepository(definitions), job.get_definition().name)
