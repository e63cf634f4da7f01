"""Changes around a query: its parameters, inputs, functions, settings, and the engine."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from dfplan_assets.planning.bundle import EnvironmentPart, Identity
from dfplan_assets.planning.diff import PlanFacts, difference
from dfplan_assets_tests.planning.diff.plans import ORDERS, TABLES, facts

BY_YEAR = "select id, price from orders where year >= $min_year and status <> 'void'"


def with_parts(side: PlanFacts, **parts: str) -> PlanFacts:
    """The same plan with other hashes in some parts of its identity."""
    known = side.identity
    same_results = {*parts} <= {"engine", "physical"}
    fingerprint = known.fingerprint if same_results else f"not {known.fingerprint}"
    return replace(side, identity=Identity({**known.parts, **parts}, fingerprint, "other", ()))


def under_engine(side: PlanFacts, version: str) -> PlanFacts:
    """The same plan as another release of DataFusion would have it."""
    versions = EnvironmentPart("versions", json.dumps([["datafusion", version]]), "")
    others = tuple(part for part in side.environment if part.name != "versions")
    return with_parts(replace(side, environment=(*others, versions)), engine=version)


def with_types(**types: pa.DataType) -> dict[str, pa.Schema]:
    """The tables, with some columns of orders of other types."""
    fields = [field.with_type(types.get(field.name, field.type)) for field in ORDERS]
    return {**TABLES, "orders": pa.schema(fields)}


def test_a_parameter_with_another_value() -> None:
    found = difference(facts(BY_YEAR, params={"min_year": 1994}), facts(BY_YEAR, params={"min_year": 1995}))
    assert found.cause == "parameter $min_year: 1994 → 1995"
    assert found.kind == "rows or values may differ"
    assert found.changed_parts == ("parameters",)
    assert found.changed_columns is None


def test_a_parameter_of_another_type() -> None:
    found = difference(facts(BY_YEAR, params={"min_year": 1994}), facts(BY_YEAR, params={"min_year": 1994.0}))
    assert found.cause == "parameter $min_year: 1994 → 1994.0"


def test_a_filter_that_differs_by_its_parameter_alone_is_not_told_twice() -> None:
    after = facts(BY_YEAR.replace("void", "lost"), params={"min_year": 1995})
    found = difference(facts(BY_YEAR, params={"min_year": 1994}), after)
    assert found.causes == (
        "parameter $min_year: 1994 → 1995",
        "filter `status != 'void'` became `status != 'lost'`",
    )


def test_a_secret_value_is_never_shown() -> None:
    query = "select id from orders where status = $token"
    secret = frozenset({"token"})
    before = facts(query, params={"token": "hunter2"}, secret=secret)
    after = facts(query, params={"token": "swordfish"}, secret=secret)
    found = difference(before, after)
    assert found.cause == "parameter $token: the value changed, which is secret"
    assert not any(word in repr(found) for word in ("hunter2", "swordfish"))


def test_an_input_column_of_another_type_reaches_the_columns_made_of_it() -> None:
    query = "select id, price * 2 as double, status from orders"
    found = difference(facts(query), facts(query, tables=with_types(price=pa.decimal128(12, 2))))
    assert found.causes[0] == "input orders.price: float64 → decimal128(12, 2)"
    assert "output column double: float64 → decimal128(33, 2)" in found.causes
    assert found.changed_columns == ("double",)
    assert found.kind == "rows or values may differ"


def test_an_input_column_of_another_width_changes_what_is_made_of_it() -> None:
    query = "select id, count(price) as n, max(year) as last from orders group by id"
    found = difference(facts(query), facts(query, tables=with_types(price=pa.float32())))
    assert found.cause == "input orders.price: float64 → float32"
    assert found.changed_columns == ("n",)


def test_an_input_column_of_another_type_under_distinct_changes_the_rows() -> None:
    query = "select distinct id, price from orders"
    found = difference(facts(query), facts(query, tables=with_types(price=pa.float32())))
    assert found.changed_columns is None


def test_a_column_that_is_not_used_changes_nothing() -> None:
    query = "select id from orders"
    found = difference(facts(query), facts(query, tables=with_types(price=pa.float32())))
    assert (found.kind, found.causes) == ("identical", ("nothing differs",))


def test_a_setting_that_decides_results() -> None:
    query = "select to_timestamp(year) as t from orders"
    after = facts(query, settings={"datafusion.execution.time_zone": "Europe/Berlin"})
    found = difference(facts(query), after)
    assert "settings" in found.changed_parts
    assert any(
        cause.startswith("setting datafusion.execution.time_zone:") and cause.endswith("→ Europe/Berlin")
        for cause in found.causes
    )
    assert found.kind == "rows or values may differ"


def test_a_function_of_the_user_s_with_another_body() -> None:
    side = facts("select id from orders")
    side = replace(side, lineage=replace(side.lineage, functions=("score", "sum")))
    found = difference(side, with_parts(side, functions="another"))
    assert found.cause == "function score: its body changed"
    assert found.kind == "rows or values may differ"


def test_the_engine_alone_changes_how_rows_are_found() -> None:
    side = facts("select id from orders")
    found = difference(under_engine(side, "54.1.0"), under_engine(side, "55.0.0"))
    assert found.kind == "physical only"
    assert found.cause == "DataFusion 54 → 55; the query is the same"


@pytest.mark.parametrize(
    ("sql", "kind", "cause"),
    [
        (
            "SELECT id FROM orders -- all",
            "unknown",
            "DataFusion 54 → 55: their plans cannot be compared; the SQL text is the same",
        ),
        (
            "select o.id from orders o",
            "unknown",
            "DataFusion 54 → 55: their plans cannot be compared; "
            "the plan as written is the same, the SQL is not",
        ),
        (
            "select id from orders where price > 1",
            "rows or values may differ",
            "filter `price > 1` was added; DataFusion 54 → 55",
        ),
        (
            "select id, price from orders",
            "rows or values may differ",
            "column price added; DataFusion 54 → 55",
        ),
    ],
)
def test_across_releases_that_encode_plans_differently_nothing_is_promised(
    sql: str, kind: str, cause: str
) -> None:
    before = with_parts(under_engine(facts("select id from orders"), "54.1.0"), meaning="as 54 writes it")
    found = difference(before, under_engine(facts(sql), "55.0.0"))
    assert (found.kind, found.cause) == (kind, cause)
    assert found.changed_columns is None


def test_a_patch_of_the_engine_is_named_in_full() -> None:
    side = facts("select id from orders")
    found = difference(under_engine(side, "55.0.0"), under_engine(side, "55.0.1"))
    assert found.cause == "DataFusion 55.0.0 → 55.0.1; the query is the same"
