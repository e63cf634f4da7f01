"""Views that call functions of the project: lineage, identity, what is planned anew, what is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from dfplan_assets.errors import PlanningError, ProjectError, UnknownNameError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.known_plans import KnownPlan
from dfplan_assets.planning.lineage.model import ColumnOrigin
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets_tests.planning.functions.modules import functions_in, write
from dfplan_assets_tests.planning.projects import project

MODULE = """
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from datafusion import Accumulator, udaf, udf, udtf, udwf
from datafusion.catalog import Table
from datafusion.user_defined import WindowEvaluator

F = pa.float64()

@udf([F, F], F, "immutable")
def plus(x, y):
    return pc.add(x, y)

@udf([F], F, "stable")
def steady(x):
    return x

@udf([F], F, "volatile")
def noise(x):
    return x

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

def days(*bounds):
    return Table(ds.dataset(pa.table({"day": [1, 2]})))

table = udtf(days, "days")
"""
VIEWS = {
    "scalars": "select plus(v, id) as s, plus(1.0, 2.0) as c from a where noise(v) > 0",
    "steady_one": "select steady(v) as s from a",
    "totals": "select name, total(v) filter (where id > 1) as t from a group by name",
    "numbered": "select number(v) over (partition by name order by id) as n from a",
    "tabled": "select d.day, plus((select max(w) from b where b.id = d.day), 1.0) as m from days(3) d",
    "nested": "select plus(total(v), (select total(w) from b)) as t from a having total(id) > 1",
    "plain": "select id from a",
}


class Memory:
    """Plans that are kept, and the views that were planned."""

    def __init__(self) -> None:
        self.plans: dict[str, KnownPlan] = {}
        self.planned: list[str] = []

    def get(self, view: str) -> KnownPlan | None:
        return self.plans.get(view)

    def put(self, view: str, plan: KnownPlan) -> None:
        self.plans[view] = plan
        self.planned.append(view)


def planned(
    root: Path, text: str = MODULE, views: Mapping[str, str] = VIEWS, known: Memory | None = None
) -> ProjectPlan:
    write(root, {"f.py": text})
    return plan_project(dataclasses.replace(project(views), root=root, extends=("f",)), known)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ProjectPlan:
    return planned(tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize(
    ("view", "functions"),
    [
        ("scalars", ("noise", "plus")),
        ("totals", ("total",)),
        ("numbered", ("number",)),
        ("tabled", ("days", "max", "plus")),
        ("nested", ("plus", "total")),
        ("plain", ()),
    ],
)
def test_lineage_lists_functions_of_the_project(
    plan: ProjectPlan, view: str, functions: tuple[str, ...]
) -> None:
    assert plan.views[view].lineage.functions == functions


def direct(plan: ProjectPlan, view: str, column: str) -> set[tuple[str, str]]:
    origins = plan.views[view].lineage.columns[column]
    return {(origin.table, origin.column) for origin in origins if origin.kind == "direct"}


def test_values_flow_through_arguments_of_scalar_functions(plan: ProjectPlan) -> None:
    assert direct(plan, "scalars", "s") == {("a", "v"), ("a", "id")}
    assert direct(plan, "scalars", "c") == set()
    assert ColumnOrigin("a", "v", "indirect") in plan.views["scalars"].lineage.columns["c"]


def test_values_flow_through_aggregates_windows_and_subqueries(plan: ProjectPlan) -> None:
    assert direct(plan, "totals", "t") == {("a", "v")}
    assert ColumnOrigin("a", "id", "indirect") in plan.views["totals"].lineage.columns["t"]
    assert direct(plan, "numbered", "n") == {("a", "v")}
    assert direct(plan, "tabled", "m") == {("b", "w")}
    assert direct(plan, "nested", "t") == {("a", "v"), ("b", "w")}


def test_a_table_function_has_no_origins_and_is_no_table(plan: ProjectPlan) -> None:
    lineage = plan.views["tabled"].lineage
    assert lineage.tables == ("b",)
    assert lineage.columns["day"] == ()


def test_what_is_not_immutable_is_never_up_to_date(plan: ProjectPlan) -> None:
    assert {name: each.identity.volatile_functions for name, each in plan.views.items()} == {
        "scalars": ("noise",),
        "steady_one": ("steady",),
        "totals": (),
        "numbered": (),
        "tabled": (),
        "nested": (),
        "plain": (),
    }


def changed(before: ProjectPlan, after: ProjectPlan) -> dict[str, set[str]]:
    """The views whose identity changed, each with the parts that did."""
    found = {}
    for name, plan in before.views.items():
        parts, others = plan.identity.parts, after.views[name].identity.parts
        if parts != others:
            found[name] = {part for part in parts if parts[part] != others[part]}
            assert plan.identity.fingerprint != after.views[name].identity.fingerprint
    return found


@pytest.mark.parametrize(
    ("old", "new", "views"),
    [
        ("pc.add(x, y)", "pc.subtract(x, y)", {"scalars", "tabled", "nested"}),
        ("self.total += pc.sum", "self.total -= pc.sum", {"totals", "nested"}),
        ('"immutable", "number"', '"volatile", "number"', {"numbered"}),
        ("[1, 2]", "[1, 3]", {"tabled"}),
        ("F = pa.float64()", "# types\nF = pa.float64()", set()),
    ],
)
def test_an_edit_changes_the_views_that_call_the_function(
    plan: ProjectPlan, tmp_path: Path, old: str, new: str, views: set[str]
) -> None:
    assert MODULE.count(old) == 1
    assert changed(plan, planned(tmp_path, MODULE.replace(old, new))) == {
        name: {"functions"} for name in views
    }


def test_a_function_s_type_changes_what_the_query_means_as_well(plan: ProjectPlan, tmp_path: Path) -> None:
    text = MODULE.replace('udf([F], F, "stable")', 'udf([F], pa.float32(), "stable")')
    after = planned(tmp_path, text)
    assert changed(plan, after) == {"steady_one": {"functions", "meaning"}}


def test_through_a_view_that_is_inlined_a_function_reaches_its_readers(tmp_path: Path) -> None:
    def both(text: str) -> ProjectPlan:
        views = {"inner": "select plus(v, 1.0) as s from a", "outer": "select s from inner"}
        write(tmp_path, {"f.py": text})
        shop = dataclasses.replace(project(views), root=tmp_path, extends=("f",))
        inner = dataclasses.replace(shop.views["inner"], materialized="view")
        return plan_project(dataclasses.replace(shop, views={**shop.views, "inner": inner}))

    before = both(MODULE)
    after = both(MODULE.replace("pc.add(x, y)", "pc.subtract(x, y)"))
    assert changed(before, after) == {"inner": {"functions"}, "outer": {"inlined"}}
    assert [each.name for each in before.called_functions("outer")] == ["plus"]


def test_only_views_that_call_an_edited_function_are_planned_again(tmp_path: Path) -> None:
    memory = Memory()
    planned(tmp_path, known=memory)
    assert set(memory.planned) == set(VIEWS)
    for text, again in (
        (MODULE, set()),
        (MODULE + "# the end\n", set()),
        (MODULE.replace("[1, 2]", "[1, 3]"), {"tabled"}),
        (MODULE, {"tabled"}),
    ):
        memory.planned = []
        planned(tmp_path, text, known=memory)
        assert set(memory.planned) == again


def test_a_plan_keeps_the_functions_that_it_was_made_with(tmp_path: Path) -> None:
    before = planned(tmp_path)
    after = planned(tmp_path, MODULE.replace("pc.add", "pc.subtract"))
    assert before.functions.by_name["plus"] != after.functions.by_name["plus"]
    assert before.functions.by_name["total"] == after.functions.by_name["total"]


def test_a_function_that_is_gone_is_unknown_again(tmp_path: Path) -> None:
    memory = Memory()
    views = {"x": "select plus(v, 1.0) as s from a"}
    planned(tmp_path, views=views, known=memory)
    with pytest.raises(UnknownNameError, match="function plus does not exist"):
        planned(tmp_path, "", views, memory)


@pytest.mark.parametrize(
    ("sql", "direct_in"),
    [
        ("select plus(plus, v) as s from odd", {("odd", "plus"), ("odd", "v")}),
        ("select odd.plus as s from odd where plus(v, v) > 0", {("odd", "plus")}),
        ("select plus(days, v) as s from odd, days(3)", {("odd", "days"), ("odd", "v")}),
    ],
)
def test_columns_may_have_the_names_of_functions(
    tmp_path: Path, sql: str, direct_in: set[tuple[str, str]]
) -> None:
    write(tmp_path, {"f.py": MODULE})
    odd = pa.schema([("plus", pa.float64()), ("v", pa.float64()), ("days", pa.float64())])
    shop = dataclasses.replace(project({"x": sql}, {"odd": odd}), root=tmp_path, extends=("f",))
    assert direct(plan_project(shop), "x", "s") == direct_in


def test_a_table_function_of_a_table_s_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"the table function days \(f:\d+\) has the name of a view"):
        planned(tmp_path, views={"days": "select day from days(3)"})
    with pytest.raises(ProjectError, match=r"the table function b \(f:\d+\) has the name of a source"):
        planned(tmp_path, MODULE.replace('udtf(days, "days")', 'udtf(days, "b")'))


def test_arguments_of_wrong_types_name_the_function(tmp_path: Path) -> None:
    with pytest.raises(PlanningError, match=r"\(view x\).*'plus'"):
        planned(tmp_path, views={"x": "select plus('a', 1.0) as s from a"})


def test_a_table_function_that_raises_is_said_with_its_place(tmp_path: Path) -> None:
    text = MODULE.replace("    return Table(ds", "    raise LookupError('no calendar')\n    return Table(ds")
    with pytest.raises(
        PlanningError, match=r"\(view x\).*raised LookupError: no calendar \(.*f\.py, line \d+\)"
    ):
        planned(tmp_path, text, {"x": "select * from days(1)"})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise LookupError('no calendar')", r"raised LookupError: no calendar \(.*f\.py, line \d+\)"),
        # Whatever it says, it is not DataFusion that says it.
        ("raise ValueError(\"table 'x' not found\")", r"raised ValueError: table 'x' not found \("),
        ("return None", "returned neither a Table nor a PyArrow dataset"),
    ],
)
def test_a_table_function_that_fails_is_named_with_its_view_and_place_and_leaves_other_views(
    tmp_path: Path, body: str, said: str
) -> None:
    text = MODULE.replace("    return Table(ds", f"    {body}\n    return Table(ds")
    views = {
        "x": "select a.id from a join days(3) d on d.day = a.id",
        "y": "select id from x",
        "z": "select id from b",
    }
    with pytest.raises(
        PlanningError,
        match=rf"\(view x\): the table function days, which runs as the query is planned, {said}",
    ) as raised:
        planned(tmp_path, text, views)
    assert re.fullmatch(r"Correct the function \(f:\d+\), or the arguments that .*", raised.value.next_step)
    whole = dataclasses.replace(project(views), root=tmp_path, extends=("f",))
    plan = plan_project(whole, keep_going=True)
    assert list(plan.views) == ["z"]
    assert {name: each.tables for name, each in plan.unplanned.items()} == {"x": ("a",), "y": ("x",)}
    assert {str(each.error) for each in plan.unplanned.values()} == {str(raised.value)}


def test_a_table_function_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="table function dayz does not exist"):
        planned(tmp_path, views={"x": "select * from dayz(1)"})


HEAD = "import pyarrow as pa\nfrom datafusion import udf, udtf\nF = pa.float64()\n"


def made(name: str, body: str = "lambda x: x") -> str:
    return f'f_{name} = udf({body}, [F], F, "immutable", "{name}")\n'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"f.py": HEAD + made("upper")}, "f.f_upper has the name of one of DataFusion's own: upper"),
        ({"f.py": HEAD + made("SUM")}, "f.f_SUM has the name of one of DataFusion's own: SUM"),
        ({"f.py": HEAD + 'x = udtf(lambda: None, "range")\n'}, "f.x has the name of one of DataFusion's own"),
        (
            {"f.py": HEAD + 'x = udf(abs, [F], F, "immutable", "a b")'},
            "f.x has the name 'a b', by which SQL cannot call it",
        ),
        ({"f.py": HEAD + made("Big")}, "f.f_Big has the name 'Big', by which SQL cannot call it"),
        ({"f.py": HEAD + made("outer_ref")}, "f.f_outer_ref has the name 'outer_ref', by which SQL"),
        (
            {"f.py": HEAD + made("one"), "g.py": HEAD + made("one")},
            "two functions have the name one: f.f_one and g.f_one",
        ),
        (
            {"f.py": HEAD + made("one") + 'other = udtf(lambda: None, "one")\n', "g.py": ""},
            "two functions have the name one: f.f_one and f.other",
        ),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, files: Mapping[str, str], said: str) -> None:
    write(tmp_path, files)
    with pytest.raises(ProjectError) as caught:
        functions_in(tmp_path, *(name.removesuffix(".py") for name in files))
    assert said in caught.value.cause
    assert caught.value.where == f"{tmp_path / 'dfplan.yaml'}: extends"


def test_one_function_under_several_names_and_in_several_modules_is_one(tmp_path: Path) -> None:
    files = {
        "f.py": HEAD + made("one") + "again = f_one\n",
        "g.py": "from f import *\nfrom f import again as b\n",
    }
    write(tmp_path, files)
    (found,) = functions_in(tmp_path, "g", "f")
    assert (found.name, found.place) == ("one", "f:4")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import collections\nX = collections.deque([1])\n" + made("one", "lambda x: X and x"),
            "f.X is a collections.deque, whose content is not looked into",
        ),
        (made("one", "lambda x: eval('x')"), "f calls eval(): any change of its module is taken for one"),
        (
            'globals()["hidden"] = udf(lambda x: x, [F], F, "immutable", "one")\n',
            "f.hidden is bound in a way that the module's text does not show",
        ),
    ],
)
def test_what_the_hash_cannot_cover_is_said_and_counts_with_its_whole_module(
    tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, {"f.py": HEAD + text})
    (before,) = functions_in(tmp_path, "f")
    assert any(said in notice for notice in before.notices)
    write(tmp_path, {"f.py": HEAD + text + "unrelated = 1\n"})
    (after,) = functions_in(tmp_path, "f")
    assert before.body_sha256 != after.body_sha256


@pytest.mark.parametrize(
    "function",
    [
        "RATES = json.loads((HERE / 'rates.json').read_text())\ndef one(x): return RATES and x\n",
        "def one(x, rates=json.loads((HERE / 'rates.json').read_text())): return rates and x\n",
        "def made(rates): return lambda x: rates and x\n"
        "one = made(json.loads((HERE / 'rates.json').read_text()))\n",
    ],
)
def test_a_constant_read_from_a_file_counts_as_its_value(tmp_path: Path, function: str) -> None:
    text = f"import json\nfrom pathlib import Path\nHERE = Path(__file__).parent\n{function}" + made(
        "one", "one"
    )
    bodies = []
    for place, rates in (("a", "[1]"), ("b", "[1]"), ("a", "[2]")):
        write(tmp_path / place, {"f.py": HEAD + text + f"# {rates}\n", "rates.json": rates})
        (found,) = functions_in(tmp_path / place, "f")
        bodies.append(found.body_sha256)
    assert bodies[0] == bodies[1] != bodies[2]


def test_packages_count_with_their_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dfplan_assets.planning import function_bodies

    bodies = []
    for place, version in (("a", "1"), ("b", "1"), ("c", "2")):
        monkeypatch.setattr(function_bodies, "version", lambda name, version=version: version)
        function_bodies._package.cache_clear()
        uses = "import pyarrow.compute as pc\n" + made("one", "lambda x: pc.add(x, 1)") + made("two")
        write(tmp_path / place, {"f.py": HEAD + uses})
        bodies.append([each.body_sha256 for each in functions_in(tmp_path / place, "f")])
    function_bodies._package.cache_clear()
    assert bodies[0] == bodies[1]
    assert bodies[0][0] != bodies[2][0]
    assert bodies[0][1] == bodies[2][1]


def test_a_function_that_fails_on_a_parameter_does_not_blame_the_parameter(tmp_path: Path) -> None:
    text = HEAD + "def fails(x):\n    raise ValueError('never')\n"
    text += 'f = udf(fails, [pa.string()], pa.string(), "immutable", "fails")\n'
    sql = "/* ---\nparams: {name: a}\n--- */\nselect fails($name) as s from a"
    write(tmp_path, {"f.py": text})
    shop = dataclasses.replace(project({"x": sql}, params={"name": "a"}), root=tmp_path, extends=("f",))
    assert plan_project(shop).views["x"].lineage.functions == ("fails",)
