"""Small planned projects, made without a project folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from datafusion import SessionContext

from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.lineage.model import Lineage
from dfplan_assets.planning.session import planning_context
from dfplan_assets.planning.sources import source_schema
from dfplan_assets.project.model import Engine, ParameterValue, Planning, Project, Source, View


def parquet(name: str, path: Path) -> Source:
    return Source(name=name, path=str(path), format="parquet", options={}, columns=None)


def plan_project(
    root: Path,
    views: Mapping[str, str],
    sources: Mapping[str, Source] | None = None,
    *,
    output: Path | None = None,
    keep_results: int = 2,
    params: Mapping[str, ParameterValue] | None = None,
    engine: Engine | None = None,
    unused_tables: Mapping[str, tuple[str, ...]] | None = None,
    prepare: Callable[[SessionContext], None] | None = None,
) -> ProjectPlan:
    """A project of these queries by view name, upstream first, planned over stand-ins.

    Lineage holds the tables alone, less those that ``unused_tables`` names for a view. ``prepare``
    registers functions in the session that plans.
    """
    sources = sources or {}
    declared = {
        name: View(
            name=name,
            path=root / "views" / f"{name}.sql",
            sql=sql,
            group=None,
            description=None,
            owners=(),
            tags={},
            params={},
        )
        for name, sql in views.items()
    }
    project = Project(
        name="test",
        root=root,
        views=declared,
        sources=sources,
        output=str(output or root / "warehouse"),
        keep_results=keep_results,
        store="sqlite://",
        params=params or {},
        secret_params=frozenset(),
        engine=engine or Engine(target_partitions=2, memory_limit_bytes=None, settings={}),
        planning=Planning(substrait="preferred", validate="off", verbose=False),
        extends=(),
    )
    schemas = {name: source_schema(source) for name, source in sources.items()}
    catalog = RecordingCatalog()
    for name, schema in schemas.items():
        catalog.add(name, schema)
    ctx = planning_context(project.engine)
    if prepare is not None:
        prepare(ctx)
    catalog.install(ctx)
    planned = {}
    for name, view in declared.items():
        query = plan_query(ctx, view, project.params_of(view))
        resolved = {table for table, found in catalog.take_record().items() if found}
        unused = (unused_tables or {}).get(name, ())
        lineage = Lineage(
            tables=tuple(sorted(resolved - set(unused))),
            unused_tables=unused,
            columns={},
            required_columns={},
            functions=(),
        )
        planned[name] = ViewPlan(
            view=view,
            lineage=lineage,
            schema=query.schema(),
            logical_plan=query.logical_plan().display_indent(),
        )
        catalog.add(name, query.schema())
    return ProjectPlan(project=project, views=planned, source_schemas=schemas)


def run(plan: ProjectPlan, *views: str) -> Materialisation:
    """Materialise these views in turn, or all; gives what the last one came to."""
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime:
        for view in views or plan.views:
            last = materialise(plan, view, warehouse, runtime)
    return last


def staged(output: Path) -> list[Path]:
    """The places in the staging area, dead or alive."""
    folder = output / ".staging"
    return [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []
