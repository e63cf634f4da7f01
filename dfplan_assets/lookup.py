"""Finding what is meant: the project where none is named, a view by its name."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import dfplan_assets.demo
from dfplan_assets.errors import UnknownNameError
from dfplan_assets.project.suggestions import nearest

PROJECT_VARIABLE = "DFPLAN_PROJECT"
PROJECT_FILE = "dfplan.yaml"


def configured_project() -> Path:
    """The folder named by the environment variable ``DFPLAN_PROJECT``, else the demo."""
    configured = os.environ.get(PROJECT_VARIABLE)
    return Path(configured) if configured else Path(dfplan_assets.demo.__file__).parent


def nearest_project() -> Path:
    """The current folder if it is a project, else the configured one."""
    here = Path.cwd()
    return here if (here / PROJECT_FILE).exists() else configured_project()


def check_view(name: str, views: Collection[str], where: str) -> str:
    """The name, if it is one of the views; raises UnknownNameError with the nearest one if not."""
    if name in views:
        return name
    near = nearest(name, views)
    hint = f"Did you mean {near}? " if near is not None else ""
    raise UnknownNameError(
        where, f"there is no view {name}", f"{hint}`dfplan plan` lists all {len(views)} views."
    )
