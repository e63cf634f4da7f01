"""The demo gives the same results, whichever of its views are stored and whichever are inlined."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse as Results
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Engine, Planning, Project
from dfplan_assets_tests.demo import warehouse
from dfplan_assets_tests.demo.warehouse import Warehouse

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)  # long after the demo's days


def demo_project(data: Path, output: Path, virtual: set[str]) -> Project:
    """The demo over the data in a folder, with these views not stored."""
    project = load_project(warehouse.PROJECT)
    return replace(
        project,
        output=str(output),
        sources={
            name: replace(source, path=source.path.replace(str(project.root), str(data), 1))
            for name, source in project.sources.items()
        },
        views={
            name: replace(view, materialized="view") if name in virtual else view
            for name, view in project.views.items()
        },
        engine=Engine(2, None, {}),
        planning=Planning("preferred", "off", False),
    )


def chosen(demo: Warehouse, share: float) -> set[str]:
    """A random share of the views; all that are read by others where it is 1."""
    if share == 1:
        return set(demo.results) & {table for tables in demo.tables.values() for table in tables}
    choice = random.Random(share)
    partitioned = {view.name for view in warehouse.read_views().values() if view.days}
    return {name for name in sorted(demo.results) if choice.random() < share} - partitioned


@pytest.mark.parametrize("share", [0.3, 0.6, 1])
def test_results_do_not_depend_on_what_is_stored(
    tmp_path: Path, project: Path, demo: Warehouse, share: float
) -> None:
    virtual = chosen(demo, share)
    plan = plan_project(demo_project(project, tmp_path / "warehouse", virtual))
    results = Results.of(plan.project)
    environment = capture_environment(plan)
    with open_runtime(plan.project.engine, results) as runtime:
        for name in plan.views:
            if name not in virtual:
                partitions = plan.project.views[name].partitions
                keys = [None] if partitions is None else partitions.keys(NOW)
                made = [
                    materialise(plan, name, results, runtime, environment, partition_key=key) for key in keys
                ]
                files = [file for done in made for file in done.publication.files]
                found = pq.read_table(files).to_pylist()
                assert sorted(map(repr, found)) == sorted(map(repr, demo.rows(name))), name
