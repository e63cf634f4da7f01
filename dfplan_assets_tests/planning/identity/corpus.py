"""Reads the query files: each query with the edits that change its meaning.

A file holds blocks. ``--- title`` opens one, ``--! remark`` and ``--$ name=value, ...`` may follow,
then the query, then lines ``~ kind: old => new``, each an edit that must change what the query means.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from dfplan_assets.project.model import ParameterValue

FOLDER = Path(__file__).parent / "queries"


@dataclass(frozen=True)
class Edit:
    """A replacement in a query's text that changes its meaning."""

    kind: str
    old: str
    new: str


@dataclass(frozen=True)
class Query:
    """One query of the corpus with its parameters' values."""

    file: str
    title: str
    sql: str
    remarks: frozenset[str]
    params: dict[str, ParameterValue]
    edits: tuple[Edit, ...]

    @property
    def executable(self) -> bool:
        """Whether DataFusion can run it, not only plan it."""
        return "not executable" not in self.remarks

    def edited(self, edit: Edit) -> str:
        """The query after an edit."""
        assert edit.old in self.sql, f"{self.title}: no {edit.old!r} in the query"
        return self.sql.replace(edit.old, edit.new, 1)


def _value(text: str) -> ParameterValue:
    if text.startswith("date "):
        return dt.date.fromisoformat(text[6:-1])
    if text.startswith("timestamp "):
        return dt.datetime.fromisoformat(text[11:-1])
    if text.startswith("'"):
        return text[1:-1]
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return float(text) if "." in text else int(text)


def _query(file: str, block: str) -> Query:
    title, *lines = block.splitlines()
    remarks = frozenset(line[4:] for line in lines if line.startswith("--! "))
    params = {
        name: _value(value)
        for line in lines
        if line.startswith("--$ ")
        for name, _, value in (pair.partition("=") for pair in line[4:].split(", "))
    }
    edits = []
    for line in lines:
        if line.startswith("~ "):
            kind, _, change = line[2:].partition(": ")
            old, _, new = change.partition(" =>")
            edits.append(Edit(kind, old, new[1:]))
    sql = "\n".join(line for line in lines if line and not line.startswith(("--!", "--$", "~ ")))
    return Query(file, title.strip(), sql, remarks, params, tuple(edits))


def queries() -> list[Query]:
    """All queries of all files, in file order."""
    return [
        _query(path.stem, block)
        for path in sorted(FOLDER.glob("*.sql"))
        for block in ("\n" + path.read_text(encoding="utf-8")).split("\n--- ")[1:]
    ]
