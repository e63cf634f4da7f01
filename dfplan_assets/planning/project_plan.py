"""Planning a whole project: every view once, upstream first, against stand-in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import rustworkx
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import CycleError, ProjectError, UnreadableSourceError
from dfplan_assets.planning.bundle import ProjectPlan, UnplannedView, ViewPlan
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.functions import engine_functions
from dfplan_assets.planning.guard import plan_query, plan_template, referenced_names
from dfplan_assets.planning.identity import identify
from dfplan_assets.planning.inlining import inlined_schema
from dfplan_assets.planning.lineage.view_lineage import view_lineage
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.session import analysis_context, planning_context
from dfplan_assets.planning.sources import source_schema
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.model import Project, View


def plan_project(project: Project) -> ProjectPlan:
    """Plans all views of a project; no data is read but the footers or first rows of sources.

    Raises the InputError of the first view that cannot be planned, upstream first, and CycleError
    for views that depend on each other in a circle. Views over a source whose files are damaged are
    ``unplanned``.
    """
    if project.extends:  # rather than planning as if the modules had been loaded
        raise ProjectError(
            f"{project.root / 'dfplan.yaml'}: extends",
            f"modules that register functions ({', '.join(project.extends)}) are not loaded by this version",
            "Remove the key, and write what the functions do in SQL.",
        )
    catalog = RecordingCatalog()
    ctx = planning_context(project.engine)
    catalog.install(ctx)
    analysis = analysis_context(project.engine)
    references = {name: referenced_names(ctx, catalog, view) for name, view in project.views.items()}
    order = _upstream_first(project.views, references)
    known = {*project.views, *project.sources}
    used = {name for names in references.values() for name in names}
    schemas: dict[str, pa.Schema] = {}
    damaged: dict[str, UnreadableSourceError] = {}
    for name, source in project.sources.items():
        if name in used:
            try:
                schemas[name] = source_schema(source)
            except UnreadableSourceError as error:
                damaged[name] = error
            else:
                catalog.add(name, schemas[name])
    plans: dict[str, ViewPlan] = {}
    unplanned: dict[str, UnplannedView] = {}
    for name in order:
        view = project.views[name]
        cause = next((damaged[table] for table in sorted(references[name]) if table in damaged), None)
        if cause is not None:
            unplanned[name] = UnplannedView(view, tuple(sorted(references[name] & known)), cause)
            damaged[name] = cause
            continue
        plans[name] = _plan_view(ctx, analysis, catalog, project, view, schemas, plans)
        schemas[name] = plans[name].schema
        catalog.add(name, schemas[name])
    sources = {name: schema for name, schema in schemas.items() if name in project.sources}
    return ProjectPlan(project, plans, sources, unplanned)


def _plan_view(
    ctx: SessionContext,
    analysis: SessionContext,
    catalog: RecordingCatalog,
    project: Project,
    view: View,
    schemas: Mapping[str, pa.Schema],
    upstream: Mapping[str, ViewPlan],
) -> ViewPlan:
    catalog.take_record()
    params = project.params_of(view)
    frame = plan_query(ctx, view, params, (*project.views, *project.sources))
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
        functions=engine_functions(),
        settings=project.engine.settings,
        inlined={
            table: upstream[table].identity
            for table in lineage.tables
            if table in upstream and upstream[table].view.is_virtual
        },
    )
    published = published_schema(analysed_schema(analysis, frame))
    return ViewPlan(
        view=view,
        lineage=lineage,
        schema=inlined_schema(published, frame) if view.is_virtual else published,
        logical_plan=hide(frame.logical_plan().display_indent()),
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
