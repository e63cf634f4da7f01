"""The folder of golden files.

<folder>/<view>/plan.txt          for review: operators, join order, filters, partitioning
<folder>/<view>/complete.json     everything, which checks compare
<folder>/project.environment.json what all views are planned in (no view's name has three parts)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from dfplan_assets.errors import GoldenError
from dfplan_assets.golden.sealed import restoring

_REVIEW, _COMPLETE = "plan.txt", "complete.json"
_SURROUNDINGS = "project.environment.json"


class GoldenFolder:
    """Golden files below ``root``: read and written as whole texts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def surroundings(self) -> Path:
        """The project's own golden file."""
        return self.root / _SURROUNDINGS

    def complete(self, view: str) -> Path:
        """The complete file of a view."""
        return self.root / view / _COMPLETE

    def review(self, view: str) -> Path:
        """The short file of a view."""
        return self.root / view / _REVIEW

    def views(self) -> tuple[str, ...]:
        """The views that have golden files, by name; some may be gone from the project."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(folder.name for folder in self.root.iterdir() if any(self._files(folder))))

    def read(self, file: Path) -> str | None:
        """The text of a file; None where there is none. Raises GoldenError for one that is no text."""
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return None
        except UnicodeDecodeError as error:
            raise GoldenError(
                str(file),
                f"it is no UTF-8 text: {error}",
                restoring(None if file == self.surroundings else file.parent.name),
            ) from error
        except OSError as error:
            raise GoldenError(
                str(file), f"it cannot be read: {error.strerror}", "Correct its permissions."
            ) from error

    def write(self, file: Path, text: str) -> bool:
        """Whether a file had to be replaced to have this text. Raises GoldenError where it cannot."""
        if self._has(file, text):
            return False
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8", newline="\n")
            os.replace(beside, file)
            return True
        except OSError as error:
            with contextlib.suppress(OSError):  # the error that counts is the first
                beside.unlink()
            raise GoldenError(
                str(file),
                f"it cannot be written: {error.strerror}",
                "Make the folder writable, or name another in dfplan.yaml: golden: {folder: …}",
            ) from error

    def remove(self, view: str) -> None:
        """Removes the golden files of a view, and its folder where nothing else is in it."""
        folder = self.root / view
        try:
            for file in self._files(folder):
                file.unlink()
            if not any(folder.iterdir()):
                folder.rmdir()
        except OSError as error:
            raise GoldenError(
                str(folder), f"it cannot be removed: {error.strerror}", "Remove it by hand."
            ) from error

    def _files(self, folder: Path) -> Iterator[Path]:
        return (file for file in (folder / _REVIEW, folder / _COMPLETE) if file.is_file())

    def _has(self, file: Path, text: str) -> bool:
        try:
            return file.read_bytes() == text.encode()
        except OSError:
            return False
