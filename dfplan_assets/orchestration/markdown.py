"""Texts for Dagster's metadata: Markdown that cannot break out of its frame, and is never too large."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii


def fenced(text: str, language: str = "") -> str:
    """A code block, with a fence longer than any run of backticks inside.

    >>> fenced("a")
    '```\\na\\n```'
    """
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """A Markdown table; ``numeric`` says per column whether it is aligned to the right."""
    rule = ["---:" if right else "---" for right in numeric]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (header, rule, *rows))


def stored_bytes(text: str) -> int:
    """The size of a text in Dagster's event log, in bytes: JSON of plain ASCII.

    >>> stored_bytes("a\\n")
    3
    """
    return len(encode_basestring_ascii(text)) - 2


def fit(lines: Sequence[str], limit_bytes: int) -> int:
    """How many of the lines, from the first on, take no more than ``limit_bytes`` once stored."""
    used = 0
    for count, line in enumerate(lines):
        used += stored_bytes(line + "\n")
        if used > limit_bytes:
            return count
    return len(lines)


def shorten(text: str, limit_bytes: int) -> str:
    """A text cut to ``limit_bytes`` once stored, its end marked by ``…`` where it was cut."""
    if stored_bytes(text) <= limit_bytes:
        return text
    room = limit_bytes - stored_bytes("…")
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if stored_bytes(text[:middle]) <= room else (low, middle - 1)
    return text[:low] + "…"


def image(name: str, svg: str, said: str) -> str:
    """An SVG as an image that needs no other place, which Dagster shows; a third more than its bytes.

    What is ``said`` below it, in some 130 characters, gives it its width: Dagster's dialog is as wide as the
    longest line of text in it, where the window has room, and an SVG without a width fills that.
    """
    encoded = base64.b64encode(svg.encode()).decode("ascii")
    return f"![{name}](data:image/svg+xml;base64,{encoded})\n\n{said}"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
