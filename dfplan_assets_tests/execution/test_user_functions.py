"""Views that call functions of the project, run: results, Substrait, and functions that fail."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datafusion import SessionContext

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.sessions import register_tables
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets_tests.execution.projects import run
from dfplan_assets_tests.small_projects import plan_of, write_project

MODULE = """
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from datafusion import Accumulator, udaf, udf, udtf, udwf
from datafusion.catalog import Table
from datafusion.user_defined import WindowEvaluator

F = pa.float64()

@udf([F], F, "immutable")
def twice(x):
    import helper
    return pc.multiply(x, helper.factor)

class Total(Accumulator):
    def __init__(self): self.total = 0.0
    def state(self): return [pa.scalar(self.total)]
    def update(self, values): self.total += pc.sum(values).as_py() or 0.0
    def merge(self, states): self.update(states[0])
    def evaluate(self): return pa.scalar(self.total)

total = udaf(Total, F, F, [F], "immutable", "total")

class Number(WindowEvaluator):
    def evaluate_all(self, values, num_rows):
        return pa.array([float(i) for i in range(num_rows)])

number = udwf(Number, F, F, "immutable", "number")

def days(last, name):
    table = pa.table({"day": list(range(1, last.python_value() + 1))})
    return Table(ds.dataset(table))

udtf_days = udtf(days, "days")
"""
# What a view computes over prices 1 to 4, worked out by hand.
VIEWS = {
    "scalar": ("select twice(price) as x from sales where twice(price) > 4 order by 1", [6.0, 8.0]),
    "folded": ("select twice(21.0) as x", [42.0]),
    "aggregate": ("select total(price) filter (where price > 1) as x from sales", [9.0]),
    "grouped": ("select total(twice(price)) as x from sales group by price > 2 order by 1", [6.0, 14.0]),
    "window": (
        "select number(price) over (order by price desc) as x from sales order by price",
        [3, 2, 1, 0],
    ),
    "running": (
        "select total(price) over (order by price) as x from sales order by 1",
        [1.0, 3.0, 6.0, 10.0],
    ),
    "tabled": ("select day as x from days(3, 'it''s') where day <> 2 order by 1", [1, 3]),
    "joined": ("select day as x from days(9, '') join sales on price = day order by 1", [1, 2, 3, 4]),
    "correlated": (
        "select (select total(b.price) from sales b where b.price = a.price) as x from sales a order by 1",
        [1.0, 2.0, 3.0, 4.0],
    ),
    "inlined": ("/* ---\nmaterialized: view\n--- */\nselect twice(price) as y from sales", None),
    "reader": ("select total(y) as x from inlined", [20.0]),
}


def shop(folder: Path, module: str, views: dict[str, str]) -> ProjectPlan:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "sales.csv").write_text("price\n1.0\n2.0\n3.0\n4.0\n")
    (folder / "f.py").write_text(module)
    (folder / "helper.py").write_text("factor = 2.0\n")
    write_project(
        folder,
        {f"{name}.sql": sql for name, sql in views.items()},
        {"sales": "data/sales.csv"},
        extends=["f"],
        planning={"substrait": "required", "validate": "execute"},
        engine={"target_partitions": 2},
    )
    return plan_of(folder)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    return shop(tmp_path_factory.mktemp("shop"), MODULE, {name: sql for name, (sql, _) in VIEWS.items()})


@pytest.mark.parametrize("view", [name for name, (_, rows) in VIEWS.items() if rows is not None])
def test_views_compute_with_functions_and_their_messages_mean_the_same(plan: ProjectPlan, view: str) -> None:
    made = run(plan, view)
    column = pq.read_table(made.publication.files[0]).column("x").to_pylist()
    assert column == VIEWS[view][1]
    assert (made.bundle.substrait.refusal, made.bundle.substrait.validation.outcome) == (None, "matches")


def test_calls_of_one_table_function_with_other_arguments_travel_in_no_message(tmp_path: Path) -> None:
    views = {"v": "select a.day as x from days(2, 'a') a join days(3, 'b') b on a.day = b.day"}
    with pytest.raises(Exception, match="no encoding carries the arguments of this table function"):
        run(shop(tmp_path, MODULE, views))


def test_a_run_computes_with_the_functions_that_it_was_planned_with(tmp_path: Path) -> None:
    views = {"v": "select twice(price) as x from sales order by 1"}
    before = shop(tmp_path, MODULE, views)
    (tmp_path / "f.py").write_text(MODULE.replace("pc.multiply", "pc.add"))
    after = plan_of(tmp_path)
    for plan, expected in ((before, [2.0, 4.0, 6.0, 8.0]), (after, [3.0, 4.0, 5.0, 6.0])):
        assert pq.read_table(run(plan).publication.files[0]).column("x").to_pylist() == expected


def test_a_session_over_the_project_s_tables_has_its_functions(plan: ProjectPlan) -> None:
    ctx = SessionContext()
    register_tables(ctx, plan, ["sales", "inlined"])
    assert ctx.sql("select total(price) + twice(0.5) as x from sales").to_pylist() == [{"x": 11.0}]
    assert ctx.sql("select max(y) as y from inlined").to_pylist() == [{"y": 8.0}]


BAD = """
import pyarrow as pa
from datafusion import Accumulator, udaf, udf, udwf
from datafusion.user_defined import WindowEvaluator
F = pa.float64()

def picky(x):
    if pa.compute.max(x).as_py() > 3:
        raise ValueError("no price above 3")
    return x

picky = udf(picky, [F], F, "immutable", "picky")
texts = udf(lambda x: x.cast(pa.string()), [F], F, "immutable", "texts")
short = udf(lambda x: x[:1], [F], F, "immutable", "short")
plain = udf(lambda x: 3, [F], F, "immutable", "plain")

class Broken(Accumulator):
    def state(self): return [pa.scalar(1.0)]
    def update(self, values): raise KeyError("no rate")
    def merge(self, states): pass
    def evaluate(self): return pa.scalar(1.0)

broken = udaf(Broken, F, F, [F], "immutable", "broken")

class Window(WindowEvaluator):
    def evaluate_all(self, values, num_rows):
        return pa.array([1.0])

window = udwf(Window, F, F, "immutable", "window_short")
"""
# The query, and what is said of the function that fails.
FAILING = {
    "picky": ("select picky(price) as x from sales", "picky raised ValueError: no price above 3 ("),
    "folding": ("select picky(4.0) as x", "picky raised ValueError: no price above 3 ("),
    "texts": ("select texts(price) as x from sales", "texts returned Utf8 where it declares Float64"),
    "short": ("select short(price) as x from sales", "short returned 1 rows where it was given 4"),
    "plain": (
        "select plain(price) as x from sales",
        "plain returned int where it must return a pyarrow.Array",
    ),
    "broken": ("select broken(price) as x from sales", "broken raised KeyError: 'no rate'"),
    "window": (
        "select window_short(price) over (order by price) as x from sales",
        "window_short returned another number of rows than it was given",
    ),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    """A project of views that have run, whose functions fail since they were edited."""
    folder = tmp_path_factory.mktemp("bad")
    views = {name: sql for name, (sql, _) in FAILING.items()}
    before = shop(folder, BAD, dict.fromkeys(views, "select 1.0 as x"))
    run(before)
    return shop(folder, BAD, views)


@pytest.mark.parametrize("view", sorted(FAILING))
def test_a_function_that_fails_is_named_and_the_last_result_stays(bad: ProjectPlan, view: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        run(bad, view)
    assert f"(view {view})" in caught.value.where
    assert f"the function {FAILING[view][1]}" in caught.value.cause
    assert "Correct it (f:" in caught.value.next_step
    last = Warehouse.of(bad.project).current(view)
    assert last is not None
    assert pq.read_table(last.files[0]).column("x").to_pylist() == [1.0]
