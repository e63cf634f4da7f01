"""Small projects on the disk for tests: files that a user could have written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.planning.bundle import PlanBundle, ProjectPlan, SubstraitPlan, Validation, ViewPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project

SHOP_VIEWS = {
    "marts/revenue.sql": """\
/* ---
description: Revenue per nation
owners: [team:finance]
tags: {domain: sales}
--- */
select n.name, sum(o.price) as total
from orders o join nation n on o.nation_key = n.key
group by n.name
""",
    "marts/best.sql": "select name from revenue order by total desc limit 1",
    "staging/mart.cheap.sql": "select id, price from orders where price < 25",
}


def write_project(
    folder: Path, views: Mapping[str, str], sources: Mapping[str, object] | None = None, **settings: object
) -> Path:
    """A project of these views (path below ``views/`` to text) and sources (name to path), as a folder."""
    for path, sql in views.items():
        file = folder / "views" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(sql, encoding="utf-8")
    (folder / "views").mkdir(exist_ok=True)
    document = {"name": "test", "sources": dict(sources or {}), **settings}
    (folder / "dfplan.yaml").write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    return folder


def write_shop(folder: Path, **more_views: str) -> Path:
    """Three orders in two nations, and views over them.

    The revenue of FR is 30, that of DE 30.5; two orders are cheaper than 25.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    orders = {"id": [1, 2, 3], "price": [10.0, 20.0, 30.5], "nation_key": [1, 1, 2]}
    pq.write_table(pa.table(orders), data / "orders.parquet")
    (data / "nation.csv").write_text("key,name\n1,FR\n2,DE\n", encoding="utf-8")
    views = {**SHOP_VIEWS, **{f"{name}.sql": sql for name, sql in more_views.items()}}
    return write_project(folder, views, {"orders": "data/orders.parquet", "nation": "data/nation.csv"})


def plan_of(folder: Path) -> ProjectPlan:
    """A project on the disk, planned."""
    return plan_project(load_project(folder))


def bundle_of(plan: ViewPlan) -> PlanBundle:
    """A bundle as capturing would make it for a plan whose physical side is of no interest."""
    return PlanBundle(
        view=plan.view.name,
        sql=plan.view.sql,
        lineage=plan.lineage,
        schema=plan.schema,
        logical_plan=plan.logical_plan,
        optimized_plan=plan.logical_plan,
        substrait=SubstraitPlan(None, "Literal: not captured", (), Validation("not validated", "it is off")),
        parameters=(),
        physical_plan="EmptyExec",
        topology=(),
        tree="EmptyExec",
        rules=None,
        environment=(),
        identity=plan.identity,
        planning_seconds=0.01,
    )
