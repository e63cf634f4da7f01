"""Two plans side by side: what changed stands next to each other, the rest is folded."""

from __future__ import annotations

import doctest

import pytest

from dfplan_assets.planning.diff import difference, lines, side_by_side, sql_edits
from dfplan_assets_tests.planning.diff.plans import facts

DEEP = (
    "select name, total from (select n.name, sum(o.price) as total from orders o "
    "join (select key, name from nation where name <> 'PERU') n on o.nation_key = n.key "
    "where o.price > {price} group by n.name) where total > 5"
)


@pytest.mark.parametrize("module", [lines, sql_edits])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_what_changed_is_shown_with_the_node_above_and_the_root() -> None:
    rows = difference(facts(DEEP.format(price=1)), facts(DEEP.format(price=2))).logical_tree
    assert [(row.change, row.nodes) for row in rows] == [
        ("same", 1),
        ("folded", 2),
        ("same", 1),
        ("changed", 1),
        ("folded", 5),
    ]
    assert (rows[3].before, rows[3].after) == (
        "Filter: orders.price > 1",
        "Filter: orders.price > 2",
    )
    assert rows[4].before == "… 5 unchanged nodes"


def test_the_text_is_of_fixed_width_and_loses_nothing_that_changed() -> None:
    conditions = " and ".join(f"price <> {n}" for n in range(30))
    before = facts(f"select id from orders where {conditions}")
    after = facts(f"select id from orders where {conditions} and cost = 99")
    text = side_by_side(difference(before, after).logical_tree, 80)
    assert max(map(len, text.splitlines())) <= 80
    right = " ".join(line[41:].strip() for line in text.splitlines())
    assert "orders.price != 29 AND orders.cost = 99" in right.replace("  ", " ") or "cost = 99" in right


def test_added_and_removed_nodes_stand_alone() -> None:
    before = facts("select id from orders where price > 1")
    after = facts("select id from orders order by id")
    text = side_by_side(difference(before, after).logical_tree, 100)
    assert text.splitlines() == [
        f"{'':<48} > Sort: id",
        f"{'Projection: id':<48}     Projection: id",
        f"{'  Filter: price > 1':<48} <",
        f"{'    TableScan: orders':<48}       TableScan: orders",
    ]


def test_lines_that_read_alike_are_shown_as_the_engine_writes_them() -> None:
    found = difference(
        facts("select id from orders where price > 1"), facts("select id from orders where price > 1.0")
    )
    changed = [row for row in found.logical_tree if row.change == "changed"]
    assert [(row.before, row.after) for row in changed] == [
        ("Filter: orders.price > Int64(1)", "Filter: orders.price > Float64(1)")
    ]


def test_a_plan_with_line_breaks_in_its_strings_keeps_its_shape() -> None:
    found = difference(
        facts("select id from orders where status = 'a\n  b'"),
        facts("select id from orders where status = 'a\n  c'"),
    )
    assert [row.change for row in found.logical_tree] == ["same", "changed", "same"]


def test_a_deep_plan_is_compared() -> None:
    sql = "select id from orders where price > {}" + "".join(
        f" union all select id from old_orders where price > {n}" for n in range(120)
    )
    found = difference(facts(sql.format(1000)), facts(sql.format(2000)))
    assert found.cause == "filter `price > 1000` became `price > 2000`"
    assert max(map(len, side_by_side(found.logical_tree, 100).splitlines())) <= 100
