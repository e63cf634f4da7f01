"""Small planned projects, made without a project folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dfplan_assets.execution.materialise import Materialisation, materialise
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning import project_plan
from dfplan_assets.planning.bundle import ProjectPlan
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
    secret_params: frozenset[str] = frozenset(),
    engine: Engine | None = None,
) -> ProjectPlan:
    """A planned project of these queries by view name, its output in the folder ``warehouse``."""
    project = Project(
        name="test",
        root=root,
        views={
            name: View(name, root / "views" / f"{name}.sql", sql, None, None, (), {}, {})
            for name, sql in views.items()
        },
        sources=sources or {},
        output=str(output or root / "warehouse"),
        keep_results=keep_results,
        store="sqlite://",
        params=params or {},
        secret_params=secret_params,
        engine=engine or Engine(target_partitions=2, memory_limit_bytes=None, settings={}),
        planning=Planning(substrait="preferred", validate="off", verbose=False),
        extends=(),
    )
    return project_plan.plan_project(project)


def with_text(plan: ProjectPlan, view: str, sql: str) -> ProjectPlan:
    """The same plan with another text in a view, for functions that only the running session knows."""
    before = plan.views[view]
    after = replace(before, view=replace(before.view, sql=sql))
    return replace(plan, views={**plan.views, view: after})


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
