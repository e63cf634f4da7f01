"""Running a view publishes its result and keeps what the run cost."""

from __future__ import annotations

import datetime
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datafusion import SessionContext, udf

from dfplan_assets.errors import ExecutionError, SourceError
from dfplan_assets.execution.analysis import walk
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets_tests.execution.projects import parquet, plan_project, run, staged, with_text


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """1,000 rows: n counts from 0, tenth is n % 10."""
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": range(1000), "tenth": [n % 10 for n in range(1000)]}), path)
    return path


def test_a_view_is_published_whole_with_its_rows_and_bytes(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(
        tmp_path,
        {"sums": "select tenth, sum(n) as total from numbers group by tenth"},
        {"numbers": parquet("numbers", numbers)},
    )
    made = run(plan)
    publication = Warehouse.of(plan.project).current("sums")
    assert publication == made.publication
    [file] = made.publication.files
    assert made.publication.rows == 10
    assert made.publication.bytes == Path(file).stat().st_size
    totals = pd.read_parquet(file).set_index("tenth")["total"].to_dict()
    assert totals == {tenth: sum(range(tenth, 1000, 10)) for tenth in range(10)}
    assert staged(tmp_path / "warehouse") == []


def test_the_profile_tells_when_and_how_long(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select * from numbers"}, {"numbers": parquet("numbers", numbers)})
    before = datetime.datetime.now(datetime.timezone.utc)
    made = run(plan)
    after = datetime.datetime.now(datetime.timezone.utc)
    assert made.profile.view == "v"
    assert before <= made.profile.started_at <= made.publication.published_at <= after
    assert made.profile.started_at.tzinfo is datetime.timezone.utc
    assert made.profile.wall_seconds > 0
    assert made.profile.cpu_seconds > 0
    assert (made.profile.output_rows, made.profile.output_bytes) == (1000, made.publication.bytes)
    assert made.profile.root.name == "DataSinkExec"
    assert "DataSourceExec" in made.bundle.physical_plan


def test_views_read_what_the_views_upstream_published(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(
        tmp_path,
        {
            "even": "select n from numbers where n % 2 = 0",
            "marts.summary": "select count(*) as rows, max(n) as biggest from even",
            "top": "select biggest from marts.summary",
        },
        {"numbers": parquet("numbers", numbers)},
    )
    made = run(plan)
    assert pq.read_table(made.publication.files[0]).to_pylist() == [{"biggest": 998}]
    summary = Warehouse.of(plan.project).current("marts.summary")
    assert summary is not None
    assert pq.read_table(summary.files[0]).to_pylist() == [{"rows": 500, "biggest": 998}]


def test_a_view_reads_the_results_there_were_when_it_started(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"up": "select 1 as a", "down": "select a from up"})
    run(plan, "up")
    warehouse = Warehouse.of(plan.project)
    inputs = Inputs.take(plan, "down", warehouse)
    run(plan_project(tmp_path, {"up": "select 2 as a"}))
    ctx = SessionContext()
    inputs.register(ctx)
    assert ctx.sql("select a from up").to_pydict() == {"a": [1]}


def test_the_order_of_a_view_is_kept(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(
        tmp_path,
        {"v": "select n, tenth from numbers order by tenth desc, n"},
        {"numbers": parquet("numbers", numbers)},
    )
    written = pq.read_table(run(plan).publication.files[0])
    keys = list(zip(written["tenth"].to_pylist(), written["n"].to_pylist(), strict=True))
    assert keys == sorted(keys, key=lambda key: (-key[0], key[1]))


def test_parameters_are_bound_as_values(tmp_path: Path) -> None:
    plan = plan_project(
        tmp_path,
        {"v": "select $name as name, $day as day"},
        params={"name": "o'; drop", "day": datetime.date(2026, 1, 2)},
    )
    assert pq.read_table(run(plan).publication.files[0]).to_pylist() == [
        {"name": "o'; drop", "day": datetime.date(2026, 1, 2)}
    ]


def test_an_empty_result_publishes_its_columns(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(
        tmp_path,
        {
            "none": "select n, cast(n as varchar) as name from numbers where n < 0",
            "after": "select count(*) as rows from none",
        },
        {"numbers": parquet("numbers", numbers)},
    )
    empty = run(plan, "none").publication
    assert empty.rows == 0
    assert list(pd.read_parquet(empty.files[0]).columns) == ["n", "name"]
    assert pq.read_table(run(plan, "after").publication.files[0]).to_pylist() == [{"rows": 0}]


def test_a_view_runs_once(tmp_path: Path, numbers: Path) -> None:
    seen: list[int] = []
    lock = threading.Lock()

    def note(values: pa.Array) -> pa.Array:
        with lock:
            seen.extend(values.to_pylist())
        return values

    class WithFunction(Runtime):
        def session(self) -> SessionContext:
            ctx = super().session()
            ctx.register_udf(udf(note, [pa.int64()], pa.int64(), "volatile", name="note"))
            return ctx

    plan = plan_project(tmp_path, {"v": "select n from numbers"}, {"numbers": parquet("numbers", numbers)})
    plan = with_text(plan, "v", "select note(n) as n from numbers")
    made = materialise(plan, "v", Warehouse.of(plan.project), WithFunction(plan.project.engine, None))
    assert made.publication.rows == 1000
    assert sorted(seen) == list(range(1000))


@pytest.mark.parametrize("folder", ["it's [a]* b?", "50%20 #1 é;", "-- {x}"])
def test_any_name_of_the_output_folder_will_do(tmp_path: Path, folder: str) -> None:
    output = tmp_path / folder
    plan = plan_project(tmp_path, {"a": "select 7 as x", "b": "select x from a"}, output=output)
    made = run(plan)
    assert pq.read_table(made.publication.files[0]).to_pylist() == [{"x": 7}]
    assert sorted(path.name for path in output.iterdir()) == [".staging", "a", "b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder]


def test_a_table_that_is_named_but_never_read_needs_no_result(tmp_path: Path) -> None:
    plan = plan_project(
        tmp_path,
        {"up": "select 1 as a", "v": "with unused as (select a from up) select 2 as b"},
    )
    assert run(plan, "v").publication.rows == 1


def test_different_views_run_in_several_threads(tmp_path: Path, numbers: Path) -> None:
    views = {f"v{i}": f"select n, n * {i} as times from numbers where tenth <> {i}" for i in range(8)}
    engine = plan_project(tmp_path, {}).project.engine
    plan = plan_project(
        tmp_path,
        views,
        {"numbers": parquet("numbers", numbers)},
        engine=replace(engine, memory_limit_bytes=2**28),
    )
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime, ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda view: materialise(plan, view, warehouse, runtime), views))
    for i, one in enumerate(made):
        frame = pd.read_parquet(one.publication.files[0])
        assert one.publication.view == f"v{i}"
        assert set(frame["n"]) == {n for n in range(1000) if n % 10 != i}
        assert (frame["times"] == frame["n"] * i).all()
    assert staged(tmp_path / "warehouse") == []


def test_the_same_view_in_several_threads_leaves_whole_results(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(
        tmp_path, {"v": "select * from numbers"}, {"numbers": parquet("numbers", numbers)}, keep_results=20
    )
    warehouse = Warehouse.of(plan.project)
    with open_runtime(plan.project.engine, warehouse) as runtime, ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: materialise(plan, "v", warehouse, runtime).publication, range(12)))
    kept = warehouse.kept("v")
    assert {publication.version for publication in kept} == {publication.version for publication in made}
    assert all(pq.read_table(publication.files[0]).num_rows == 1000 for publication in kept)


def test_a_view_whose_upstream_never_ran_says_what_to_run_first(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"up": "select 1 as a", "down": "select a from up"})
    with pytest.raises(ExecutionError) as raised:
        run(plan, "down")
    assert raised.value.where == f"{tmp_path}/views/down.sql (view down)"
    assert raised.value.cause == "it reads the view up, which has no published result"
    assert raised.value.next_step == "Materialise up first."


def test_a_result_of_an_earlier_form_of_its_view_is_not_read(tmp_path: Path) -> None:
    run(plan_project(tmp_path, {"up": "select 1 as a, 'x' as b"}))
    plan = plan_project(tmp_path, {"up": "select 1.5 as a, 2 as c", "down": "select a, c from up"})
    with pytest.raises(ExecutionError) as raised:
        run(plan, "down")
    assert raised.value.cause == (
        "the published result of up comes from an earlier form of that view: "
        "a: int64 instead of double; c: absent instead of int64; b: string instead of absent"
    )
    assert raised.value.next_step == "Materialise up first."
    run(plan)
    assert Warehouse.of(plan.project).current("down") is not None


@pytest.mark.parametrize(("harm", "cause"), [("removed", "is gone"), ("cut short", "is damaged")])
def test_a_harmed_result_upstream_is_no_empty_table(tmp_path: Path, harm: str, cause: str) -> None:
    plan = plan_project(tmp_path, {"up": "select 1 as a", "down": "select a from up"})
    file = Path(run(plan, "up").publication.files[0])
    if harm == "removed":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ExecutionError) as raised:
        run(plan, "down")
    assert raised.value.cause.startswith(f"the result of up that it reads {cause}: ")
    assert str(file) in raised.value.cause
    assert raised.value.next_step == "Materialise up again, then this view."
    assert Warehouse.of(plan.project).current("down") is None


def test_a_result_upstream_that_goes_while_the_view_runs_is_noticed(tmp_path: Path) -> None:
    plan = plan_project(tmp_path, {"up": "select 1 as a", "down": "select a from up"})
    file = Path(run(plan, "up").publication.files[0])

    class Untidy(Runtime):
        def session(self) -> SessionContext:
            file.unlink()
            return super().session()

    with pytest.raises(ExecutionError, match=r"the result of up that it reads is gone"):
        materialise(plan, "down", Warehouse.of(plan.project), Untidy(plan.project.engine, None))
    assert Warehouse.of(plan.project).current("down") is None


def test_a_missing_source_is_named(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select n from numbers"}, {"numbers": parquet("numbers", numbers)})
    numbers.unlink()
    with pytest.raises(SourceError, match=r"source numbers"):
        run(plan)
    assert Warehouse.of(plan.project).current("v") is None


def test_a_source_that_changed_after_the_project_was_read_is_not_read(tmp_path: Path, numbers: Path) -> None:
    plan = plan_project(tmp_path, {"v": "select n from numbers"}, {"numbers": parquet("numbers", numbers)})
    pq.write_table(pa.table({"n": ["one"], "extra": [1.5]}), numbers)
    with pytest.raises(SourceError) as raised:
        run(plan)
    assert raised.value.where == f"{tmp_path}/views/v.sql (view v)"
    assert raised.value.cause == (
        f"the columns of source numbers ({numbers}) changed after the project was read: "
        "n: string instead of int64; tenth: absent instead of int64; extra: double instead of absent"
    )
    assert Warehouse.of(plan.project).current("v") is None


def test_a_plan_that_datafusion_cannot_draw_runs_and_says_why(tmp_path: Path, numbers: Path) -> None:
    # DataFusion cuts the drawing within a character of three bytes, and panics.
    sql = f"select max(concat(cast(n as varchar), '{'日本語' * 20}')) as place from numbers"
    made = run(plan_project(tmp_path, {"v": sql}, {"numbers": parquet("numbers", numbers)}))
    assert made.publication.rows == 1
    assert made.bundle.tree == ""
    assert (made.bundle.tree_refusal or "").startswith("DataFusion panicked while it drew the plan: ")
    assert "日本語" in made.bundle.physical_plan


@pytest.mark.parametrize("value", ["hunter2 '%s'", 987654321, 0.123456])
def test_secret_values_stand_in_no_plan_and_no_message(
    tmp_path: Path, numbers: Path, value: str | int | float
) -> None:
    sources = {"numbers": parquet("numbers", numbers)}
    sql = "select n from numbers where cast(n as varchar) <> $key"
    secret = frozenset({"key"})
    plan = plan_project(tmp_path, {"v": sql}, sources, params={"key": value}, secret_params=secret)
    made = run(plan)
    texts = [
        made.bundle.physical_plan,
        made.bundle.tree,
        *(operator.display for operator in walk(made.profile.root)),
    ]
    assert not [text for text in texts if str(value) in text]
    assert [text for text in texts if "$key" in text]


def test_a_secret_value_in_an_error_is_hidden(tmp_path: Path, numbers: Path) -> None:
    sources = {"numbers": parquet("numbers", numbers)}
    sql = "select cast(concat($key, tenth) as bigint) as x from numbers"
    secret = frozenset({"key"})
    plan = plan_project(tmp_path, {"v": sql}, sources, params={"key": "hunter2"}, secret_params=secret)
    with pytest.raises(ExecutionError) as raised:
        run(plan)
    assert "Cannot cast string '$key" in raised.value.cause
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))
