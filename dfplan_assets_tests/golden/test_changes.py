"""Each deliberate change has its kind and cause, and cosmetic ones are no drift: changes.yaml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.golden.check import check_project
from dfplan_assets.golden.update import update
from dfplan_assets.golden.verdict import Check
from dfplan_assets.planning import project_plan
from dfplan_assets.planning.functions import engine_functions
from dfplan_assets_tests.cases import read_cases
from dfplan_assets_tests.golden.projects import changed, project_of

DOCUMENT: dict[str, Any] = read_cases(Path(__file__).with_name("changes.yaml"))
CASES: list[dict[str, Any]] = DOCUMENT["cases"]


@pytest.fixture(scope="module")
def goldens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "goldens"
    assert update(project_of(DOCUMENT["project"], folder)).problems == ()
    return folder


def found(check: Check) -> dict[str, str]:
    """What drifted, as the cases have it."""
    assert check.all_problems == ()
    drift = {view.view: f"{view.kind}: {view.cause}" for view in check.drifted}
    return {**drift, **({"settings": "; ".join(check.settings)} if check.settings_drifted else {})}


def expected(entries: dict[str, str]) -> dict[str, str]:
    """What a case expects, with every view named."""
    rest = dict(entries)
    everywhere = rest.pop("every view", None)
    views = {} if everywhere is None else dict.fromkeys(DOCUMENT["project"]["views"], everywhere)
    return {**views, **rest}


def test_there_are_at_least_forty_changes() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["title"]))
def test_a_change_has_its_kind_and_cause(
    case: dict[str, Any], goldens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = dict(engine_functions())
    for name, body in case.get("functions", {}).items():
        functions[name] = replace(functions[name], source=body)
    monkeypatch.setattr(project_plan, "engine_functions", lambda: functions)
    project = project_of(changed(DOCUMENT["project"], case), goldens)
    assert found(check_project(project, level="plan")) == expected(case["drift"])
    drift = case.get("meaning", case["drift"])
    assert found(check_project(project, level="meaning")) == expected(drift)
