"""The query of a view's file, apart from its front matter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dfplan_assets.project.model import View

_FRONT_MATTER = re.compile(r"\A\s*/\*\s*---.*?---\s*\*/", re.DOTALL)


@dataclass(frozen=True)
class QueryText:
    """A query and the line of its file, counted from 1, on which it begins."""

    sql: str
    line: int


def query_text(view: View) -> QueryText:
    """What a view's file holds after its front matter, without the white space around it."""
    front_matter = _FRONT_MATTER.match(view.sql)
    start = front_matter.end() if front_matter else 0
    start += len(view.sql[start:]) - len(view.sql[start:].lstrip())
    return QueryText(view.sql[start:].rstrip(), view.sql.count("\n", 0, start) + 1)
