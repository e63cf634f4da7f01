"""Planning a whole project: every view once, upstream first, against stand-in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import pyarrow as pa
import rustworkx
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import CycleError, InputError, UnreadableSourceError
from dfplan_assets.planning.bundle import Identity, ProjectPlan, UnplannedView, ViewPlan
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.function_collection import user_functions
from dfplan_assets.planning.functions import FunctionFacts, engine_functions, facts_of
from dfplan_assets.planning.guard import plan_query, plan_template, referenced_names
from dfplan_assets.planning.identity import identify
from dfplan_assets.planning.inlining import inlined_schema
from dfplan_assets.planning.known_plans import KnownPlan, KnownPlans, NoKnownPlans, names_key, plan_key
from dfplan_assets.planning.lineage.view_lineage import view_lineage
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.partitions import (
    check_mappings,
    check_partition_column,
    partition_hider,
    with_sample,
)
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.session import analysis_context, planning_context
from dfplan_assets.planning.sources import source_schema
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.planning.user_functions import UserFunctions
from dfplan_assets.project.model import Project, View


def plan_project(
    project: Project, known: KnownPlans | None = None, *, keep_going: bool = False
) -> ProjectPlan:
    """Plans all views of a project; no data is read but the footers or first rows of sources.

    A view of which ``known`` has a plan that nothing has changed since is not planned again.

    Raises the InputError of the first view that cannot be planned, upstream first, and CycleError
    for views that depend on each other in a circle. Views over a source whose files are damaged are
    ``unplanned``; with ``keep_going`` all views are that cannot be planned.
    """
    functions = user_functions(project)
    planner = _Planner(project, known or NoKnownPlans(), functions)
    failed: dict[str, InputError] = {}
    references: dict[str, frozenset[str]] = {}
    for name, view in project.views.items():
        try:
            references[name] = planner.references(view)
        except InputError as error:
            if not keep_going:
                raise
            references[name], failed[name] = frozenset(), error
    order = _upstream_first(project.views, references)
    exists = {*project.views, *project.sources}
    used = {name for names in references.values() for name in names}
    schemas: dict[str, pa.Schema] = {}
    for name, source in project.sources.items():
        if name in used:
            try:
                schemas[name] = source_schema(source)
            except InputError as error:
                if not (keep_going or isinstance(error, UnreadableSourceError)):
                    raise
                failed[name] = error
    plans: dict[str, ViewPlan] = {}
    unplanned: dict[str, UnplannedView] = {}
    for name in order:
        view = project.views[name]
        cause = next((failed[table] for table in (name, *sorted(references[name])) if table in failed), None)
        if cause is None:
            try:
                plans[name] = planner.plan(view, references[name], schemas, plans)
                schemas[name] = plans[name].schema
                continue
            except InputError as error:
                if not keep_going:
                    raise
                cause = error
        unplanned[name] = UnplannedView(view, tuple(sorted(references[name] & exists)), cause)
        failed[name] = cause
    sources = {name: schema for name, schema in schemas.items() if name in project.sources}
    planned = ProjectPlan(project, plans, sources, unplanned, functions)
    check_mappings(planned)
    return planned


class _Planner:
    """Plans the views of one project, those that are not known; opens no session before it needs one."""

    def __init__(self, project: Project, known: KnownPlans, functions: UserFunctions) -> None:
        self._project = project
        self._known = known
        self._functions = functions

    def references(self, view: View) -> frozenset[str]:
        """All table names that a view's text resolves, whether or not such tables exist."""
        known = self._known.get(view.name)
        if known is not None and known.names_key == names_key(self._project.engine, view):
            return known.names
        ctx, catalog = self._naming
        return referenced_names(ctx, catalog, view)

    def plan(
        self,
        view: View,
        names: frozenset[str],
        schemas: Mapping[str, pa.Schema],
        upstream: Mapping[str, ViewPlan],
    ) -> ViewPlan:
        """The plan of a view that resolves ``names``, all that it reads planned before it."""
        project = self._project
        found = {name: schemas[name] for name in sorted(names) if name in schemas}
        inlined = {
            name: upstream[name].identity
            for name in found
            if name in upstream and upstream[name].view.is_virtual
        }
        known = self._known.get(view.name)
        called = () if known is None else self._functions.called(known.lineage.functions)
        if known is None or known.plan_key != plan_key(project, view, found, inlined, called):
            made = self._plan(view, found, inlined)
            called = self._functions.called(made.lineage.functions)
            known = KnownPlan(
                names_key(project.engine, view),
                names,
                plan_key(project, view, found, inlined, called),
                made.lineage,
                made.schema,
                made.logical_plan,
                made.identity,
            )
            self._known.put(view.name, known)
        return ViewPlan(
            with_sample(view, known.schema), known.lineage, known.schema, known.logical_plan, known.identity
        )

    @cached_property
    def _naming(self) -> tuple[SessionContext, RecordingCatalog]:
        """A session over an empty catalog."""
        return self._session()

    @cached_property
    def _planning(self) -> tuple[SessionContext, RecordingCatalog]:
        """A session over a catalog that gets the tables which a view names before it is planned."""
        return self._session()

    @cached_property
    def _facts(self) -> Mapping[str, FunctionFacts]:
        return {**engine_functions(), **{each.name: facts_of(each) for each in self._functions}}

    @cached_property
    def _analysis(self) -> SessionContext:
        return analysis_context(self._project.engine)

    def _session(self) -> tuple[SessionContext, RecordingCatalog]:
        catalog = RecordingCatalog()
        ctx = planning_context(self._project.engine, self._functions)
        catalog.install(ctx)
        return ctx, catalog

    def _plan(
        self, view: View, schemas: Mapping[str, pa.Schema], inlined: Mapping[str, Identity]
    ) -> ViewPlan:
        project = self._project
        ctx, catalog = self._planning
        for table in schemas.keys() - catalog.names():
            catalog.add(table, schemas[table])
        catalog.take_record()
        tables = (*project.views, *project.sources)
        if view.partitions is not None:
            view = with_sample(view, plan_template(ctx, view, tables, self._functions).schema())
        params = project.params_of(view)
        frame = plan_query(ctx, view, params, tables, self._functions)
        resolved = catalog.take_record()
        found = {table: schemas[table] for table, exists in resolved.items() if exists}
        hide = hider(project, view)
        lineage = view_lineage(frame, view, params, resolved, found, hide)
        identity = identify(
            plan_template(ctx, view) if parameter_names(view.sql) else frame,
            view.sql,
            params=params,
            lineage=lineage,
            schemas=found,
            functions=self._facts,
            settings=project.engine.settings,
            inlined={table: inlined[table] for table in lineage.tables if table in inlined},
            partitions=view.partitions,
        )
        published = published_schema(analysed_schema(self._analysis, frame))
        check_partition_column(view, published)
        show = partition_hider(view)
        return ViewPlan(
            view=view,
            lineage=lineage,
            schema=inlined_schema(published, frame) if view.is_virtual else published,
            logical_plan=show(hide(frame.logical_plan().display_indent())),
            identity=identity,
        )


def analysed_schema(analysis: SessionContext, frame: DataFrame) -> pa.Schema:
    """The types that a query's result has when it runs.

    The plan as written does not have them all: the union of a decimal and an integer gets its type
    when the plan is analysed. A plan that the analyser refuses cannot run, and says so when it does.
    """
    plan = frame.logical_plan()
    try:
        plan = analysis.create_dataframe_from_logical_plan(plan).optimized_logical_plan()
    except BaseException as cause:
        raise_unless_datafusion(cause)
    schema: pa.Schema = analysis.create_dataframe_from_logical_plan(plan).schema()
    return schema


def published_schema(schema: pa.Schema) -> pa.Schema:
    """The schema that a result has once it is written to Parquet and read by DataFusion.

    Strings and binaries come back as views; all else that Parquet can hold stays.
    """
    return pa.schema([field.with_type(_read_back(field.type)) for field in schema])


def _read_back(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string_view()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.binary_view()
    return kind


def _upstream_first(views: Iterable[str], references: Mapping[str, frozenset[str]]) -> list[str]:
    """The views in an order in which each comes after those it names; ties by name."""
    graph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()
    index = {name: graph.add_node(name) for name in sorted(views)}
    for name in sorted(index):
        for upstream in sorted(references[name] & index.keys()):
            graph.add_edge(index[upstream], index[name], None)
    cycle = rustworkx.digraph_find_cycle(graph)
    if cycle:
        names = [graph[start] for start, _ in cycle]
        # Edges run from upstream to downstream; people read "a view names the next one".
        circle = [names[0], *reversed(names)]
        raise CycleError(
            f"view {circle[0]}",
            f"views depend on each other in a circle: {' -> '.join(circle)}",
            "Take one of these references out.",
        )
    return list(rustworkx.lexicographical_topological_sort(graph, key=lambda name: name))
