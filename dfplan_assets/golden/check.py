"""Comparing a project's plans with its golden files.

check_project(load_project("shop")).verdict   # "no drift: 12 views as the golden plans have them …"
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from dfplan_assets.errors import DfplanError, ExecutionError, GoldenError, PlanningError, SourceError
from dfplan_assets.golden.folder import GoldenFolder
from dfplan_assets.golden.offline import with_recorded_columns
from dfplan_assets.golden.pinned import PinnedPlan, PinnedProject
from dfplan_assets.golden.record import GoldenPlan, read_golden
from dfplan_assets.golden.sealed import restoring, text_sha256
from dfplan_assets.golden.surroundings import Surroundings, read_surroundings
from dfplan_assets.golden.verdict import HARMLESS, Check, GoldenKind, ViewCheck
from dfplan_assets.planning.bundle import EnvironmentPart, ProjectPlan
from dfplan_assets.planning.diff import PlanDifference, PlanFacts, difference, facts_of_plan, reached_views
from dfplan_assets.planning.diff.sql_edits import words_of
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.identity import engine_version, without_physical
from dfplan_assets.project.model import Golden, Level, Project
from dfplan_assets.store.plan_memory import plan_remembered

# Settings of how answers and plans are printed, and of how files are signed.
_SHOWING = ("datafusion.explain.", "datafusion.format.", "datafusion.execution.parquet.created_by")
_ENGINE_PARTS = frozenset({"meaning", "functions", "engine", "physical"})


def check_project(
    project: Project, views: Collection[str] | None = None, level: Level | None = None
) -> Check:
    """Plans a project and compares it with its golden files; its data need not be there.

    Sources that declare no columns and have no files are planned with the recorded columns. Otherwise
    as ``check``; raises the InputError of a view that cannot be planned.
    """
    recorded, problem = read_recorded(project.golden_plans)
    return check(planned_offline(project, recorded, problem), views, level)


def check(plan: ProjectPlan, views: Collection[str] | None = None, level: Level | None = None) -> Check:
    """Compares a planned project's views, or those named, with its golden files.

    ``level`` outranks that of ``dfplan.yaml``. Nothing is written but temporary files. What cannot be
    compared is a problem in the result, and never an error or a pass.
    """
    golden = plan.project.golden_plans
    folder = GoldenFolder(golden.folder)
    recorded, problem = read_recorded(golden)
    problems: list[DfplanError] = [] if problem is None else [problem]
    if problem is not None and not folder.views():
        return Check(level or golden.level, (), (), tuple(problems), ())
    if recorded is None:
        # Without the recorded sizes every physical plan would be another one.
        level = "meaning"
    names = [name for name in plan.all_views if views is None or name in views]
    if views is None:
        problems += _orphans(folder, plan)
    with PinnedProject(plan, {} if recorded is None else recorded.sizes) as pinned:
        comparison = _Comparison(pinned, folder, level or golden.level)
        return Check(
            level=level or golden.level,
            views=tuple(comparison.view(name) for name in names),
            settings=() if recorded is None else tuple(_settings(recorded, pinned.settings)),
            problems=tuple(problems),
            notes=() if recorded is None else tuple(_notes(recorded, plan)),
        )


def read_recorded(golden: Golden) -> tuple[Surroundings | None, GoldenError | None]:
    """The project's golden file, or why there is none."""
    folder = GoldenFolder(golden.folder)
    try:
        text = folder.read(folder.surroundings)
        if text is not None:
            return read_surroundings(text, folder.surroundings), None
    except GoldenError as error:
        return None, error
    if not folder.views():
        missing = "the project has no golden plans yet"
        return None, GoldenError(str(folder.root), missing, "Write them: dfplan golden update")
    return None, GoldenError(
        str(folder.surroundings),
        "it is missing, and with it the columns and sizes that the golden plans were made with",
        "Restore the file from version control, or write all golden plans with the sizes that tables have "
        "now: dfplan golden update",
    )


def planned_offline(
    project: Project, recorded: Surroundings | None, problem: GoldenError | None
) -> ProjectPlan:
    """The project planned, with recorded columns for sources that have no files here.

    Where a source is missing and the columns that were recorded cannot be read, that is the error.
    """
    try:
        return plan_remembered(
            with_recorded_columns(project, {} if recorded is None else recorded.sources), keep=False
        )
    except SourceError as error:
        if problem is not None and recorded is None and GoldenFolder(project.golden_plans.folder).views():
            raise problem from error
        raise


class _Comparison:
    """The views of one project against their golden files at one level."""

    def __init__(self, pinned: PinnedProject, folder: GoldenFolder, level: Level) -> None:
        self._pinned = pinned
        self._plan = pinned.plan
        self._folder = folder
        self._level = level

    def view(self, view: str) -> ViewCheck:
        """What became of a view's golden plan."""
        unplanned = self._plan.unplanned.get(view)
        if unplanned is not None:
            return _problem(view, unplanned.error)
        try:
            golden = self._read(view)
            after = self._physical(view, golden)
        except (GoldenError, PlanningError, ExecutionError) as error:
            return _problem(view, error)
        before = golden.facts
        if self._level == "meaning":
            before = replace(before, physical_plan=None, identity=without_physical(before.identity))
        found = self._plan.views[view]
        same_text = before.sql == found.view.sql and before.schema.equals(found.schema)
        if same_text and before.identity == after.identity:
            return ViewCheck(view, "same", "identical", (), (), None, None)
        return self._compared(before, self._facts(view, after))

    def _read(self, view: str) -> GoldenPlan:
        file, review = self._folder.complete(view), self._folder.review(view)
        texts = [self._folder.read(each) for each in (file, review)]
        if texts == [None, None]:
            where = self._plan.project.views[view].where
            raise GoldenError(where, "it has no golden plan", f"Write it: dfplan golden update {view}")
        for each, text in zip((file, review), texts, strict=True):
            if text is None:
                raise GoldenError(str(each), "it is missing", restoring(view))
        golden = read_golden(texts[0] or "", file, view)
        if text_sha256(texts[1] or "") != golden.review_sha256:
            raise GoldenError(
                str(review),
                "it is not the file that was written: cut short, changed by hand or of another version",
                restoring(view),
            )
        return golden

    def _physical(self, view: str, golden: GoldenPlan) -> PinnedPlan:
        if self._level == "meaning":
            return PinnedPlan(self._pinned.identity(view), None)
        if golden.physical_inputs == self._pinned.physical_inputs(view):
            return self._pinned.with_plan(view, golden.facts.physical_plan or "")
        return self._pinned.physical(view)

    def _facts(self, view: str, pinned: PinnedPlan) -> PlanFacts:
        facts = facts_of_plan(self._plan, view, self._environment)
        return replace(facts, identity=pinned.identity, physical_plan=pinned.physical_plan)

    @cached_property
    def _environment(self) -> tuple[EnvironmentPart, ...]:
        return capture_environment(self._plan)

    def _compared(self, before: PlanFacts, after: PlanFacts) -> ViewCheck:
        found = difference(before, after)
        kind = _kind(found, before, after)
        untouched = kind == "engine" and found.changed_parts == ("engine",)
        if untouched or kind in HARMLESS[self._level]:
            return ViewCheck(after.view, "same", kind, found.causes, (), found, None)
        downstream = reached_views(self._plan, after.view, found.changed_columns)
        return ViewCheck(after.view, "drift", kind, found.causes, downstream, found, None)


def _kind(found: PlanDifference, before: PlanFacts, after: PlanFacts) -> GoldenKind:
    """The kind of a difference, ``engine`` where another release of DataFusion alone made it."""
    parts = {*found.changed_parts}
    if "engine" in parts and parts <= _ENGINE_PARTS and words_of(before.sql) == words_of(after.sql):
        return "engine"
    return found.kind


def _problem(view: str, error: DfplanError) -> ViewCheck:
    return ViewCheck(view, "problem", None, (), (), None, error)


def _orphans(folder: GoldenFolder, plan: ProjectPlan) -> Iterator[GoldenError]:
    for view in folder.views():
        if view not in plan.project.views:
            yield GoldenError(
                str(folder.root / view),
                f"it is the golden plan of a view that the project does not have: {view}",
                "Remove it together with others like it: dfplan golden update",
            )


def _settings(recorded: Surroundings, settings: Mapping[str, str | None]) -> Iterator[str]:
    """What is set otherwise than when the golden files were written."""
    if recorded.engine != engine_version():
        yield f"DataFusion {recorded.engine} → {engine_version()}"
    for name in sorted(recorded.settings.keys() & settings.keys()):
        if recorded.settings[name] != settings[name] and not name.startswith(_SHOWING):
            yield f"setting {name}: {_shown(recorded.settings[name])} → {_shown(settings[name])}"


def _shown(value: str | None) -> str:
    return "not set" if value is None else value


def _notes(recorded: Surroundings, plan: ProjectPlan) -> Iterator[str]:
    """Where sources have other columns than when the golden files were written."""
    for name, schema in plan.source_schemas.items():
        before = recorded.sources.get(name)
        if before is None:
            yield f"source {name} is not in the project's golden file yet"
            continue
        old, new = ({field.name: str(field.type) for field in each} for each in (before, schema))
        changes = [
            f"{column} {old.get(column, 'absent')} → {new.get(column, 'absent')}"
            for column in {**old, **new}
            if old.get(column) != new.get(column)
        ]
        if changes:
            yield f"source {name} has other columns now: {', '.join(changes)}"
