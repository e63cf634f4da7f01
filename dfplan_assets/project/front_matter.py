"""The front matter of a view: YAML inside the comment that its file begins with.

    /* ---
    description: Revenue per nation and year
    --- */
    select ...

A comment is front matter when ``---`` stands alone behind its ``/*``. Any other comment is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"\s*/\*[ \t]*---[ \t]*\r?\n")
_CLOSING = re.compile(r"(?:\A|\n)[ \t]*---\s*\Z")


@dataclass(frozen=True)
class FrontMatter:
    """The YAML text of a front matter, and the line of the file (from 1) in which it begins."""

    yaml: str
    first_line: int


def split_front_matter(sql: str) -> FrontMatter | None:
    """The front matter that a text begins with, or None.

    Raises ValueError where a front matter is begun but not ended as SQL and this format need it.

    >>> split_front_matter("/* ---\\nname: a\\n--- */\\nselect 1")
    FrontMatter(yaml='name: a\\n', first_line=2)
    """
    opening = _OPENING.match(sql)
    if opening is None:
        return None
    first_line = sql.count("\n", 0, opening.end()) + 1
    end = sql.find("*/", opening.end())
    if end < 0:
        raise ValueError("the front matter is not closed")
    inside = sql[opening.end() : end]
    if "/*" in inside:
        raise ValueError("the front matter holds /*, which opens a comment inside the comment")
    closing = _CLOSING.search(inside)
    if closing is None:
        raise ValueError("the comment begins as front matter, but does not end as one")
    # The line end before the closing belongs to the YAML: block texts (|) keep it.
    content = inside[: closing.start() + 1] if inside[closing.start() :].startswith("\n") else ""
    return FrontMatter(content, first_line)


def is_blank_sql(sql: str) -> bool:
    """Whether a text holds no SQL at all: only white space, comments and semicolons."""
    position = 0
    while position < len(sql):
        if sql[position].isspace() or sql[position] == ";":
            position += 1
        elif sql.startswith("--", position):
            line_end = sql.find("\n", position)
            position = len(sql) if line_end < 0 else line_end
        elif sql.startswith("/*", position):
            after = _comment_end(sql, position)
            if after is None:
                return False  # the planner says where the comment was left open
            position = after
        else:
            return False
    return True


def _comment_end(sql: str, start: int) -> int | None:
    """Where a comment ends, which may hold others, as DataFusion reads them."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return None
