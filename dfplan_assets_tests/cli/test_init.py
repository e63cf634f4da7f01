from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dfplan_assets.project import load_project
from dfplan_assets.project.data_checks import Unique
from dfplan_assets_tests.cli.conftest import Dfplan


def test_a_new_project_runs_at_once_and_passes_its_own_checks(tmp_path: Path, dfplan_json: Any) -> None:
    project = tmp_path / "shop"
    assert len(dfplan_json("init", project)["views"]) == 4
    assert (
        dfplan_json("--project", project, "golden", "check")["verdict"] == "no drift in 4 views (level plan)"
    )
    run = dfplan_json("--project", project, "run")
    assert run["success"]
    assert "failed_checks" not in run
    [file] = dfplan_json("--project", project, "path", "revenue_by_country")["files"]
    # Counted in the CSV file by hand: what was not cancelled and costs at least 10.
    orders = [line.split(",") for line in (project / "data/orders.csv").read_text("utf-8").splitlines()[1:]]
    valid = sum(status != "cancelled" and float(price) >= 10 for _, _, _, status, price in orders)
    assert sum(pq.read_table(file).column("orders").to_pylist()) == valid
    assert Unique(("id",)) in {check.rule for check in load_project(project).views["valid_orders"].checks}
    assert (project / ".gitignore").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, dfplan: Dfplan) -> None:
    (tmp_path / "dfplan.yaml").write_text("name: mine", "utf-8")
    result = dfplan("init", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert (tmp_path / "dfplan.yaml").read_text("utf-8") == "name: mine"


def test_a_folder_whose_name_is_no_name_is_refused(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("init", tmp_path / "a.b.c")
    assert result.exit_code == 2
    assert "cannot be the name of a project" in result.stderr
    assert not (tmp_path / "a.b.c").exists()
