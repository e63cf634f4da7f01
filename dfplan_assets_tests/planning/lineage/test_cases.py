"""Lineage, case by case: a query and what it must say, as data in ``cases/*.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets_tests.cases import read_cases
from dfplan_assets_tests.planning.projects import project

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['title']}") for file in FILES for case in read_cases(file)
]


@pytest.mark.parametrize("case", CASES)
def test_lineage_of(case: dict[str, Any]) -> None:
    plan = plan_project(project({"v": case["sql"]}, settings=case.get("settings")))
    lineage = plan.views["v"].lineage
    columns = {
        name: {
            kind: [f"{origin.table}.{origin.column}" for origin in origins if origin.kind == kind]
            for kind in ("direct", "indirect")
        }
        for name, origins in lineage.columns.items()
    }
    assert columns == case["columns"]
    assert list(columns) == list(case["columns"]), "the order of output columns"
    assert list(lineage.tables) == case["tables"]
    assert list(lineage.unused_tables) == case.get("unused_tables", [])
    required = {table: list(names) for table, names in lineage.required_columns.items()}
    assert required == case["required_columns"]
    assert list(lineage.functions) == case["functions"]
