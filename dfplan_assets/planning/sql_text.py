"""The words of a SQL text: just enough of SQL's lexical rules to find strings, names and parameters.

The planner alone decides what a text means. This module serves three questions that the planner
does not answer: which ``$parameters`` a text names, which word it begins with, and which string
literals it holds (plan texts print literals without escaping, so reading one back needs them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

TokenKind = Literal["comment", "string", "quoted name", "parameter", "word", "other"]

_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n]*)
  | (?P<block_comment>/\*)
  | (?P<escape_string>[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted_name>"(?:[^"]|"")*"|`[^`]*`)
  | (?P<dollar_string>\$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$)
  | (?P<parameter>\$\w+)
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\d[\w.]*)
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Token:
    """A token and its ``value``: what a string, name or parameter stands for, else its text."""

    kind: TokenKind
    value: str
    start: int


@lru_cache(maxsize=4096)
def tokens(sql: str) -> tuple[Token, ...]:
    """The tokens of a SQL text without white space.

    >>> [token.value for token in tokens("select 'it''s' /* why */ as \\"A\\"")]
    ['select', "it's", '/* why */', 'as', 'A']
    """
    return tuple(_scan(sql))


def _scan(sql: str) -> Iterator[Token]:
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        assert match is not None  # the last alternative takes any character
        text, kind = match.group(), match.lastgroup
        if match.group("dollar_string") is not None:
            kind = "dollar_string"
        end = match.end()
        if kind == "block_comment":
            end = _block_comment_end(sql, position)
            yield Token("comment", sql[position:end], position)
        elif kind == "line_comment":
            yield Token("comment", text, position)
        elif kind == "string":
            yield Token("string", text[1:-1].replace("''", "'"), position)
        elif kind == "escape_string":
            yield Token("string", _unescape(text[2:-1]), position)
        elif kind == "dollar_string":
            quote = len(match.group("tag")) + 2
            yield Token("string", text[quote:-quote], position)
        elif kind == "quoted_name":
            yield Token("quoted name", text[1:-1].replace(text[0] * 2, text[0]), position)
        elif kind == "parameter":
            yield Token("parameter", text[1:], position)
        elif kind == "word":
            yield Token("word", text, position)
        elif kind != "space":
            yield Token("other", text, position)
        position = end


def first_word(sql: str) -> str | None:
    """The first word of a text in lower case, behind comments and opening parentheses; None if none."""
    for token in tokens(sql):
        if token.kind == "comment" or token.value == "(":
            continue
        return token.value.lower() if token.kind == "word" else None
    return None


def parameter_names(sql: str) -> tuple[str, ...]:
    """The names of the ``$parameters`` in a text, each once, in order of appearance."""
    return tuple(dict.fromkeys(token.value for token in tokens(sql) if token.kind == "parameter"))


def string_literals(sql: str) -> tuple[str, ...]:
    """The values of all string literals in a text."""
    return tuple(token.value for token in tokens(sql) if token.kind == "string")


def string_spellings(sql: str) -> frozenset[str]:
    """All that the string literals and quoted names of a text may stand for, in any dialect.

    Some dialects read backslashes in every string (MySQL, BigQuery, Snowflake), some take double quotes
    for strings.
    """
    found = {token.value for token in tokens(sql) if token.kind in ("string", "quoted name")}
    return frozenset(found | {_unescape(text) for text in found if "\\" in text})


def quoted_names(sql: str) -> tuple[str, ...]:
    """The names that stand in quotes in a text."""
    return tuple(token.value for token in tokens(sql) if token.kind == "quoted name")


def words_in_values(sql: str) -> frozenset[str]:
    """The words and quoted names inside the rows of all VALUES lists; words in lower case."""
    found: set[str] = set()
    depth = 0  # of the parentheses behind VALUES; 0 outside of any row
    in_values = False
    for token in tokens(sql):
        if token.kind == "word" and token.value.lower() == "values" and depth == 0:
            in_values = True
        elif in_values and token.kind == "other" and token.value in "()":
            depth += 1 if token.value == "(" else -1
        elif in_values and depth > 0 and token.kind in ("word", "quoted name"):
            found.add(token.value.lower() if token.kind == "word" else token.value)
        elif in_values and depth <= 0 and token.value != ",":
            in_values, depth = False, 0
        if depth < 0:
            in_values, depth = False, 0
    return frozenset(found)


def _block_comment_end(sql: str, start: int) -> int:
    """The end of a block comment, which may hold others; the text's end where it is not closed."""
    depth, position = 0, start
    for match in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if match.group() == "/*" else -1
        position = match.end()
        if depth == 0:
            return position
    return len(sql)


def _unescape(text: str) -> str:
    return re.sub(
        r"\\(.)|''",
        lambda match: "'" if match.group() == "''" else _ESCAPES.get(match.group(1), match.group(1)),
        text,
        flags=re.DOTALL,
    )
