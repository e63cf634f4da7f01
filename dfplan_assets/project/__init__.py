"""Reading and checking what the user wrote: ``dfplan.yaml`` and the views."""

from __future__ import annotations

from dfplan_assets.project.loading import load_project

__all__ = ["load_project"]
