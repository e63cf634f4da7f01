"""Two SQL texts compared by their elements: keywords of clauses, and what commas separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dfplan_assets.planning.sql_text import tokens

_CLAUSES = frozenset({"select", "from"})
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Edit:
    """A run of elements that was replaced by another; either may be empty."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def words_of(sql: str) -> list[str]:
    """The tokens of a text without comments, words in lower case.

    >>> words_of("SELECT a -- why") == words_of("select  a")
    True
    """
    found = []
    for token in tokens(sql):
        if token.kind == "comment":
            continue
        mark = {"string": "'", "quoted name": '"', "parameter": "$"}.get(token.kind, "")
        found.append(
            mark + (token.value.lower() if token.kind in ("word", "other") else token.value) + mark.strip("$")
        )
    while found and found[-1] == ";":
        found.pop()
    return found


def edits(before: str, after: str) -> list[Edit]:
    """What was replaced to make one text of the other."""
    old, new = _elements(words_of(before)), _elements(words_of(after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        Edit(tuple(old[i1:i2]), tuple(new[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def list_items(run: Sequence[str]) -> int | None:
    """How many whole items of a list a run of elements is; None where it is anything else."""
    depth = items = 0
    for element in run:
        if element in _CLAUSES and depth == 0:
            return None
        items += depth == 0
        for word in element.split(" "):
            depth += (word in _OPENING) - (word in _CLOSING)
            if depth < 0:
                return None
    return items if depth == 0 else None


def _elements(words: Sequence[str]) -> list[str]:
    elements: list[str] = []
    current: list[str] = []
    for word in words:
        if word == "," or word in _CLAUSES:
            if current:
                elements.append(" ".join(current))
            current = []
            if word != ",":
                elements.append(word)
        else:
            current.append(word)
    return [*elements, " ".join(current)] if current else elements
