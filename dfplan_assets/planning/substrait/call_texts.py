"""Calls of a project's table functions as their SQL: no plan holds their arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from dfplan_assets.planning.sql_text import Token, tokens

# Words that may stand in a literal; every other word would name something of the query.
_LITERAL_WORDS = frozenset({"null", "true", "false", "date", "timestamp", "interval"})


def call_texts(queries: Iterable[str], functions: Collection[str]) -> dict[str, str]:
    """By name, the one call of each table function in some queries, as SQL that stands alone.

    A function that is called in two ways is left out, since a plan does not tell its scans apart, and so is
    one whose arguments are more than literals.

    >>> call_texts(["select * from Days(3, 'a')"], {"days"})
    {'days': "days(3, 'a')"}
    >>> call_texts(["select * from days(3) union all select * from days(4)"], {"days"})
    {}
    """
    found: dict[str, set[str | None]] = {}
    for sql in queries:
        words = [token for token in tokens(sql) if token.kind != "comment"]
        for place, token in enumerate(words[:-1]):
            name = token.value.lower() if token.kind == "word" else token.value
            callable_ = token.kind in ("word", "quoted name") and words[place + 1].value == "("
            if callable_ and name in functions:
                arguments = _arguments(words[place + 1 :])
                quoted = name if name == name.lower() else f'"{name}"'
                found.setdefault(name, set()).add(None if arguments is None else f"{quoted}{arguments}")
    return {
        name: text for name, texts in found.items() if len(texts) == 1 for text in texts if text is not None
    }


def _arguments(words: list[Token]) -> str | None:
    """The text from an opening parenthesis to the one that closes it; None where it is not all literals."""
    text = ""
    for word in _closed(words):
        if word.kind == "string":
            part = "'" + word.value.replace("'", "''") + "'"
        elif word.kind == "other" or (word.kind == "word" and word.value.lower() in _LITERAL_WORDS):
            part = word.value
        else:
            return None
        text += part if part in "()," or text.endswith("(") else f" {part}"
    return text


def _closed(words: list[Token]) -> Iterator[Token]:
    depth = 0
    for word in words:
        yield word
        if word.kind == "other":
            depth += (word.value == "(") - (word.value == ")")
        if depth == 0:
            return
