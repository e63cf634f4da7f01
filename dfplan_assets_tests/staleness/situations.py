"""What runs when something changed, told by hand and held against whoever decides it.

The command, the UI and the sensor have a test module each, so that they run side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets.staleness.drift import own_reasons_of
from dfplan_assets.staleness.look import staleness_now
from dfplan_assets.staleness.staleness import to_run
from dfplan_assets_tests.cases import read_cases
from dfplan_assets_tests.partitioned import DAYS
from dfplan_assets_tests.staleness.world import DECIDERS, World, write_base

_DOCUMENT = read_cases(Path(__file__).with_name("situations.yaml"))
SITUATIONS: list[dict[str, Any]] = _DOCUMENT["situations"]


def base(name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = _DOCUMENT["bases"][name]
    like = found.get("like")
    return found if like is None else {**_DOCUMENT["bases"][like], **found}


class Bases:
    """Projects that have run, each made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, World] = {}

    def __getitem__(self, name: str) -> World:
        if name not in self._made:
            folder = self._folder / name
            folder.mkdir()
            with pytest.MonkeyPatch.context() as environment:
                _forget_environment(environment)
                write_base(folder, base(name))
            self._made[name] = World(folder)
        return self._made[name]


each_situation = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each["title"])


def check(situation: Mapping[str, Any], decider: str, bases: Bases, folder: Path) -> None:
    """What has to run in a situation runs, and nothing else, by whom ``decider`` names."""
    with pytest.MonkeyPatch.context() as environment:
        _forget_environment(environment)
        world = bases[situation["base"]].copy(folder / "world")
        for change in situation["change"]:
            world.change(change)
        expected = _parts(situation.get(decider, situation["runs"]))
        assert world.executed(DECIDERS[decider]) == set(expected)
        if decider == "command":
            failed = set(situation.get("fails", []))
            assert {view for view, state in world.last_states.items() if state == "failed"} == failed
            plan = world.plan()
            volatile = {view for view, each in plan.views.items() if each.identity.volatile_functions}
            staleness = staleness_now(plan)
            stale = {part.view for part in to_run(staleness) if own_reasons_of(staleness, part)}
            left = set(situation.get("stale", failed))
            assert stale == left | (volatile & {name.split()[0] for name in expected})


def _parts(names: Sequence[str]) -> list[str]:
    """The views and partitions that are meant: ``daily *`` is each day of ``DAYS``, ``daily 29`` that one."""
    found = []
    for name in names:
        view, _, short = name.partition(" ")
        days = [day for day in DAYS if short == "*" or day.endswith(f"-{short}")]
        found += [f"{view} {key}" for key in days or [short]] if short else [view]
    return found


def _forget_environment(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DAGSTER_HOME", raising=False)
    environment.delenv("DFPLAN_PROJECT", raising=False)
