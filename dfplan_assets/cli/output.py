"""Printing answers on standard output, and keeping everything else away from it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType

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
