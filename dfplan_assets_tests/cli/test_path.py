from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.small_projects import write_shop


def test_the_files_of_the_last_result_can_be_read(
    tmp_path: Path, dfplan: Dfplan, dfplan_json: Callable[..., Any]
) -> None:
    shop = write_shop(tmp_path)
    assert dfplan("--project", shop, "run", "revenue").exit_code == 0
    document = dfplan_json("--project", shop, "path", "revenue")
    assert set(document) == {"view", "files", "rows", "published_at"}
    assert (document["view"], document["rows"]) == ("revenue", 2)
    assert datetime.fromisoformat(document["published_at"]).tzinfo is not None
    rows = [row for file in document["files"] for row in pq.read_table(file).to_pylist()]
    assert sorted(rows, key=lambda row: row["name"]) == [
        {"name": "DE", "total": 30.5},
        {"name": "FR", "total": 30.0},
    ]
    assert dfplan("--project", shop, "path", "revenue").stdout.splitlines() == document["files"]


def test_a_view_that_was_never_published_is_the_answer_no(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", write_shop(tmp_path), "path", "revenue")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no published result" in result.stderr
    assert "dfplan run '+revenue'" in result.stderr


def test_the_files_are_told_even_if_no_view_can_be_planned_any_more(tmp_path: Path, dfplan: Dfplan) -> None:
    shop = write_shop(tmp_path)
    dfplan("--project", shop, "run", "revenue")
    (shop / "views" / "marts" / "revenue.sql").write_text("select nonsense", encoding="utf-8")
    assert dfplan("--project", shop, "path", "revenue").exit_code == 0
