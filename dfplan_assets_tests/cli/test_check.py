"""``dfplan check``, and what ``dfplan plan`` says of checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfplan_assets_tests.cli.conftest import Dfplan
from dfplan_assets_tests.execution.projects import run
from dfplan_assets_tests.small_projects import plan_of, write_shop

PASSED = "3 rows pass"


def shop(folder: Path, *checks: str) -> Path:
    """The shop with a view ``sales`` over its orders that has these checks, run."""
    listed = "".join(f"  - {check}\n" for check in checks)
    write_shop(folder, sales=f"/* ---\nchecks:\n{listed}--- */\nselect id, price from orders")
    run(plan_of(folder), "sales")
    return folder


def test_checks_are_made_over_what_is_published(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop(tmp_path, "unique: id", "expression: price > 15"), "check")
    assert result.exit_code == 1
    head, unique, expression, blank, summary = result.stdout.splitlines()
    assert head.split() == ["view", "check", "found"]
    assert unique.split(maxsplit=3) == ["sales", "unique_id", "passed", PASSED]
    assert expression.endswith("failed  1 of 3 rows (33.3 %): price > 15 does not hold")
    assert (blank, summary) == ("", "2 checks: 1 passed, 1 failed")


def test_the_answer_as_json(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan(
        "--project",
        shop(tmp_path, "accepted_values: {column: id, values: [1, 2]}"),
        "check",
        "--format",
        "json",
    )
    document = json.loads(result.stdout)
    assert document["success"] is False
    found = document["views"]["sales"]["accepted_values_id"]
    assert found.pop("seconds") > 0
    assert found == {
        "passed": False,
        "severity": "error",
        "blocking": False,
        "reason": "1 of 3 rows (33.3 %): a value of id that is not accepted",
        "rows": 3,
        "failing_rows": 1,
        "sample": [{"id": "3", "price": "30.5"}],
        "sql": 'SELECT "id", "price" FROM "sales" WHERE "id" NOT IN (1, 2)',
    }


def test_what_only_warns_and_what_passes_end_well(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    folder = shop(tmp_path, "unique: id", "row_count: {max: 2}\n    severity: warn")
    document = dfplan_json("--project", folder, "check")
    assert document["success"] is True
    assert [check["passed"] for check in document["views"]["sales"].values()] == [True, False]


def test_a_selection_is_as_for_run(tmp_path: Path, dfplan_json: Callable[..., Any]) -> None:
    document = dfplan_json("--project", shop(tmp_path, "unique: id"), "check", "+sales or best")
    assert list(document["views"]) == ["sales"]


def test_a_partition_is_asked_for_where_there_are_some(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop(tmp_path, "unique: id"), "check", "--partition", "2024-01-31")
    assert result.exit_code == 2
    assert "no view of the selection has both partitions and checks" in result.stderr


def test_a_selection_without_checks_has_nothing_to_check(tmp_path: Path, dfplan: Dfplan) -> None:
    result = dfplan("--project", shop(tmp_path, "unique: id"), "check", "revenue")
    assert result.exit_code == 0
    assert result.stdout.startswith("Nothing to check: ")


def test_a_check_that_cannot_be_made_is_told_by_every_command(tmp_path: Path, dfplan: Dfplan) -> None:
    folder = shop(tmp_path, "not_null: prise", "unique: id")
    message = (
        f"{folder / 'views' / 'sales.sql'}:3 (view sales): check not_null_prise: column prise does not exist"
    )
    planned = dfplan("--project", folder, "plan", "--format", "json")
    assert planned.exit_code == 2
    assert planned.stderr.startswith(f"Error: {message}\n  Did you mean price?")
    views = json.loads(planned.stdout)["views"]
    assert [name for name, view in views.items() if "check_problems" in view] == ["sales"]
    assert views["sales"]["check_problems"]["not_null_prise"].startswith(message)
    checked = dfplan("--project", folder, "check")
    assert checked.exit_code == 1
    assert "2 checks: 1 passed, 1 cannot be told" in checked.stdout
    ran = dfplan("--project", folder, "run", "sales")
    assert ran.exit_code == 0
    assert "Warning: not_null_prise: It cannot be told: " in ran.stderr
