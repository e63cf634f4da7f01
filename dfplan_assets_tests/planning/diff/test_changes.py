"""Each change of a query has its kind and its cause: the cases of changes.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.planning.diff import difference
from dfplan_assets_tests.cases import read_cases
from dfplan_assets_tests.planning.diff.plans import facts

CASES: list[dict[str, Any]] = read_cases(Path(__file__).with_name("changes.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["title"]))
def test_a_change_has_its_kind_and_cause(case: dict[str, Any]) -> None:
    params = case.get("params")
    found = difference(facts(case["before"], params=params), facts(case["after"], params=params))
    columns = None if "columns" not in case else tuple(case["columns"])
    assert (found.kind, found.cause, found.changed_columns) == (case["kind"], case["cause"], columns)
