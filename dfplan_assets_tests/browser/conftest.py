"""Where the browser's screenshots are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dfplan_assets_tests.conftest import SCREENSHOTS


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Path:
    """An empty folder that stays when the tests have ended, and is named at their end."""
    folder = request.config.rootpath / "test-output" / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record_property(SCREENSHOTS, str(folder))
    return folder
