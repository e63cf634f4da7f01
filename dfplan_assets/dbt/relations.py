"""Names of tables in compiled SQL, as the warehouse spells them, put into this project's spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dfplan_assets.planning.sql_text import Token, tokens

_QUOTED = re.compile(r'"(?:[^"]|"")*"|`[^`]*`')

Relation = tuple[str, ...]
"""The parts of a table's name in the warehouse: database, schema, identifier, or fewer."""


@dataclass(frozen=True)
class Rewritten:
    """A query with this project's table names, and the relations that stood in it."""

    sql: str
    relations: frozenset[Relation]


def relation_parts(relation: str) -> Relation:
    """The parts of a relation as dbt renders it, without their quotes.

    >>> relation_parts('"shop"."main"."orders"'), relation_parts("`lake`.raw.`orders`")
    (('shop', 'main', 'orders'), ('lake', 'raw', 'orders'))
    """
    return tuple(token.value for token in tokens(relation) if token.value != ".")


def quoted_name(table: str) -> str:
    """A table of this project as SQL names it.

    >>> quoted_name("raw.orders")
    '"raw"."orders"'
    """
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def rewrite(sql: str, names: Mapping[Relation, str]) -> Rewritten:
    """Replaces each relation in a query by the table that it is here; strings and comments stay as they are.

    A relation counts where its parts stand joined by dots and no other name goes before them.

    >>> rewrite('select \\'"d"."s"."t"\\' from "d"."s"."t"', {("d", "s", "t"): "t"}).sql
    'select \\'"d"."s"."t"\\' from "t"'
    """
    found = [token for token in tokens(sql) if token.kind != "comment"]
    pieces: list[str] = []
    relations: set[Relation] = set()
    written = position = 0
    longest = max(map(len, names), default=0)
    while position < len(found):
        match = None
        if position == 0 or found[position - 1].value != "." or found[position - 1].kind != "other":
            match = _relation_at(found, position, names, longest)
        if match is None:
            position += 1
            continue
        last = found[position + 2 * len(match) - 2]
        pieces += [sql[written : found[position].start], quoted_name(names[match])]
        written = _end(sql, last)
        relations.add(match)
        position += 2 * len(match) - 1
    return Rewritten("".join([*pieces, sql[written:]]), frozenset(relations))


def _relation_at(
    found: list[Token], position: int, names: Mapping[Relation, str], longest: int
) -> Relation | None:
    """The longest relation that begins at a token."""
    parts: list[str] = []
    matched = None
    for index in range(position, min(position + 2 * longest - 1, len(found)), 2):
        if found[index].kind not in ("word", "quoted name"):
            break
        parts.append(found[index].value)
        if tuple(parts) in names:
            matched = tuple(parts)
        following = found[index + 1] if index + 1 < len(found) else None
        if following is None or following.kind != "other" or following.value != ".":
            break
    return matched


def _end(sql: str, token: Token) -> int:
    if token.kind == "word":
        return token.start + len(token.value)
    quoted = _QUOTED.match(sql, token.start)
    assert quoted is not None  # the token is a quoted name
    return quoted.end()
