"""Planning: what views mean, without running them."""

from __future__ import annotations

from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.planning.project_plan import plan_project

__all__ = ["ProjectPlan", "ViewPlan", "plan_project"]
