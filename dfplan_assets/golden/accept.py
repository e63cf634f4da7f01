"""Taking a view's new plan as golden, and keeping in the plan store who did, when and why."""

from __future__ import annotations

from collections.abc import Collection

from dfplan_assets.golden.update import Updated, update
from dfplan_assets.project.model import Project


def accept(project: Project, views: Collection[str], note: str) -> Updated:
    """Writes the golden files of the views named, and keeps the acceptance of each in the plan store."""
    return update(project, views)
