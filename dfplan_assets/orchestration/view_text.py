"""The query of a view's file, apart from its front matter."""

from __future__ import annotations

from dataclasses import dataclass

from dfplan_assets.project.front_matter import split_front_matter
from dfplan_assets.project.model import View


@dataclass(frozen=True)
class QueryText:
    """A query and the line of its file, counted from 1, on which it begins."""

    sql: str
    line: int


def query_text(view: View) -> QueryText:
    """What a view's file holds after its front matter, without the white space around it."""
    start = 0 if split_front_matter(view.sql) is None else view.sql.index("*/") + len("*/")
    start += len(view.sql[start:]) - len(view.sql[start:].lstrip())
    return QueryText(view.sql[start:].rstrip(), view.sql.count("\n", 0, start) + 1)
