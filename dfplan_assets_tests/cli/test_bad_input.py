"""Every command answers bad input with one message on standard error, exit code 2 and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_project, write_shop


def _refused(dfplan: Dfplan, *arguments: object) -> str:
    result = dfplan(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize("command", [("lineage",), ("plan",), ("run",), ("path", "x")])
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_folder_without_a_project(
    tmp_path: Path, dfplan: Dfplan, command: tuple[str, ...], output: str
) -> None:
    message = _refused(dfplan, "--project", tmp_path, "--format", output, *command)
    assert "dfplan.yaml" in message


@pytest.mark.parametrize("command", ["lineage", "plan", "path"])
def test_a_name_that_is_no_view(tmp_path: Path, dfplan: Dfplan, command: str) -> None:
    message = _refused(dfplan, "--project", write_shop(tmp_path), command, "revenu")
    assert "there is no view revenu" in message
    assert "Did you mean revenue?" in message


@pytest.mark.parametrize("command", ["lineage", "plan", "run"])
@pytest.mark.parametrize(
    ("sql", "causes"),
    [
        ("select * from order_s", ["order_s", "orders"]),
        ("select prize from orders", ["prize", "price"]),
        ("select summ(price) as s from orders", ["summ", "sum"]),
        ("select 1 as a,\n  ) from x", ["line 2, column 3"]),
        ("select * from bad", ["bad", "circle"]),
        ("drop table orders", ["DROP"]),
        ("select 1 as a; select 2 as b", ["more than one statement"]),
        ("select $year as y", ["$year"]),
        ("", ["no query"]),
    ],
)
def test_a_query_that_cannot_be_planned(
    tmp_path: Path, dfplan: Dfplan, command: str, sql: str, causes: list[str]
) -> None:
    message = _refused(dfplan, "--project", write_shop(tmp_path, bad=sql), command)
    for expected in ["bad.sql (view bad)" if "circle" not in causes else "bad", *causes]:
        assert expected in message


def test_bad_input_leaves_results_as_they_were(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path)
    dfplan("--project", shop, "run")
    before = {file: file.stat().st_mtime_ns for file in (shop / "warehouse").rglob("*")}
    (shop / "views" / "bad.sql").write_text("select * from nowhere", encoding="utf-8")
    _refused(dfplan, "--project", shop, "run")
    assert {file: file.stat().st_mtime_ns for file in (shop / "warehouse").rglob("*")} == before


def test_a_missing_source(tmp_path: Path, dfplan: Dfplan) -> None:
    project = write_project(tmp_path, {"v.sql": "select * from t"}, {"t": "data/none.parquet"})
    message = _refused(dfplan, "--project", project, "plan")
    assert "source t" in message
    assert str(tmp_path / "data" / "none.parquet") in message
