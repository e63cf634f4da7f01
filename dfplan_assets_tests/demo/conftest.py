"""Small data, made once for each test process, and the demo's results over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfplan_assets.demo import data
from dfplan_assets_tests.demo import warehouse
from dfplan_assets_tests.demo.shop import Shop


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``data/`` holds the demo's data at scale 0.01; not to be changed."""
    folder = tmp_path_factory.mktemp("retailer")
    data.make(folder, "0.01")
    return folder


@pytest.fixture(scope="session")
def shop(project: Path) -> Shop:
    """The raw data as plain Python values, for figures that do not come from DataFusion."""
    return Shop.read(project / "data")


@pytest.fixture(scope="session")
def demo(project: Path) -> warehouse.Warehouse:
    """The results of all views with the parameters of ``dfplan.yaml``."""
    return warehouse.run(project, target_partitions=2)
