from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.project import load_project
from dfplan_assets.store import open_store
from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.planning.diff.bundles import bundle_of
from dfplan_assets_tests.small_projects import plan_of, write_project

MORNING = datetime(2026, 3, 1, 6, 30, tzinfo=timezone.utc)
REVENUE = "select nation, sum(price) as total from orders where year >= $min_year group by nation"
VIEWS = {
    "revenue.sql": REVENUE,
    "best.sql": "select nation from revenue order by total desc limit 1",
    "nations.sql": "select nation from revenue",
    "cheap.sql": "select id from orders where price < 25",
}


class Shop:
    """A project of four views over orders, with a store that its first plans can be put into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        orders = {"id": [1, 2], "nation": ["FR", "DE"], "price": [10.0, 30.5], "year": [1994, 1995]}
        pq.write_table(pa.table(orders), folder / "data" / "orders.parquet")
        self.write()

    def write(self, year: int = 1994, **views: str) -> None:
        """The project's files, with other texts for some views."""
        texts = {**VIEWS, **{f"{name}.sql": sql for name, sql in views.items()}}
        write_project(self.folder, texts, {"orders": "data/orders.parquet"}, params={"min_year": year})

    def keep(self, view: str, *, minutes: int = 0, partitions: int = 1) -> str:
        """Put the plan of a view as it is now into the store; its key."""
        plan = plan_of(self.folder)
        engine = {"datafusion.execution.target_partitions": str(partitions)}
        bundle = bundle_of(plan, view, {"orders": str(self.folder / "data/orders.parquet")}, engine=engine)
        with open_store(plan.project.store) as store:
            return store.put_bundle(bundle, at=MORNING + timedelta(minutes=minutes))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


Json = Callable[..., Any]


def test_without_keys_the_stored_plan_is_compared_with_the_plan_as_it_is_now(
    shop: Shop, dfplan_json: Json
) -> None:
    key = shop.keep("revenue")
    shop.write(revenue=REVENUE.replace(">=", ">"))
    assert dfplan_json("--project", shop.folder, "diff", "revenue") == {
        "view": "revenue",
        "before": key,
        "after": "now",
        "kind": "rows or values may differ",
        "cause": "filter `year >= 1994` became `year > 1994`",
        "causes": ["filter `year >= 1994` became `year > 1994`"],
        "changed_parts": ["meaning"],
        "changed_columns": None,
        "downstream": ["best", "nations"],
        "logical_plan": [
            {
                "change": "same",
                "before": {"depth": 0, "text": "Projection: nation, sum(price) AS total"},
                "after": {"depth": 0, "text": "Projection: nation, sum(price) AS total"},
            },
            {
                "change": "same",
                "before": {"depth": 1, "text": "Aggregate: groupBy=[[nation]], aggr=[[sum(price)]]"},
                "after": {"depth": 1, "text": "Aggregate: groupBy=[[nation]], aggr=[[sum(price)]]"},
            },
            {
                "change": "changed",
                "before": {"depth": 2, "text": "Filter: year >= 1994"},
                "after": {"depth": 2, "text": "Filter: year > 1994"},
            },
            {
                "change": "same",
                "before": {"depth": 3, "text": "TableScan: orders"},
                "after": {"depth": 3, "text": "TableScan: orders"},
            },
        ],
        "physical_plan": None,
    }


def test_the_text_tells_kind_cause_and_reach_before_the_trees(shop: Shop, dfplan: Dfplan) -> None:
    key = shop.keep("revenue")
    shop.write(revenue=REVENUE.replace("sum", "avg"))
    result = dfplan("--project", shop.folder, "diff", "revenue")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:8] == [
        f"revenue  {key[:12]} → now",
        "",
        "kind     rows or values may differ",
        "cause    column total: `sum(price)` became `avg(price)`",
        "parts    meaning, functions",
        "columns  total",
        "reaches  best",
        "",
    ]
    assert max(map(len, result.stdout.splitlines())) <= 140


def test_two_stored_plans_are_found_by_the_beginning_of_their_keys(shop: Shop, dfplan_json: Json) -> None:
    first = shop.keep("cheap")
    second = shop.keep("cheap", minutes=1, partitions=4)
    shop.write(cheap="select id from orders where price < 30")
    found = dfplan_json("--project", shop.folder, "diff", "cheap", first[:10], second[:10])
    assert (found["before"], found["after"]) == (first, second)
    assert (found["kind"], found["changed_parts"]) == ("physical only", ["physical"])
    assert found["physical_plan"] is not None
    found = dfplan_json("--project", shop.folder, "diff", "cheap", first[:10])
    assert (found["before"], found["after"]) == (first, "now")
    assert found["cause"] == "filter `price < 25` became `price < 30`"


def test_a_plan_that_did_not_change_is_identical(shop: Shop, dfplan: Dfplan) -> None:
    shop.keep("cheap")
    lines = dfplan("--project", shop.folder, "diff", "cheap").stdout.splitlines()
    assert lines[2:] == [
        "kind     identical",
        "cause    nothing differs",
        "parts    none",
        "columns  none",
        "reaches  no view downstream",
    ]


def test_a_view_that_is_gone_can_still_be_compared_with_itself(shop: Shop, dfplan: Dfplan) -> None:
    first = shop.keep("cheap")
    second = shop.keep("cheap", minutes=1, partitions=4)
    (shop.folder / "views" / "cheap.sql").unlink()
    assert dfplan("--project", shop.folder, "diff", "cheap", first[:10], second[:10]).exit_code == 0
    result = dfplan("--project", shop.folder, "diff", "cheap", first[:10])
    assert result.exit_code == 2
    assert "there is no view cheap" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["revenu"], "there is no view revenu"),
        (["best"], "no plan of it has been stored yet"),
        (["revenue", "zz"], "none of its 1 stored plans has a key that begins with zz"),
    ],
)
def test_wrong_input_is_named(shop: Shop, dfplan: Dfplan, arguments: list[str], message: str) -> None:
    shop.keep("revenue")
    result = dfplan("--project", shop.folder, "diff", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_beginning_of_several_keys_is_refused(shop: Shop, dfplan: Dfplan) -> None:
    plan = plan_of(shop.folder)
    bundle = bundle_of(plan, "cheap", {"orders": str(shop.folder / "data/orders.parquet")})
    with open_store(plan.project.store) as store:
        # Seventeen keys of sixteen first digits: two begin alike.
        keys = {store.put_bundle(replace(bundle, tree=str(n)), at=MORNING) for n in range(17)}
    firsts = [key[0] for key in keys]
    shared = next(first for first in firsts if firsts.count(first) > 1)
    result = dfplan("--project", shop.folder, "diff", "cheap", shared)
    assert result.exit_code == 2
    assert f"have a key that begins with {shared}" in result.stderr


def test_before_the_first_run_diff_says_to_run_and_makes_no_store(shop: Shop, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop.folder, "diff", "revenue")
    assert result.exit_code == 2
    assert "dfplan run" in result.stderr
    assert not (shop.folder / ".dfplan").exists()


def test_before_the_first_run_all_views_are_new_and_no_store_is_made(shop: Shop, dfplan_json: Json) -> None:
    views = dfplan_json("--project", shop.folder, "plan")["views"]
    assert {view["state"] for view in views.values()} == {"new"}
    assert not (shop.folder / ".dfplan").exists()


def test_plan_tells_what_is_new_changed_and_unchanged_and_why(shop: Shop, dfplan_json: Json) -> None:
    shop.keep("revenue")
    shop.keep("cheap")
    shop.write(year=1995, revenue=REVENUE.replace("where", "where price > 1 and"))
    views = dfplan_json("--project", shop.folder, "plan")["views"]
    assert {name: (view["state"], view["why"]) for name, view in views.items()} == {
        "revenue": ("changed", ["parameter $min_year: 1994 → 1995", "filter `price > 1` was added"]),
        "cheap": ("unchanged", []),
        "best": ("new", ["nothing of it is stored yet"]),
        "nations": ("new", ["nothing of it is stored yet"]),
    }
    for name, plan in plan_of(shop.folder).views.items():
        assert views[name]["fingerprint"] == plan.identity.fingerprint
        assert views[name]["parts"] == plan.identity.parts
        assert views[name]["tables"] == list(plan.lineage.tables)


def test_plan_lines_up_states_and_causes(shop: Shop, dfplan: Dfplan) -> None:
    shop.keep("revenue")
    shop.keep("cheap")
    shop.write(revenue=REVENUE.replace("sum", "max"))
    assert dfplan("--project", shop.folder, "plan").stdout.splitlines() == [
        "view     group  state      reads    why                                             stale because",
        "cheap           unchanged  orders                                                   never ran",
        "revenue         changed    orders   column total: `sum(price)` became `max(price)`  never ran",
        "best            new        revenue" + " " * 50 + "never ran; upstream revenue is stale",
        "nations         new        revenue" + " " * 50 + "never ran; upstream revenue is stale",
    ]


def test_a_comment_leaves_a_view_unchanged(shop: Shop, dfplan_json: Json) -> None:
    shop.keep("cheap")
    shop.write(cheap="-- cheap ones\nSELECT o.id FROM orders o WHERE o.price < 25")
    view = dfplan_json("--project", shop.folder, "plan", "cheap")["views"]["cheap"]
    assert (view["state"], view["why"]) == ("unchanged", [])
    assert dfplan_json("--project", shop.folder, "diff", "cheap")["kind"] == "cosmetic"


def test_planning_writes_nothing_into_the_store(shop: Shop, dfplan: Dfplan) -> None:
    shop.keep("cheap")
    shop.write(cheap="select id from orders where price < 30")
    store = Path(load_project(shop.folder).store.removeprefix("sqlite:///"))
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    assert dfplan("--project", shop.folder, "plan").exit_code == 0
    assert dfplan("--project", shop.folder, "diff", "cheap").exit_code == 0
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("command", [["plan"], ["diff", "cheap"]])
def test_a_store_that_cannot_be_read_is_an_error(shop: Shop, dfplan: Dfplan, command: list[str]) -> None:
    store = shop.folder / ".dfplan" / "plans.db"
    store.parent.mkdir()
    store.write_bytes(b"no database at all" * 100)
    result = dfplan("--project", shop.folder, *command, "--format", "json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "plans.db" in result.stderr


def test_json_is_json_whatever_the_texts_hold(shop: Shop, dfplan: Dfplan) -> None:
    shop.keep("cheap")
    shop.write(cheap="select id from orders where nation = 'a\n\"b\" [c]'")
    result = dfplan("--project", shop.folder, "diff", "cheap", "--format", "json")
    assert json.loads(result.stdout)["kind"] == "rows or values may differ"
