"""A view that fails while it runs leaves the last result, nothing else, and one clear error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datafusion import ScalarUDF, SessionContext, udf

from dfplan_assets.errors import DfplanError, ExecutionError, SourceError
from dfplan_assets.execution.failures import clean, reporting
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Engine
from dfplan_assets_tests.execution.projects import parquet, plan_project, run, staged, with_text

ROWS = 50_000


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A project's folder where the view v has a good result; whatever fails must leave it so."""
    table = pa.table({"n": range(ROWS), "text": [f"text {n}" for n in range(ROWS)]})
    pq.write_table(table, tmp_path / "numbers.parquet", row_group_size=5000)
    good = run(plan_project(tmp_path, {"v": "select 'good' as state"})).publication
    yield tmp_path
    assert Warehouse(tmp_path / "warehouse", keep_results=2).kept("v") == (good,)
    assert pq.read_table(good.files[0]).to_pylist() == [{"state": "good"}]
    assert staged(tmp_path / "warehouse") == []


def bad_plan(root: Path, sql: str, engine: Engine | None = None) -> ProjectPlan:
    return plan_project(
        root, {"v": sql}, {"numbers": parquet("numbers", root / "numbers.parquet")}, engine=engine
    )


@pytest.mark.parametrize(
    ("sql", "cause", "next_step"),
    [
        pytest.param(
            f"select n, 100 / (n - {ROWS - 5}) as share from numbers",
            "Divide by zero error",
            "Guard the divisor, for example with nullif(divisor, 0).",
            id="division by zero near the end",
        ),
        pytest.param(
            "select n, interval '1 month' as period from numbers",
            "Attempting to write an Arrow interval type MonthDayNano to parquet that is not yet implemented",
            "Parquet cannot hold intervals: cast them to text, or to a number of a fixed unit.",
            id="interval",
        ),
        pytest.param(
            "select n, case when exists (select 1 from numbers m where m.n = numbers.n + 1) then 1 end as x "
            "from numbers",
            "Physical plan does not support logical expression Exists",
            "DataFusion plans this subquery but cannot execute it there: "
            "write it as a join, or put it in WHERE.",
            id="planned but not executable",
        ),
        pytest.param(
            "select (select n from numbers) as x",
            "Scalar subquery returned more than one row",
            "Aggregate the subquery, or end it with LIMIT 1.",
            id="scalar subquery of many rows",
        ),
        pytest.param(
            "select cast(text as bigint) as x from numbers",
            "Cannot cast string 'text ",
            "Use try_cast where a value may not fit, or correct the data.",
            id="cast",
        ),
    ],
)
def test_a_failing_query(root: Path, sql: str, cause: str, next_step: str) -> None:
    with pytest.raises(ExecutionError) as raised:
        run(bad_plan(root, sql))
    assert raised.value.where == f"{root}/views/v.sql (view v)"
    assert cause in raised.value.cause
    assert "error:" not in raised.value.cause
    assert "\n" not in raised.value.cause
    assert raised.value.next_step == next_step


def test_too_little_memory(root: Path) -> None:
    engine = Engine(target_partitions=2, memory_limit_bytes=500_000, settings={})
    with pytest.raises(ExecutionError) as raised:
        run(bad_plan(root, "select a.n, b.text from numbers a join numbers b on a.n = b.n + 1", engine))
    assert "Resources exhausted" in raised.value.cause
    assert "memory_limit" in raised.value.next_step
    assert "target_partitions" in raised.value.next_step


def test_a_corrupt_source_in_the_middle(root: Path) -> None:
    plan = bad_plan(root, "select text from numbers")
    source = root / "numbers.parquet"
    data = bytearray(source.read_bytes())
    data[len(data) // 3 : -len(data) // 3] = b"\xff" * len(data[len(data) // 3 : -len(data) // 3])
    source.write_bytes(data)
    with pytest.raises(ExecutionError) as raised:
        run(plan)
    assert raised.value.next_step == f"Correct the query or the data that it reads: numbers ({source})."


def test_a_source_cut_short(root: Path) -> None:
    plan = bad_plan(root, "select text from numbers")
    source = root / "numbers.parquet"
    source.write_bytes(source.read_bytes()[:-10])
    with pytest.raises((ExecutionError, SourceError)) as raised:
        run(plan)
    assert str(source) in str(raised.value)


def call_datafusion_inside() -> ScalarUDF:
    inner = SessionContext()

    def panic(values: pa.Array) -> pa.Array:
        inner.sql("select 1").collect()
        return values

    return udf(panic, [pa.int64()], pa.int64(), "volatile", name="panic")


def raise_inside() -> ScalarUDF:
    def fail(values: pa.Array) -> pa.Array:
        raise LookupError("no rate for 2026-02-30")

    return udf(fail, [pa.int64()], pa.int64(), "volatile", name="fail")


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (call_datafusion_inside(), "DataFusion panicked: Cannot start a runtime"),
        (raise_inside(), "no rate for 2026-02-30"),
    ],
    ids=["panic", "python error"],
)
def test_a_function_that_fails(root: Path, function: ScalarUDF, cause: str) -> None:
    class WithFunction(Runtime):
        def session(self) -> SessionContext:
            ctx = super().session()
            ctx.register_udf(function)
            return ctx

    plan = with_text(
        bad_plan(root, "select n from numbers"), "v", f"select {function.name}(n) as n from numbers"
    )
    with pytest.raises(ExecutionError) as raised:
        materialise(plan, "v", Warehouse.of(plan.project), WithFunction(plan.project.engine, None))
    assert cause in raised.value.cause


def test_a_disk_that_takes_no_more(root: Path) -> None:
    limited = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from dfplan_assets.errors import ExecutionError\n"
        "from dfplan_assets_tests.execution.test_failures import bad_plan, run\n"
        "plan = bad_plan(Path(sys.argv[1]), 'select random() as x, text from numbers')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    run(plan)\n"
        "except ExecutionError as error:\n"
        "    print(error.cause)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", limited, str(root)], capture_output=True, text=True, check=True
    )
    assert "File too large" in ended.stdout


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("something else")
    with pytest.raises(ExecutionError) as raised:
        run(plan_project(tmp_path, {"v": "select 1 as a"}))
    assert raised.value.where == f"{tmp_path}/warehouse (view v)"
    assert raised.value.cause.startswith("the output folder cannot be written: ")
    assert (tmp_path / "warehouse").read_text() == "something else"


def test_an_output_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something else")
    with pytest.raises(ExecutionError, match="the output folder cannot be written"):
        run(plan_project(tmp_path, {"v": "select 1 as a"}, output=tmp_path / "file" / "warehouse"))


def test_a_file_in_the_place_of_the_views_folder(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "v").write_text("something else")
    with pytest.raises(ExecutionError, match="the output folder cannot be written"):
        run(plan_project(tmp_path, {"v": "select 1 as a"}))
    assert staged(tmp_path / "warehouse") == []


def test_spilling_into_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("something else")
    engine = Engine(target_partitions=1, memory_limit_bytes=10**8, settings={})
    with pytest.raises(ExecutionError, match=r"warehouse \(spilling\): the output folder cannot be written"):
        run(plan_project(tmp_path, {"v": "select 1 as a"}, engine=engine))


def test_an_interruption_is_no_error_of_the_view() -> None:
    with pytest.raises(KeyboardInterrupt), reporting("v.sql (view v)", {}):
        raise KeyboardInterrupt


def test_errors_of_this_package_pass_unchanged() -> None:
    error = DfplanError("here", "cause", "next")
    with pytest.raises(DfplanError) as raised, reporting("v.sql (view v)", {}):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("DataFusion error: Arrow error: Divide by zero error", "Divide by zero error"),
        ("DataFusion error: Parquet error: Parquet error: Corrupt footer", "Corrupt footer"),
        ("Arrow error: Parquet argument error: External: snappy: corrupt input", "snappy: corrupt input"),
        (
            "DataFusion error: Not enough memory.\ncaused by\nResources exhausted: 10.0 MB are missing",
            "Not enough memory; Resources exhausted: 10.0 MB are missing",
        ),
        (
            "Internal error: Something.\nThis issue was likely caused by a bug in DataFusion's code. Please",
            "Internal error: Something",
        ),
        (
            "NYI: Plan does not support logical expression Exists(Exists {\n a })",
            "Plan does not support logical expression Exists",
        ),
    ],
)
def test_causes_are_told_without_the_layers_they_passed(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
