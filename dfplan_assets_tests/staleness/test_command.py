"""What ``dfplan run --stale`` runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.staleness.situations import SITUATIONS, Bases, check, each_situation


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"))


def test_there_are_enough_situations_and_each_has_a_title_of_its_own() -> None:
    assert len(SITUATIONS) >= 60
    assert len({each["title"] for each in SITUATIONS}) == len(SITUATIONS)


@each_situation
def test_command_runs_what_has_to_run_and_nothing_else(
    situation: Mapping[str, Any], bases: Bases, tmp_path: Path
) -> None:
    check(situation, "command", bases, tmp_path)
