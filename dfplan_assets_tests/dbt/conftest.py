from __future__ import annotations

from dfplan_assets_tests.cli.conftest import _no_environment, dfplan, dfplan_json

__all__ = ["_no_environment", "dfplan", "dfplan_json"]
