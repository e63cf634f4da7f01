"""Generated projects: views in layers, whose queries use what real ones use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import yaml

from dfplan_assets.project.model import Engine, Planning, Project, Source, View

LAYERS = 10
ORDERS = [
    pa.field("id", pa.int64()),
    pa.field("customer", pa.int64()),
    pa.field("amount", pa.float64()),
    pa.field("status", pa.string()),
    pa.field("day", pa.date32()),
]
CUSTOMERS = [
    pa.field("id", pa.int64()),
    pa.field("limit_amount", pa.float64()),
    pa.field("segment", pa.string()),
]
SOURCES = {"orders": pa.schema(ORDERS), "customers": pa.schema(CUSTOMERS)}

FIRST = """
select id, customer, amount, upper(status) as status, day
from orders
where amount > {number} and customer in (select id from customers where segment <> 's{number}')
"""
FIRST_OF_DEMO = """
select o_orderkey as id, o_custkey as customer, cast(o_totalprice as double) as amount,
    upper(o_orderstatus) as status, o_orderdate as day
from orders
where o_totalprice > {number}
    and o_custkey in (select c_custkey from customer where c_mktsegment <> 's{number}')
"""
AGGREGATE = """
select max(id) as id, customer, sum(amount) as amount, min(status) as status, max(day) as day
from {above}
group by customer
having count(*) > 1
"""
JOIN = """
select x.id, x.customer, x.amount + y.amount as amount, x.status, y.day
from {above} x join {beside} y on x.id = y.id
where x.amount > (select avg(z.amount) from {beside} z where z.customer = x.customer)
"""
WINDOW_AND_UNION = """
with ranked as (
    select *, row_number() over (partition by customer order by amount desc, id) as place from {above}
)
select id, customer, amount, status, day from ranked where place = 1
union all
select id, customer, amount, case when amount > 1 then status else 'low' end, day from {beside}
"""


def layered_views(count: int, first: str = FIRST) -> dict[str, str]:
    """``count`` views in ten layers: filters with subqueries, joins, aggregates, windows, unions.

    ``first`` is the query of the first layer, which reads the sources.
    """
    width = max(1, count // LAYERS)
    views: dict[str, str] = {}
    for number in range(count):
        layer = min(number // width, LAYERS - 1)
        above, beside = f"view_{number - width}", f"view_{(layer - 1) * width + (number * 7) % width}"
        shape = first if layer == 0 else (AGGREGATE, JOIN, WINDOW_AND_UNION)[number % 3]
        views[f"view_{number}"] = shape.format(number=number, above=above, beside=beside)
    return views


def planned_only(count: int) -> Project:
    """A project of generated views over sources that have columns but no files."""
    return Project(
        name="generated",
        root=Path("/nowhere"),
        views={
            name: View(name, Path(f"views/{name}.sql"), sql, None, None, (), {}, {})
            for name, sql in layered_views(count).items()
        },
        sources={n: Source(n, f"/nowhere/{n}.parquet", "parquet", {}, s) for n, s in SOURCES.items()},
        output="/nowhere/warehouse",
        keep_results=3,
        store="sqlite:////nowhere/plans.db",
        params={},
        secret_params=frozenset(),
        engine=Engine(None, None, {}),
        planning=Planning("required", "off", False),
        extends=(),
    )


def write_project(root: Path, views: Mapping[str, str], sources: Mapping[str, Path]) -> None:
    """A project on the disk: ``dfplan.yaml`` and a file for each view, over Parquet files."""
    (root / "views").mkdir(parents=True)
    for name, sql in views.items():
        (root / "views" / f"{name}.sql").write_text(sql, encoding="utf-8")
    listed = {name: str(path) for name, path in sources.items()}
    document = {
        "name": "generated",
        "views": "views",
        "output": "warehouse",
        "store": "sqlite:///.dfplan/plans.db",
        **({"sources": listed} if listed else {}),
    }
    (root / "dfplan.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
