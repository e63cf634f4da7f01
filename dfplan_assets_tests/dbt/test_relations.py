from __future__ import annotations

import pytest

from dfplan_assets.dbt.relations import relation_parts, rewrite

NAMES = {
    ("shop", "main", "orders"): "orders",
    ("shop", "raw", "orders"): "raw.orders",
    ("main", "nation"): "nation",
    ("lake", "raw", "Ev ents"): "raw.Ev ents",
}


@pytest.mark.parametrize(
    ("sql", "rewritten", "found"),
    [
        ('select * from "shop"."main"."orders"', 'select * from "orders"', 1),
        (
            'from "shop"."main"."orders" join "shop"."raw"."orders" r',
            'from "orders" join "raw"."orders" r',
            2,
        ),
        ('from "shop" . "main" /* x */ . "orders" o', 'from "orders" o', 1),
        ("from shop.main.orders where shop.main.orders.id = 1", 'from "orders" where "orders".id = 1', 1),
        ('select "shop"."main"."orders"."id" from x', 'select "orders"."id" from x', 1),
        ("from `lake`.raw.`Ev ents`", 'from "raw"."Ev ents"', 1),
        ("from main.nation, other.main.nation", 'from "nation", other.main.nation', 1),
        # What only looks like a relation.
        ('select \'from "shop"."main"."orders"\' as text', None, 0),
        ('select 1 -- "shop"."main"."orders"', None, 0),
        ('select 1 /* "shop"."main"."orders" */', None, 0),
        ('select "shop"."main" from x', None, 0),
        ('from "Shop"."main"."orders"', None, 0),
        ("select $$ shop.main.orders $$", None, 0),
    ],
)
def test_relations_are_replaced_where_they_are_tables(sql: str, rewritten: str | None, found: int) -> None:
    result = rewrite(sql, NAMES)
    assert result.sql == (sql if rewritten is None else rewritten)
    assert len(result.relations) == found


def test_a_relation_is_read_in_every_warehouses_quotes() -> None:
    assert relation_parts('"a b"."c""d"."e"') == ("a b", 'c"d', "e")
    assert relation_parts("DB.SCHEMA.T") == ("DB", "SCHEMA", "T")
    assert relation_parts("`p`.`d`.`t`") == ("p", "d", "t")
