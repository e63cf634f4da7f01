from __future__ import annotations

import pyarrow as pa
import pytest
from datafusion import SessionContext

from dfplan_assets.project.names import canonical_name


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("orders", "orders"),
        ("Orders", "Orders"),
        ("staging.orders", "staging.orders"),
        ("public.orders", "orders"),
        ("public.Orders 2024", "Orders 2024"),
        ("Public.orders", "Public.orders"),
        ("größe", "größe"),
        ("public", "public"),
    ],
)
def test_one_table_has_one_name(written: str, canonical: str) -> None:
    assert canonical_name(written) == canonical


def test_the_schema_public_is_the_one_of_plain_names() -> None:
    ctx = SessionContext()
    ctx.register_record_batches("orders", [[pa.record_batch({"id": [1]})]])
    assert ctx.sql('select * from "public"."orders"').to_pydict() == {"id": [1]}
    with pytest.raises(ValueError, match="not found"):
        ctx.sql('select * from "Public"."orders"')


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " a", "a ", "a. b"),
        *("../x", "..", ".", ".x", "x.", "a..b", "a/b", "a\\b", "/etc"),
        *("a\nb", "a\0b", "a\u2028b"),
        *("a.b.c", "information_schema.tables", "x" * 201, "ä" * 101),
    ],
)
def test_names_that_are_no_folder_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|schema"):
        canonical_name(name)
