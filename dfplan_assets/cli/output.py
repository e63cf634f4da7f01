"""Printing answers on standard output, and keeping everything else away from it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, overload

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

_WIDTH_OF_A_PIPE = 4096


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_text(*parts: RenderableType) -> None:
    """Prints for reading: as wide as the terminal, and in a pipe one line for each row."""
    console = Console(highlight=False, soft_wrap=False)
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    console.width = _WIDTH_OF_A_PIPE
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    for line in captured.get().splitlines():
        print(line.rstrip())


class Preformatted:
    """Text whose lines mean something as they stand; a note takes its place where it is too wide.

    Drawings of trees are nothing any more once their lines are folded.
    """

    def __init__(self, text: str, *, fold: bool = True) -> None:
        self._text = text
        self._fold = fold

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The text as lines that no markup, highlighting or folding of words changes."""
        width = max((cell_len(line) for line in self._text.splitlines()), default=0)
        if width <= options.max_width or self._fold:
            yield Text(self._text, overflow="fold")
        else:
            yield Text(
                f"It is {width} columns wide, more than there is room for: see it whole with | less -S",
                style="dim",
            )


@overload
def isoformat(moment: datetime) -> str: ...
@overload
def isoformat(moment: None) -> None: ...
@overload
def isoformat(moment: datetime | None) -> str | None: ...
def isoformat(moment: datetime | None) -> str | None:
    """A moment as JSON has it: ISO 8601 with its zone, to the microsecond."""
    return None if moment is None else moment.isoformat()


def number_or_none(number: float) -> float | None:
    """A number as JSON has it: null for one that is not known."""
    return None if math.isnan(number) else number


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Sends what any code writes to standard output to standard error, Rust and C code included."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
