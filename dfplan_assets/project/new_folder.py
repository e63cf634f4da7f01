"""Writing a new project's files into a folder that holds none yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dfplan_assets.errors import ProjectError


def write_new_folder(folder: Path, files: Mapping[Path, str]) -> None:
    """Writes files, by their paths below the folder, which must not exist or be empty.

    Raises ProjectError where it holds anything, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ProjectError(
                str(folder), "the folder is not empty, and nothing in it is replaced", "Name another folder."
            )
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise ProjectError(
            str(problem.filename or folder),
            f"the folder cannot be written: {problem.strerror}",
            "Correct its rights, or name another folder.",
        ) from problem
