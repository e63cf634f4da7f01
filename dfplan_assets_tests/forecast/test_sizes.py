from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.execution.profile import known_total
from dfplan_assets.forecast.sizes import TableSizes
from dfplan_assets.project.model import Source
from dfplan_assets_tests.execution.projects import plan_project, run


def test_a_view_is_forecast_by_the_bytes_that_its_run_counts(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    (folder / "deeper").mkdir(parents=True)
    for place in (folder / "a.parquet", folder / "deeper" / "b.parquet", tmp_path / "day_1.parquet"):
        pq.write_table(pa.table({"n": [1, 2]}), place)
    (folder / "notes.txt").write_text("not one of its files", encoding="utf-8")
    sources = {
        "parts": Source("parts", f"{folder}/", "parquet", {}, None),
        "days": Source("days", f"{tmp_path}/day_*.parquet", "parquet", {}, None),
    }
    views = {"a": "select n from parts", "b": "select a.n from a join days on a.n = days.n"}
    plan = plan_project(tmp_path, views, sources)
    counted = {view: known_total(each.bytes for each in run(plan, view).inputs) for view in views}
    assert {"a": TableSizes(plan).total(["parts"]), "b": TableSizes(plan).total(["a", "days"])} == counted
