"""The order of a run from measured cost. Pure: no DataFusion, no Dagster, no files."""

from __future__ import annotations

from dfplan_assets.scheduling.simulate import simulate

__all__ = ["simulate"]
