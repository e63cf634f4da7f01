"""What runs when something changed: the command and the UI come to the same, and it is what has to run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfplan_assets.staleness.look import staleness_now
from dfplan_assets_tests.staleness.world import DECIDERS, World, write_base

_DOCUMENT = yaml.safe_load((Path(__file__).parent / "situations.yaml").read_text(encoding="utf-8"))
SITUATIONS: list[dict[str, Any]] = _DOCUMENT["situations"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("DFPLAN_PROJECT", raising=False)


def base(name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = _DOCUMENT["bases"][name]
    like = found.get("like")
    return found if like is None else {**_DOCUMENT["bases"][like], **found}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A base that has run, made once."""

    @cache
    def made(name: str) -> World:
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as environment:
            environment.delenv("DAGSTER_HOME", raising=False)
            write_base(folder, base(name))
        return World(folder)

    return made


def test_there_are_enough_situations_and_each_has_a_title_of_its_own() -> None:
    assert len(SITUATIONS) >= 60
    assert len({each["title"] for each in SITUATIONS}) == len(SITUATIONS)


@pytest.mark.parametrize("decider", DECIDERS)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each["title"])
def test_what_has_to_run_runs_and_nothing_else(
    situation: Mapping[str, Any], decider: str, bases: Any, tmp_path: Path
) -> None:
    world = bases(situation["base"]).copy(tmp_path / "world")
    for change in situation["change"]:
        world.change(change)
    expected = situation.get(decider, situation["runs"])
    assert world.executed(DECIDERS[decider]) == set(expected)
    if decider == "command":
        failed = set(situation.get("fails", []))
        assert {view for view, state in world.last_states.items() if state == "failed"} == failed
        plan = world.plan()
        volatile = {view for view, each in plan.views.items() if each.identity.volatile_functions}
        stale = {view for view, each in staleness_now(plan).items() if each.own}
        assert stale == failed | (volatile & set(expected))
