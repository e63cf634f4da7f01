"""What the drift sensor asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.staleness.situations import Bases, check, each_situation


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"))


@each_situation
def test_sensor_runs_what_has_to_run_and_nothing_else(
    situation: Mapping[str, Any], bases: Bases, tmp_path: Path
) -> None:
    check(situation, "sensor", bases, tmp_path)
