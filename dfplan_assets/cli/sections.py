"""The parts that long answers are made of: titled sections, facts by name, lines in columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def section(title: str, *body: RenderableType) -> Iterator[RenderableType]:
    """A title and what stands under it, and an empty line."""
    yield Text(title, style="bold")
    for part in body:
        yield Padding(part, (0, 0, 0, 2), expand=False)
    yield ""


def facts(named: Sequence[tuple[str, str]]) -> Table:
    """Names and what there is to say under them; a name without anything is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in named:
        if text:
            grid.add_row(Text(label), Text(text))
    return grid


def lines(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]) -> Text:
    """A table with one line for each row, whose last column is cut where it is too wide for the terminal."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings) - 1)]
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, row in enumerate(cells):
        padded = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        line = "  ".join([*padded, row[-1]])
        text.append(line if number == len(cells) - 1 else line + "\n", style="" if number else "dim")
    return text
