"""The columns that an expression can name, and what is found out about an expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dfplan_assets.planning.lineage.relation import Column, Use

_PATH = re.compile(r"[^\W\d]\w*(?:\.\w+)*")


@dataclass(frozen=True)
class Item:
    """One expression of a list: what it uses, and the column it hands on unchanged, if it does."""

    use: Use
    column: Column | None
    alias_qualifier: str | None
    text: str


@dataclass
class Scope:
    """The columns that expressions of a node can name, with an index by name."""

    columns: Sequence[Column]
    _regular: dict[str, Column] = field(default_factory=dict)
    _irregular: list[tuple[str, Column]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for column in self.columns:
            names = [column.name] if column.qualifier is None else [f"{column.qualifier}.{column.name}"]
            # A qualified column can be printed bare above a union; its own full name comes first.
            for name in names:
                self._add(name, column)
        for column in self.columns:
            if column.qualifier is not None and column.name not in self._regular:
                self._add(column.name, column)
        self._irregular.sort(key=lambda pair: len(pair[0]), reverse=True)

    def _add(self, name: str, column: Column) -> None:
        if _PATH.fullmatch(name):
            self._regular.setdefault(name, column)
        elif all(name != known for known, _ in self._irregular):
            self._irregular.append((name, column))

    def match(self, text: str, position: int) -> tuple[Column, int] | None:
        """The column with the longest name that stands at a position, and where it ends."""
        best: tuple[Column, int] | None = None
        for name, column in self._irregular:
            if text.startswith(name, position):
                end = position + len(name)
                if name.endswith((" ASC", " DESC")) and text.startswith(" NULLS ", end):
                    continue  # a shorter name, and how it is sorted by
                if not (
                    name[-1:].isalnum() and end < len(text) and (text[end].isalnum() or text[end] == "_")
                ):
                    best = (column, end)
                    break
        path = _PATH.match(text, position)
        if path is not None:
            name = path.group()
            while name:
                if best is not None and len(name) <= best[1] - position:
                    break
                column_ = self._regular.get(name)
                end = position + len(name)
                if column_ is not None and not text.startswith("(", end):
                    return column_, end
                name = name.rpartition(".")[0]
        return best
