"""The project that a function of the Python interface is given: planned, read, or a folder."""

from __future__ import annotations

import os
from pathlib import Path

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Project
from dfplan_assets.store.plan_memory import plan_remembered

AnyProject = ProjectPlan | Project | str | os.PathLike[str]
"""A project as planned, as read, or as the folder in which its ``dfplan.yaml`` lies."""


def planned(project: AnyProject) -> ProjectPlan:
    """The project planned; what cannot be planned is a view that says why.

    Raises InputError for a project that cannot be read.
    """
    if isinstance(project, ProjectPlan):
        return project
    loaded = project if isinstance(project, Project) else load_project(Path(project))
    return plan_remembered(loaded, keep=True, keep_going=True)
