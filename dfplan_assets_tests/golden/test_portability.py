"""Golden plans depend on the project alone: not on cores, folder, data, time zone, locale or moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.update import update
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_shop

COMMAND = "from dfplan_assets.cli import main; main()"
# DataFusion counts cores when a session is made, and Python cannot change what it finds.
WITH_CORES = """
import sys, datafusion
from dfplan_assets.planning import session
made = session._config
def config(engine):
    found = made(engine)
    if engine.target_partitions is None and "datafusion.execution.target_partitions" not in engine.settings:
        found = found.with_target_partitions({cores})
    if "datafusion.execution.planning_concurrency" not in engine.settings:
        found = found.set("datafusion.execution.planning_concurrency", "{cores}")
    return found
session._config = config
"""


def dfplan(folder: Path, *arguments: str, code: str = COMMAND, **environment: str) -> str:
    """A command in a process of its own, after it said that all is well."""
    done = subprocess.run(
        [sys.executable, "-c", code, "--project", str(folder), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    root = folder / "goldens"
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_the_same_golden_files_on_any_number_of_cores(shop: Path, cores: int) -> None:
    before = files(shop)
    code = WITH_CORES.format(cores=cores) + COMMAND
    assert "no drift" in dfplan(shop, "golden", "check", code=code)
    dfplan(shop, "golden", "update", code=code)
    assert files(shop) == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are pinned on Linux only")
def test_the_same_golden_files_on_one_pinned_core(shop: Path) -> None:
    before = files(shop)
    code = f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {COMMAND}"
    dfplan(shop, "golden", "update", code=code)
    assert files(shop) == before


def test_the_same_golden_files_in_another_time_zone_and_locale(shop: Path, tmp_path: Path) -> None:
    before = files(shop)
    temporary = tmp_path / "another place"
    temporary.mkdir()
    environment = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "C", "TMPDIR": str(temporary)}
    assert "no drift" in dfplan(shop, "golden", "check", **environment)
    dfplan(shop, "golden", "update", **environment)
    assert files(shop) == before


def test_the_same_golden_plans_in_another_folder_without_any_data(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "another name"
    shutil.copytree(shop, other, ignore=shutil.ignore_patterns("data", ".dfplan", "warehouse"))
    assert check_project(load_project(other)).exit_code == 0
    assert update(load_project(other)).written == ()


def test_the_same_golden_plans_with_other_data(shop: Path) -> None:
    rows = range(100_000)
    orders = {"id": [*rows], "price": [float(row) for row in rows], "nation_key": [row % 5 for row in rows]}
    pq.write_table(pa.table(orders), shop / "data" / "orders.parquet")
    (shop / "data" / "nation.csv").write_text("key,name\n" + "7,XY\n" * 1000)
    assert check_project(load_project(shop)).exit_code == 0
    assert update(load_project(shop)).written == ()


def test_a_query_that_calls_now_is_the_same_at_any_moment(tmp_path: Path) -> None:
    sql = "select id, now() as at, current_date as day from orders where now() > timestamp '2020-01-01'"
    folder = write_shop(tmp_path, fresh=sql)
    update(load_project(folder))
    before = files(folder)
    assert update(load_project(folder)).written == ()
    assert check_project(load_project(folder)).exit_code == 0
    assert files(folder) == before
    assert "now()" in (folder / "goldens" / "fresh" / "plan.txt").read_text()


def test_no_path_of_the_machine_stands_in_a_golden_file(shop: Path) -> None:
    for name, content in files(shop).items():
        assert b"/tmp" not in content, name
        assert str(shop).encode() not in content, name
        assert b"dfplan-golden-" not in content, name
        assert b"\r" not in content, name


def test_data_of_other_types_is_drift_and_said(shop: Path) -> None:
    orders = {"id": [1, 2], "price": [10, 20], "nation_key": [1, 1]}
    pq.write_table(pa.table(orders), shop / "data" / "orders.parquet")
    found = check_project(load_project(shop))
    assert found.notes == ("source orders has other columns now: price double → int64",)
    causes = {view.view: view.cause for view in found.drifted}
    assert causes["revenue"].startswith("input orders.price: float64 → int64")
    assert set(causes) == {"revenue", "best", "mart.cheap"}


def test_a_column_that_no_view_reads_is_said_and_no_drift(shop: Path) -> None:
    orders = {"id": [1], "price": [10.0], "nation_key": [1], "note": ["new"]}
    pq.write_table(pa.table(orders), shop / "data" / "orders.parquet")
    found = check_project(load_project(shop))
    assert found.notes == ("source orders has other columns now: note absent → string_view",)
    assert found.exit_code == 0
