"""The front matter of a view: YAML inside the comment that its file begins with.

    /* ---
    description: Revenue per nation and year
    --- */
    select ...

A comment is front matter when ``---`` stands alone behind its ``/*``. Any other comment is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(r"\s*/\*[ \t]*---[ \t]*\r?\n")
_COMMENT_SIGN = re.compile(r"/\*|\*/")
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
        if any(_OPENING.match(sql, start) for start in _leading_comments(sql)):
            raise ValueError("the front matter stands behind another comment, but must come first")
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
    """Whether a text holds no SQL at all: only white space, comments and semicolons.

    A comment that is left open counts as SQL: the planner says where it opens.
    """
    position = 0
    while position < len(sql):
        after = _after_blank(sql, position)
        if after is None:
            return False
        position = after
    return True


def _leading_comments(sql: str) -> Iterator[int]:
    """Where each of the comments begins that stand before a text's SQL."""
    position: int | None = 0
    while position is not None and position < len(sql):
        if sql.startswith(("--", "/*"), position):
            yield position
        position = _after_blank(sql, position)


def _after_blank(sql: str, position: int) -> int | None:
    """The end of the space, semicolon or comment that stands at a position; None where SQL does."""
    if sql[position].isspace() or sql[position] == ";":
        return position + 1
    if sql.startswith("--", position):
        line_end = sql.find("\n", position)
        return len(sql) if line_end < 0 else line_end
    if sql.startswith("/*", position):
        return _comment_end(sql, position)
    return None


def _comment_end(sql: str, start: int) -> int | None:
    """Where a comment ends, which may hold others, as DataFusion reads them."""
    depth = 0
    for match in _COMMENT_SIGN.finditer(sql, start):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return None
