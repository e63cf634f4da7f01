from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go where a test says, not where the tester's own Dagster keeps its runs."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("DFPLAN_PROJECT", raising=False)
