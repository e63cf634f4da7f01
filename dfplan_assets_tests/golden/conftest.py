from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.golden.update import update
from dfplan_assets.project import load_project
from dfplan_assets_tests.small_projects import write_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a small shop with golden plans: views revenue, best and mart.cheap."""
    folder = write_shop(tmp_path / "shop")
    update(load_project(folder))
    return folder
