"""Printing answers on standard output, and keeping everything else away from it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO, overload

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

_WIDTH_OF_A_PIPE = 4096


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON document; a number that is not finite, which JSON does not have, is null."""
    print_line(json.dumps(_with_finite_numbers(document), indent=2, ensure_ascii=False, allow_nan=False))


def _with_finite_numbers(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _with_finite_numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_finite_numbers(each) for each in value]
    return value


def print_line(text: str) -> None:
    """Prints a text as it is, with a line end."""
    with _answering():
        print(text)


def print_text(*parts: RenderableType) -> None:
    """Prints for reading: as wide as the terminal, and in a pipe one line for each row."""
    with _answering():
        console = Console(highlight=False, soft_wrap=False)
        if console.is_terminal:
            console.print(*parts, sep="\n")
            return
        console.width = _WIDTH_OF_A_PIPE
        with console.capture() as captured:
            console.print(*parts, sep="\n")
        for line in captured.get().splitlines():
            print(line.rstrip())


def terminal_width() -> int | None:
    """How many columns wide the terminal is that shows the answer; None where none does."""
    with _answering():
        console = Console()
        return console.width if console.is_terminal else None


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


@dataclass(frozen=True)
class _Answers:
    """Standard output as it was before it was sent away: its file descriptor, kept as another, and stream."""

    descriptor: int
    stream: TextIO


_answers: list[_Answers] = []


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Sends what any code writes to standard output to standard error, Rust and C code included.

    What this module prints is the answer, and still goes to standard output.
    """
    if _answers or sys.stdout is None:  # sent away already, or closed
        yield
        return
    sys.stdout.flush()
    _answers.append(_Answers(os.dup(1), sys.stdout))
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        kept = _answers.pop().descriptor
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Standard output as it was, also within ``stdout_to_stderr``."""
    if not _answers:
        yield
        return
    answers, away = _answers[-1], os.dup(1)
    try:
        os.dup2(answers.descriptor, 1)
        with contextlib.redirect_stdout(answers.stream):
            yield
            answers.stream.flush()
    finally:
        os.dup2(away, 1)
        os.close(away)
