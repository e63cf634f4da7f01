from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dfplan_assets.dbt.data_tests import NoCheckError, check_entry
from dfplan_assets.dbt.manifest import Test as DbtTest

TABLES = {"model.shop.orders": "orders", "model.shop.nation": "marts.nation"}
PLAIN = DbtTest(
    id="test.shop.x",
    name="a-name",
    kind="not_null",
    arguments={"column_name": "id"},
    tested="model.shop.orders",
    reads=("model.shop.orders",),
    severity="error",
    where=None,
    thresholds=False,
)


def entry(kind: str | None, where: str | None = None, **arguments: Any) -> dict[str, Any]:
    found = check_entry(replace(PLAIN, kind=kind, where=where, arguments=arguments), TABLES)
    return {key: value for key, value in found.items() if key not in ("name", "blocking")}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (entry("not_null", column_name="Id"), {"not_null": "id"}),
        (entry("not_null", column_name='"Id"'), {"not_null": "Id"}),
        (entry("unique", column_name="id"), {"unique": "id"}),
        (
            entry("accepted_values", column_name="s", values=["a", 1]),
            {"accepted_values": {"column": "s", "values": ["a", "1"]}},
        ),
        (
            entry("accepted_values", column_name="s", values=[1, 2.5, True], quote=False),
            {"accepted_values": {"column": "s", "values": [1, 2.5, True]}},
        ),
        (
            entry("not_null", where="total > 1 or x", column_name="id"),
            {"expression": '(total > 1 or x) is not true or "id" is not null'},
        ),
        (
            entry("accepted_values", where="t", column_name="s", values=["it's", "b"]),
            {"expression": """(t) is not true or "s" is null or "s" in ('it''s', 'b')"""},
        ),
        (entry("dbt_utils.expression_is_true", expression="a < b"), {"expression": "a < b"}),
        (entry("dbt_utils.expression_is_true", column_name="a", expression=">= 0"), {"expression": "a >= 0"}),
        (
            entry("dbt_utils.unique_combination_of_columns", combination_of_columns=["a", "B"]),
            {"unique": ["a", "b"]},
        ),
    ],
)
def test_a_test_becomes_the_check_that_means_the_same(found: object, expected: object) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("reads", "to"),
    [
        (("model.shop.nation", "model.shop.orders"), "marts.nation"),
        (("model.shop.orders", "model.shop.nation"), "marts.nation"),
        (("model.shop.orders",), "orders"),
    ],
)
def test_a_relationship_names_the_other_table_or_itself(reads: tuple[str, ...], to: str) -> None:
    test = replace(PLAIN, kind="relationships", reads=reads, arguments={"column_name": "n", "field": "key"})
    assert check_entry(test, TABLES)["relationships"] == {"column": "n", "to": to, "field": "key"}


def test_severity_decides_whether_a_check_blocks_as_dbt_build_does() -> None:
    assert check_entry(PLAIN, TABLES) == {"not_null": "id", "name": "a_name", "blocking": True}
    warned = check_entry(replace(PLAIN, severity="warn"), TABLES)
    assert warned == {"not_null": "id", "name": "a_name", "severity": "warn"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": None}, "a query of its own"),
        ({"kind": "positive"}, "no check of the kind positive"),
        ({"thresholds": True}, "lets some rows fail"),
        ({"kind": "unique", "where": "a > 1"}, "some rows only"),
        ({"kind": "unique", "arguments": {"column_name": "a || b"}}, "the expression 'a || b'"),
        ({"kind": "unique", "arguments": {}}, "names no column"),
        ({"kind": "relationships", "reads": ("model.shop.gone", "model.shop.orders")}, "was not taken over"),
        (
            {
                "kind": "accepted_values",
                "arguments": {"column_name": "a", "values": ["now()"], "quote": False},
            },
            "SQL expressions",
        ),
    ],
)
def test_what_has_no_exact_check_is_not_taken_over(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(NoCheckError, match=why.replace("|", r"\|").replace("(", r"\(")):
        check_entry(replace(PLAIN, **changed), TABLES)
