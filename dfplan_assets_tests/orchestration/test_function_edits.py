"""A process that serves definitions, and the functions of a project that are edited meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.errors import ProjectError
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk, graph_moved
from dfplan_assets_tests.small_projects import plan_of, write_project

MODULE = """
import pyarrow as pa
import pyarrow.compute as pc
from datafusion import udf

@udf([pa.float64()], pa.float64(), "immutable")
def vat(price):
    return pc.multiply(price, 0.2)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "f.py").write_text(MODULE)
    columns = {"id": "int64", "price": "float64"}
    return write_project(
        tmp_path,
        {"taxed.sql": "select vat(price) as tax from sales", "plain.sql": "select id from sales"},
        {"sales": {"path": "sales.csv", "columns": columns}},
        extends=["f"],
    )


def test_an_edited_function_is_seen_by_a_process_that_loaded_the_one_before(shop: Path) -> None:
    loaded, on_disk = plan_of(shop), ProjectOnDisk(shop)
    assert on_disk.plan().views == loaded.views
    (shop / "f.py").write_text(MODULE.replace("0.2", "0.3"))
    current = on_disk.plan()
    changed = [name for name, view in current.views.items() if view.identity != loaded.views[name].identity]
    assert changed == ["taxed"]
    assert graph_moved(loaded, current) is None
    assert loaded.functions.by_name["vat"] != current.functions.by_name["vat"]


def test_a_module_that_is_broken_for_a_moment_is_an_error_for_that_moment(shop: Path) -> None:
    on_disk = ProjectOnDisk(shop)
    before = on_disk.plan()
    (shop / "f.py").write_text("import\n")
    with pytest.raises(ProjectError, match=r"f\.py, line 1"):
        on_disk.plan()
    (shop / "f.py").write_text(MODULE)
    assert on_disk.plan().views == before.views
