"""Everything the report page holds, from the project's plan, its results, its store and its forecast."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from dfplan_assets import __version__
from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.analysis import operator_times
from dfplan_assets.execution.profile import ESTIMATED_ROWS, OperatorProfile, RunProfile
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.source_versions import source_versions
from dfplan_assets.forecast.comparison import is_measured
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.lineage.model import ColumnOrigin, Lineage
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.check_words import rule_in_words
from dfplan_assets.project.front_matter import split_front_matter
from dfplan_assets.project.model import Project, View
from dfplan_assets.scheduling.model import Schedule
from dfplan_assets.scheduling.schedule import Saving
from dfplan_assets.staleness.look import sources_read
from dfplan_assets.staleness.results import results_now
from dfplan_assets.staleness.staleness import Staleness, stale
from dfplan_assets.visual.gantt import gantt
from dfplan_assets.visual.operator_timeline import operator_timeline
from dfplan_assets.visual.plan_picture import plan_picture
from dfplan_assets.visual.report.graph_layout import graph_layout
from dfplan_assets.visual.report.model import (
    Check,
    CheckOutcome,
    Column,
    Detail,
    Expected,
    NextRun,
    Operator,
    PartitionsOfView,
    Report,
    ReportedOutcome,
    ReportedSource,
    ReportedView,
    State,
)
from dfplan_assets.visual.report.packing import packed
from dfplan_assets.visual.report.past import RUNS_SHOWN, Past, PastOfView, moment, total_seconds

MEANING_CHANGED = "its meaning changed"
"""The reason of staleness of which the words of a difference say more."""

_DISPLAY_CHARACTERS = 600
_STALE_PARTITIONS_SHOWN = 30
_USER_OF_URL = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True)
class Standing:
    """The last results of views, and why these are stale; ``problem`` is why that is not known."""

    results: Mapping[str, Publication | None]
    staleness: Mapping[str, Staleness]
    problem: str | None = None

    @property
    def changed(self) -> tuple[str, ...]:
        """The views whose query means something else than when they ran."""
        return tuple(view for view, each in self.staleness.items() if MEANING_CHANGED in each.own)


def standing_now(plan: ProjectPlan) -> Standing:
    """How the views stand at this moment: reads manifests, file stats and footers."""
    try:
        results = results_now(plan)
    except ExecutionError as error:
        return Standing(
            {}, {}, f"What is stale is not known: {error.where}: {error.cause}. {error.next_step}"
        )
    return Standing(results.whole, stale(plan, results, source_versions(plan.project, sources_read(plan))))


def collect(
    plan: ProjectPlan,
    standing: Standing,
    why_changed: Mapping[str, Sequence[str]],
    past: Past,
    outcomes: Mapping[tuple[str, str], CheckOutcome],
    expected: Schedule,
    saved: Sequence[Saving],
    notes: Sequence[str],
    made_at: datetime,
) -> Report:
    """The report of a project.

    ``why_changed`` says in words what changed of ``standing.changed``; ``outcomes`` are those of checks made
    before, by view and name; ``expected`` is the schedule of all
    views, ``saved`` what shortening them would save; ``notes`` are what else the reader must know.
    """
    views = _Views(plan, standing, why_changed, past, outcomes, _expected(expected, saved))
    tables = {table for view in plan.all_views for table in plan.tables_of(view)}
    sources = [name for name in plan.project.sources if name in tables]
    return Report(
        project=plan.project.name,
        made_at=moment(made_at),
        version=__version__,
        notes=(*notes, *([standing.problem] if standing.problem else [])),
        work_seconds=total_seconds(past.views.values()),
        runs_shown=RUNS_SHOWN,
        views=tuple(views.reported(name) for name in plan.all_views),
        sources=tuple(_source(plan, name) for name in plan.project.sources),
        graph=graph_layout(
            {**dict.fromkeys(sources, ()), **{name: plan.tables_of(name) for name in plan.all_views}},
            {name: view.group or "" for name, view in plan.project.views.items()},
        ),
        last_run=past.last_run(),
        next_run=_next_run(expected) if expected.ranked else None,
    )


def _next_run(expected: Schedule) -> NextRun:
    return NextRun(
        measured=is_measured(expected),
        workers=expected.workers,
        predicted_seconds=expected.timeline.makespan_seconds,
        lower_bound_seconds=expected.timeline.lower_bound_seconds,
        critical_path=expected.critical_path,
        critical_path_seconds=max(rank.bottom_level_seconds for rank in expected.ranked),
        notes=expected.reasons,
        timeline=gantt(expected),
    )


def _expected(expected: Schedule, saved: Sequence[Saving]) -> dict[str, Expected]:
    slots = {slot.name: slot for slot in expected.timeline.slots}
    saving = {row.name: row.makespan_seconds for row in saved}
    return {
        (name := rank.task.name): Expected(
            priority=rank.priority,
            seconds=rank.estimate.seconds,
            low_seconds=rank.estimate.low_seconds,
            high_seconds=rank.estimate.high_seconds,
            kind=rank.estimate.kind,
            source=rank.estimate.source,
            reason=rank.reason,
            bottom_level_seconds=rank.bottom_level_seconds,
            slack_seconds=rank.slack_seconds,
            critical=rank.critical,
            saves_seconds=saving.get(name),
            start_seconds=slots[name].start_seconds,
            end_seconds=slots[name].end_seconds,
        )
        for rank in expected.ranked
    }


class _Views:
    """Views as the page has them."""

    def __init__(
        self,
        plan: ProjectPlan,
        standing: Standing,
        why_changed: Mapping[str, Sequence[str]],
        past: Past,
        outcomes: Mapping[tuple[str, str], CheckOutcome],
        expected: Mapping[str, Expected],
    ) -> None:
        self._plan = plan
        self._standing = standing
        self._why_changed = why_changed
        self._past = past
        self._outcomes = outcomes
        self._expected = expected
        self._compared = past.compared()

    def reported(self, name: str) -> ReportedView:
        """A view as the page has it."""
        plan, view = self._plan, self._plan.project.views[name]
        planned = plan.views.get(name)
        past = self._past.of(name)
        result = self._standing.results.get(name)
        state, because = self._state(name, past)
        hide = self._hider(view)
        shown = self._shower(hide)
        decided_by, columns = ((), ()) if planned is None else _columns(planned.schema, planned.lineage)
        return ReportedView(
            name=name,
            group=view.group or "",
            description=view.description or "",
            owners=view.owners,
            tags=tuple(view.tags.items()),
            file=_inside(plan.project, str(view.path)),
            state=state,
            because=tuple(map(shown, because)),
            slower=past.slower,
            partitions=self._partitions(view, shown),
            reads=plan.tables_of(name),
            columns=columns,
            rows_decided_by=decided_by,
            functions=() if planned is None else planned.lineage.functions,
            sql=hide(_query(view)),
            parameters=_parameters(plan.project, view),
            checks=tuple(
                Check(
                    check.name,
                    rule_in_words(check.rule),
                    check.blocking,
                    check.severity,
                    self._outcome(view, check.name, result, shown),
                )
                for check in view.checks
            ),
            rows=None if result is None else result.rows,
            bytes=None if result is None else result.bytes,
            published_at=None if result is None else moment(result.published_at),
            expected=None if view.is_virtual else self._expected.get(name),
            latest=past.latest(shown),
            measured=past.measured(),
            compared=self._compared.get(name),
            detail=packed(self._detail(name, past, shown)),
        )

    def _state(self, name: str, past: PastOfView) -> tuple[State, tuple[str, ...]]:
        if self._plan.is_virtual(name):
            readers = self._plan.readers_of(name)
            return "inlined", (f"into {', '.join(readers)}" if readers else "no stored view reads it",)
        staleness = self._standing.staleness.get(name)
        if staleness is None:
            return "unknown", ()
        causes = "; ".join(self._why_changed.get(name, ()))
        told = causes not in ("", MEANING_CHANGED)
        because = tuple(
            f"meaning changed: {causes}" if reason == MEANING_CHANGED and told else reason
            for reason in staleness.because
        )
        if name in self._plan.unplanned:
            return "not planned", because
        if not because:
            return "fresh", ()
        if past.runs and past.runs[-1].status == "failed":
            return "failed", (*because, "its last run failed")
        return ("never ran" if self._standing.results.get(name) is None else "stale"), because

    def _outcome(
        self, view: View, check: str, result: Publication | None, shown: Callable[[str], str]
    ) -> ReportedOutcome | None:
        last = self._outcomes.get((view.name, check))
        if last is None:
            return None
        but = None
        if result is None:
            but = "its result is gone"
        elif last.made_at < result.published_at:
            but = "its result is another one now"
        elif last.made_at.timestamp() < view.path.stat().st_mtime:
            but = "its file was changed since"
        return ReportedOutcome(
            outcome=last.outcome,
            said=shown(last.said),
            made_at=moment(last.made_at),
            partition=last.partition,
            but=but,
        )

    def _partitions(self, view: View, shown: Callable[[str], str]) -> PartitionsOfView | None:
        if view.partitions is None:
            return None
        staleness = self._standing.staleness.get(view.name)
        how = None if staleness is None else staleness.partitions
        stale_ones = () if how is None else how.stale
        return PartitionsOfView(
            title=f"{view.partitions.by}, {view.partitions.title}",
            over=0 if how is None else len(how.keys),
            published=0 if how is None else how.published,
            stale=tuple(
                (each.key, shown("; ".join(each.because))) for each in stale_ones[:_STALE_PARTITIONS_SHOWN]
            ),
            stale_count=len(stale_ones),
        )

    def _hider(self, view: View) -> Callable[[str], str]:
        """What is stored may be from when a parameter was not yet secret."""
        if not self._plan.project.secret_params:
            return str
        planned = view.name in self._plan.views
        return hider(self._plan.project, view, self._plan.inlined_into(view.name) if planned else ())

    def _shower(self, hide: Callable[[str], str]) -> Callable[[str], str]:
        """A text without secrets and without the folder in which the project happens to be."""
        root = f"{self._plan.project.root.as_posix()}/"
        # DataFusion names files without their first slash.
        return lambda text: hide(text.replace(root, "").replace(root.lstrip("/"), ""))

    def _detail(self, name: str, past: PastOfView, shown: Callable[[str], str]) -> Detail:
        planned = self._plan.views.get(name)
        run = past.profiled
        profile = None if run is None or run.profile is None else _shown(run.profile, shown)
        return Detail(
            logical_plan="" if planned is None else planned.logical_plan.rstrip(),
            operators=() if profile is None else _operators(profile.root),
            picture=None if profile is None else plan_picture(profile),
            timeline=None if profile is None else operator_timeline(profile),
            runs=past.rows(),
            problem=past.problem,
        )


def _shown(profile: RunProfile, shown: Callable[[str], str]) -> RunProfile:
    return replace(profile, root=_with_displays(profile.root, shown))


def _with_displays(operator: OperatorProfile, shown: Callable[[str], str]) -> OperatorProfile:
    children = tuple(_with_displays(child, shown) for child in operator.children)
    return replace(operator, display=shown(operator.display), children=children)


def _operators(root: OperatorProfile) -> tuple[Operator, ...]:
    return tuple(
        Operator(
            number=each.number,
            depth=each.depth,
            name=each.operator.name,
            display=_cut(each.operator.display),
            rows=each.operator.output_rows,
            estimated_rows=each.operator.metrics.get(ESTIMATED_ROWS),
            seconds=each.exclusive_seconds,
            share=each.share,
            partitions=each.operator.partitions,
            spilled_bytes=each.operator.metrics.get("spilled_bytes", 0),
        )
        for each in operator_times(root)
    )


def _columns(schema: pa.Schema, lineage: Lineage) -> tuple[tuple[tuple[str, str], ...], tuple[Column, ...]]:
    """What decides the rows of all columns, and the columns with what concerns each alone."""
    everywhere = _pairs(lineage.row_origins, "indirect")
    return everywhere, tuple(
        Column(
            name=field.name,
            type=str(field.type),
            nullable=field.nullable,
            values_from=_pairs(lineage.columns[field.name], "direct"),
            decided_by=tuple(
                pair for pair in _pairs(lineage.columns[field.name], "indirect") if pair not in everywhere
            ),
        )
        for field in schema
    )


def _pairs(origins: Collection[ColumnOrigin], kind: str) -> tuple[tuple[str, str], ...]:
    return tuple((origin.table, origin.column) for origin in origins if origin.kind == kind)


def _query(view: View) -> str:
    """The text of a view's file behind its front matter, which the page shows in parts."""
    start = 0 if split_front_matter(view.sql) is None else view.sql.index("*/") + len("*/")
    return view.sql[start:].strip()


def _parameters(project: Project, view: View) -> tuple[tuple[str, str | None], ...]:
    """The parameters that a query names with their values, None for secret ones."""
    values = project.params_of(view)
    return tuple(
        (name, None if name in project.secret_params else str(values[name]))
        for name in parameter_names(view.sql)
        if name in values
    )


def _source(plan: ProjectPlan, name: str) -> ReportedSource:
    source = plan.project.sources[name]
    schema = plan.source_schemas.get(name, source.columns)
    columns = () if schema is None else tuple((field.name, str(field.type)) for field in schema)
    path = _inside(plan.project, source.path)
    return ReportedSource(name, path, source.format, source.asset, columns)


def _inside(project: Project, path: str) -> str:
    """A path as seen from the project's folder where it lies in it; a URL without its user."""
    root = f"{Path(project.root).as_posix()}/"
    return _USER_OF_URL.sub("", path.removeprefix(root))


def _cut(text: str) -> str:
    return text if len(text) <= _DISPLAY_CHARACTERS else text[: _DISPLAY_CHARACTERS - 1] + "…"
