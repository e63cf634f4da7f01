from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dfplan_assets.cli import main

Dfplan = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go where a test says, not where the tester's own Dagster keeps its runs."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("DFPLAN_PROJECT", raising=False)


@pytest.fixture
def dfplan() -> Dfplan:
    """The command, called in this process with its arguments as a user writes them."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)

    return call


@pytest.fixture
def dfplan_json(dfplan: Dfplan) -> Callable[..., Any]:
    """The command's answer as JSON, after it said that all is well."""

    def call(*arguments: object) -> Any:
        result = dfplan(*arguments, "--format", "json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return call
