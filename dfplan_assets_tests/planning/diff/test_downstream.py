"""The views that a change reaches, by the columns that they read."""

from __future__ import annotations

import pytest

from dfplan_assets.planning.diff import reached_views
from dfplan_assets_tests.planning.diff.plans import planned

VIEWS = {
    "base": "select id, nation_key, price, cost from orders",
    "prices": "select id, price from base",
    "costs": "select id, cost from base",
    "dear": "select id from prices where price > 10",
    "dear_ids": "select id from dear",
    "counted": "select count(*) as n from base",
    "ordered": "select id from base order by cost",
    "margins": "select p.id, p.price - c.cost as margin from prices p join costs c on p.id = c.id",
    "kinds": "select distinct nation_key, cost from base",
    "kinds_keys": "select nation_key from kinds",
    "apart": "select id from old_orders",
}


@pytest.mark.parametrize(
    ("columns", "reached"),
    [
        ((), set()),
        (("price",), {"prices", "dear", "dear_ids", "margins"}),
        (("cost",), {"costs", "ordered", "margins", "kinds", "kinds_keys"}),
        (("gone",), set()),
        (None, set(VIEWS) - {"base", "apart"}),
    ],
)
def test_a_change_reaches_the_views_that_read_what_changed(
    columns: tuple[str, ...] | None, reached: set[str]
) -> None:
    plan = planned(VIEWS)
    found = reached_views(plan, "base", columns)
    assert set(found) == reached
    assert list(found) == [name for name in plan.views if name in reached]
