"""A project's folder of function modules, made for a test."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from pathlib import Path

from dfplan_assets.planning.function_collection import user_functions
from dfplan_assets.planning.user_functions import UserFunctions
from dfplan_assets_tests.planning.projects import project


def write(root: Path, files: Mapping[str, str]) -> None:
    """Writes files below a folder, their text without its common indentation."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))


def functions_in(root: Path, *extends: str) -> UserFunctions:
    """The functions that a folder's modules add."""
    return user_functions(dataclasses.replace(project({}), root=root, extends=extends))
