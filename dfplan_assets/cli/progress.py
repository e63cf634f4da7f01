"""The progress of a run on standard error: one line that moves, or in a log one line for each view."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from dfplan_assets.orchestration.run_report import RunListener, ViewOutcome


@contextmanager
def progress_display() -> Iterator[RunListener]:
    """A listener that shows a run's progress, as a bar on a terminal and as lines in a log."""
    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def on_selected(self, views: tuple[str, ...]) -> None:
        self._progress.update(self._task, total=len(views))

    def on_order(self, line: str) -> None:
        self._progress.console.print(line, style="dim", markup=False)

    def on_start(self, view: str) -> None:
        self._progress.update(self._task, description=view)

    def on_outcome(self, outcome: ViewOutcome) -> None:
        self._progress.update(self._task, advance=1)
        if outcome.state == "failed":
            self._progress.console.print(f"{outcome.view} failed", style="red", markup=False)


class _Lines:
    def __init__(self) -> None:
        self._total = self._done = 0

    def on_selected(self, views: tuple[str, ...]) -> None:
        self._total = len(views)

    def on_order(self, line: str) -> None:
        print(line, file=sys.stderr)

    def on_start(self, view: str) -> None:
        """Nothing: a log has a line for each view that is done."""

    def on_outcome(self, outcome: ViewOutcome) -> None:
        self._done += 1
        if outcome.state == "cached":
            figures = "unchanged"
        elif outcome.state == "failed":
            figures = "failed"
        else:
            rows = "done" if outcome.rows is None else f"{outcome.rows:,} rows"  # of a table
            figures = f"{rows} in {outcome.wall_seconds:.2f} s"
        print(f"[{self._done}/{self._total}] {outcome.view}: {figures}", file=sys.stderr)
