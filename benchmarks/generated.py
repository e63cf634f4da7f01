"""Generated projects: views in layers, whose queries use what real ones use."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from dfplan_assets.project.model import Engine, Planning, Project, Source, View

LAYERS = 10
SOURCES = {
    "orders": pa.schema(
        [("id", pa.int64()), ("customer", pa.int64()), ("amount", pa.float64())]
        + [("status", pa.string()), ("day", pa.date32())]
    ),
    "customers": pa.schema([("id", pa.int64()), ("limit_amount", pa.float64()), ("segment", pa.string())]),
}


def layered_views(count: int) -> dict[str, str]:
    """``count`` views in ten layers: filters with subqueries, joins, aggregates, windows, unions."""
    width = max(1, count // LAYERS)
    views: dict[str, str] = {}
    for number in range(count):
        layer = min(number // width, LAYERS - 1)
        above, beside = f"view_{number - width}", f"view_{(layer - 1) * width + (number * 7) % width}"
        if layer == 0:
            sql = (
                "select id, customer, amount, upper(status) as status, day from orders "
                f"where amount > {number} and customer in (select id from customers where segment <> 's{number}')"
            )
        elif number % 3 == 0:
            sql = (
                "select max(id) as id, customer, sum(amount) as amount, min(status) as status, max(day) as day "
                f"from {above} group by customer having count(*) > 1"
            )
        elif number % 3 == 1:
            sql = (
                "select x.id, x.customer, x.amount + y.amount as amount, x.status, y.day "
                f"from {above} x join {beside} y on x.id = y.id "
                f"where x.amount > (select avg(z.amount) from {beside} z where z.customer = x.customer)"
            )
        else:
            sql = (
                f"with ranked as (select *, row_number() over (partition by customer order by amount desc, id) "
                f"as place from {above}) select id, customer, amount, status, day from ranked where place = 1 "
                f"union all select id, customer, amount, case when amount > 1 then status else 'low' end, day "
                f"from {beside}"
            )
        views[f"view_{number}"] = sql
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
