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


class Drawing:
    """Lines that mean something only as they stand; a note takes their place where they are too wide."""

    def __init__(self, text: str, command: str) -> None:
        self._text = text
        self._command = command

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines unfolded, or how to see them."""
        width = max(map(cell_len, self._text.splitlines()), default=0)
        if width <= options.max_width:
            yield Text(self._text)
        else:
            note = f"It is {width} columns wide, and there is room for {options.max_width}. See it whole with"
            yield Text(f"{note}\n{self._command} | less -S", style="dim")


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
