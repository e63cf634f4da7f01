"""Views that are not stored: the rows and types of stored ones, planned as one query with their readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.errors import ExecutionError, SubstraitError
from dfplan_assets.execution.inputs import Inputs
from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.planning.session import execution_context
from dfplan_assets.project.model import Engine, ParameterValue, Planning, Project, Source, View
from dfplan_assets_tests.execution.projects import run
from dfplan_assets_tests.planning.identity.corpus import queries
from dfplan_assets_tests.planning.identity.planning import view_of
from dfplan_assets_tests.planning.identity.world import real_context

ENGINE = Engine(target_partitions=2, memory_limit_bytes=None, settings={})


def project(
    folder: Path,
    stored: Mapping[str, str],
    virtual: Mapping[str, str],
    *,
    params: Mapping[str, ParameterValue] | None = None,
    own_params: Mapping[str, Mapping[str, ParameterValue]] | None = None,
    secret: frozenset[str] = frozenset(),
    engine: Engine = ENGINE,
) -> Project:
    """A project of views over the Parquet files in a folder."""

    def view(name: str, sql: str) -> View:
        return View(name, folder / f"{name}.sql", sql, None, None, (), {}, (own_params or {}).get(name, {}))

    return Project(
        name="test",
        root=folder,
        views={
            **{name: view(name, sql) for name, sql in stored.items()},
            **{name: replace(view(name, sql), materialized="view") for name, sql in virtual.items()},
        },
        sources={
            file.stem: Source(file.stem, str(file), "parquet", {}, None)
            for file in sorted(folder.glob("*.parquet"))
        },
        output=str(folder / "warehouse"),
        keep_results=1,
        store="sqlite://",
        params=params or {},
        secret_params=secret,
        engine=engine,
        planning=Planning("preferred", "decode", False),
        extends=(),
    )


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """A folder with six orders, in two row groups."""
    table = pa.table({"id": [1, 2, 3, 4, 5, 6], "price": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]})
    pq.write_table(table, tmp_path / "orders.parquet", row_group_size=3)
    return tmp_path


def rows(done: Materialisation) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(done.publication.files[0]).to_pylist()
    return found


def test_every_query_of_the_corpus_gives_the_same_rows_and_types_when_it_is_inlined(tmp_path: Path) -> None:
    engine = replace(ENGINE, target_partitions=1)
    direct = real_context(tmp_path, cores=1)
    compared = 0
    for query in queries():
        try:
            expected = plan_query(direct, view_of(query.sql), query.params).to_arrow_table()
        except BaseException as cause:
            raise_unless_datafusion(cause)  # it plans, and cannot be executed anywhere
            continue
        virtual = {"q": query.sql, "p": "select * from q"}
        twice = {"reader": "select * from q union all select * from p"}
        if "of a user" in query.title:
            continue  # a project has no functions in Python
        plan = plan_project(project(tmp_path, twice, virtual, own_params={"q": query.params}, engine=engine))
        ctx = execution_context(engine, None)
        Inputs.take(plan, "reader", Warehouse.of(plan.project)).register(ctx)
        found = plan_query(ctx, plan.views["reader"].view, {}).to_arrow_table()
        assert found.schema.types == plan.views["q"].schema.types, query.title
        if not plan.views["q"].identity.volatile_functions:
            once = Counter(map(repr, expected.to_pylist()))
            assert Counter(map(repr, found.to_pylist())) == once + once, query.title
            compared += 1
    assert compared >= 240


def test_filters_of_a_reader_reach_the_scan_through_inlined_views(orders: Path) -> None:
    virtual = {"doubled": "select id, price * 2 as price from orders", "same": "select * from doubled"}
    plan = plan_project(project(orders, {"dear": "select price from same where id > 4"}, virtual))
    done = run(plan, "dear")
    assert rows(done) == [{"price": 100.0}, {"price": 120.0}]
    [scan] = [each.scan for each in done.bundle.topology if each.scan is not None]
    assert scan.filters == "id@0 > 4"
    assert scan.pruning is not None
    assert "id_max@0 > 4" in scan.pruning
    assert scan.files[0].endswith("orders.parquet")


def test_the_bundle_of_a_reader_has_a_substrait_form_of_the_whole(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"total": "select sum(price) as total from dear"},
            {"dear": "select * from orders where price > 25"},
        )
    )
    bundle = run(plan, "total").bundle
    assert bundle.substrait.validation.outcome == "matches"
    assert bundle.lineage.tables == ("dear",)
    assert "orders" in bundle.optimized_plan


def test_a_view_is_read_by_stored_and_by_inlined_queries_alike(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {
                "base": "select id, price from orders where id > 1",
                "out": "select b.id from mid m join base b on m.id = b.id",
            },
            {"mid": "select id from base where price < 45"},
        )
    )
    assert sorted(str(row["id"]) for row in rows(run(plan, "base", "out"))) == ["2", "3", "4"]


def test_each_query_has_its_own_parameters(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"out": "select count(*) as n, $least as least from dear where id >= $least"},
            {"dear": "select * from orders where price >= $least"},
            params={"least": 3},
            own_params={"dear": {"least": 50}},
        )
    )
    assert rows(run(plan, "out")) == [{"n": 2, "least": 3}]


def test_a_table_that_one_query_only_names_is_read_by_another(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"out": "with unused as (select * from orders) select count(*) as n from dear"},
            {"dear": "with unused as (select * from other) select * from orders", "other": "select 1 as x"},
        )
    )
    assert rows(run(plan, "out")) == [{"n": 6}]


def test_a_view_without_result_is_told_with_the_views_between(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"base": "select * from orders", "out": "select * from mid"},
            {"mid": "select * from base"},
        )
    )
    with pytest.raises(ExecutionError, match="it reads the view base through mid, which has no published"):
        run(plan, "out")


def test_intervals_pass_between_queries_though_parquet_has_none(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"out": "select cast(date '2024-01-30' + step as date) as day from steps"},
            {"steps": "select interval '2 days' as step"},
        )
    )
    assert [str(row["day"]) for row in rows(run(plan, "out"))] == ["2024-02-01"]


SECRET = "hunter2-7351"


@pytest.mark.parametrize("where", ["project", "view"])
def test_secrets_of_inlined_views_stand_in_no_bundle_and_no_profile(orders: Path, where: str) -> None:
    own = {"hidden": {"password": SECRET}} if where == "view" else {}
    plan = plan_project(
        project(
            orders,
            {"out": "select id, word from outer_view where word <> 'x'"},
            {
                "hidden": "select id, $password as word from orders where $password <> 'y'",
                "outer_view": "select * from hidden",
            },
            params={"password": "another-secret-9" if where == "view" else SECRET},
            own_params=own,
            secret=frozenset({"password"}),
        )
    )
    done = run(plan, "out")
    assert rows(done)[0] == {"id": 1, "word": SECRET}
    assert done.bundle.substrait.message is not None
    for shown in (repr(done.bundle), repr(done.profile)):
        assert SECRET not in shown
        assert "another-secret-9" not in shown


def test_a_secret_that_no_other_value_can_stand_for_is_hidden_all_the_same(orders: Path) -> None:
    plan = plan_project(
        project(
            orders,
            {"out": "select * from hidden"},
            {"hidden": "select id, cast($at as int) as n, cast($at as date) as d from orders"},
            params={"at": "20240102"},
            secret=frozenset({"at"}),
        )
    )
    done = run(plan, "out")
    assert len(rows(done)) == 6
    assert done.bundle.substrait.message is None
    assert "20240102" not in repr(done.bundle)


def test_what_an_inlined_view_calls_makes_its_reader_volatile(orders: Path) -> None:
    plan: ProjectPlan = plan_project(
        project(
            orders,
            {"out": "select * from deeper", "still": "select id from orders"},
            {"stamped": "select id, random() as r from orders", "deeper": "select * from stamped"},
        )
    )
    assert plan.views["out"].identity.volatile_functions == ("random",)
    assert plan.views["still"].identity.volatile_functions == ()


def test_a_plan_without_substrait_form_says_which_views_could_be_stored_instead(orders: Path) -> None:
    views = {"out": "select unnest(days) as day from lists"}
    declared = project(orders, views, {"lists": "select [value] as days from generate_series(1, 3)"})
    required = replace(declared, planning=Planning("required", "off", False))
    with pytest.raises(
        SubstraitError, match=r"store a view that is inlined into it \(lists\), or set planning"
    ):
        run(plan_project(required), "out")


def test_a_query_that_asks_for_types_gets_the_same_of_stored_and_inlined_views(orders: Path) -> None:
    words = "select 'a' || cast(id as varchar) as word, id from orders"
    ask = "select arrow_typeof(word) as word, count(*) as n from words where word >= 'a3' group by 1"
    stored = run(plan_project(project(orders, {"words": words, "out": ask}, {})), "words", "out")
    inlined = run(plan_project(project(orders, {"out": ask}, {"words": words})), "out")
    assert rows(stored) == rows(inlined) == [{"word": "Utf8View", "n": 4}]


def test_filters_on_declared_texts_prune_through_inlined_views(orders: Path) -> None:
    pq.write_table(pa.table({"name": ["a", "b", "c", "d"]}), orders / "names.parquet", row_group_size=2)
    declared = project(
        orders, {"out": "select name from n where name > 'c'"}, {"n": "select name from names"}
    )
    columns = pa.schema([("name", pa.string())])
    names = replace(declared.sources["names"], columns=columns)
    done = run(plan_project(replace(declared, sources={**declared.sources, "names": names})), "out")
    assert rows(done) == [{"name": "d"}]
    [scan] = [each.scan for each in done.bundle.topology if each.scan is not None]
    assert scan.pruning is not None
    assert "name_max" in scan.pruning
