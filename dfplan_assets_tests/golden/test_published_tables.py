from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa

from dfplan_assets.execution.publishing import publish_frame
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.golden.check import check_project, read_recorded
from dfplan_assets.golden.update import update
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_project


def test_a_table_that_a_python_asset_makes_is_recorded_and_not_needed_again(tmp_path: Path) -> None:
    views = {"ranked.sql": "select name from scores order by score desc limit 2"}
    project = load_project(write_project(tmp_path, views, {"scores": {"asset": "scores"}}))
    frame = pa.table({"name": ["a", "b", "c"], "score": [1.0, 2.0, 3.0]})
    publish_frame(frame, project.sources["scores"], Warehouse.of(project))
    assert update(project).written == ("ranked",)
    recorded, problem = read_recorded(project.golden_plans)
    assert problem is None
    assert recorded is not None
    size = recorded.sizes["scores"]
    assert size is not None
    assert (size.files, size.rows) == (1, 3)
    shutil.rmtree(tmp_path / "warehouse")
    found = check_project(project)
    assert [(view.state, view.kind) for view in found.views] == [("same", "identical")]
    assert found.problems == ()
