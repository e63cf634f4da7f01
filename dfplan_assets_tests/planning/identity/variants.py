"""Texts of the same meaning, and of another: made from a query by rules, the same ones every time."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import pairwise

from dfplan_assets.planning.sql_text import Token, tokens
from dfplan_assets_tests.planning.identity.world import TABLES

KEYWORDS = frozenset(
    """all and any as asc between by case cast cross cube current desc distinct else end except exclude
    exists extract filter first following from full group grouping having ignore ilike in inner intersect
    interval is join last lateral left like limit name natural not null nulls offset on or order outer over
    partition preceding qualify recursive respect right rollup row rows select semi sets anti then
    try_cast unbounded union using values when where window with within true false date timestamp""".split()  # noqa: SIM905
)

# Replacements that change what a query means wherever they apply and still plan.
_OPERATORS = (
    (" and ", " or "),
    (" or ", " and "),
    (" = ", " <> "),
    (" < ", " >= "),
    (" > ", " <= "),
    (" <= ", " < "),
    (" >= ", " > "),
    (" + ", " - "),
    (" * ", " + "),
    (" left join ", " full join "),
    (" join ", " left join "),
    ("sum(", "max("),
    ("max(", "min("),
    ("min(", "max("),
    ("avg(", "sum("),
    ("count(*)", "sum(7)"),
    (" desc", " asc"),
    ("union all", "union"),
    (" in (select", " not in (select"),
    ("not exists", "exists"),
    ("is null", "is not null"),
    ("distinct ", ""),
    ("partition by", "order by"),
    ("select ", "select 1 as added, "),
)


def _pieces(sql: str) -> list[tuple[Token, str]]:
    """The tokens of a text, each as it is written there."""
    found = list(tokens(sql))
    ends = [token.start for token in found[1:]] + [len(sql)]
    return [(token, sql[token.start : end].rstrip()) for token, end in zip(found, ends, strict=True)]


def _with_gaps(sql: str, gaps: list[str], dice: random.Random) -> str:
    out, last = [], 0
    for token, text in _pieces(sql):
        out.append(dice.choice(gaps) if sql[last : token.start].isspace() else sql[last : token.start])
        out.append(text)
        last = token.start + len(text)
    return "".join(out)


def respaced(sql: str, seed: int) -> str:
    """Other white space between all tokens; none is put where there was none."""
    return "\n" + _with_gaps(sql, [" ", "  ", "\n", "\n\t", " \r\n "], random.Random(seed)) + "\n"


def commented(sql: str, seed: int) -> str:
    """Comments wherever there is white space, in front, and behind."""
    comments = [" ", " /* 'why' from rides r */ ", ' -- 1 + $x "\n', " /**/ ", " /* a /* b */ c */ "]
    front = "/* ---\ndescription: it's a view\n--- */\n"
    return front + _with_gaps(sql, comments, random.Random(seed)) + " -- the end"


def in_capitals(sql: str) -> str:
    """All keywords in capitals."""
    out, last = [], 0
    for token, text in _pieces(sql):
        out.append(sql[last : token.start])
        out.append(text.upper() if token.kind == "word" and text in KEYWORDS else text)
        last = token.start + len(text)
    return "".join(out)


def relations_named_by(sql: str) -> set[str]:
    """The CTEs and aliases of a query: what qualifies a column or stands before ``AS (``."""
    found = tokens(sql)
    tables = {part for name in TABLES for part in name.split(".")}
    aliases = {
        token.value
        for token, following in pairwise(found)
        if token.kind == "word" and following.value == "." and token.value not in tables
    }
    text = " ".join(token.value for token in found)
    return aliases | set(re.findall(r"(?:with|recursive|,) (\w+)(?: \( [\w ,]+ \))? as \(", text))


def renamed(sql: str, seed: int) -> str:
    """Other names for all CTEs and aliases."""
    dice = random.Random(seed)
    names = sorted(relations_named_by(sql))
    fresh = {
        name: f"{dice.choice('klmnpqxyz')}{number}_{dice.randrange(100)}" for number, name in enumerate(names)
    }
    out, last = [], 0
    pieces = _pieces(sql)
    for position, (token, text) in enumerate(pieces):
        before = [piece for _, piece in pieces[:position]][-2:]
        following = pieces[position + 1][1] if position + 1 < len(pieces) else ""
        is_column = before[-1:] == ["."] or (
            before[-1:] == ["as"] and before[0] != ")" and following in (",", ")", "from", "")
        )
        out.append(sql[last : token.start])
        out.append(fresh[text] if token.kind == "word" and text in fresh and not is_column else text)
        last = token.start + len(text)
    return "".join(out)


def with_other_literals(sql: str) -> Iterator[str]:
    """The query with each of its literals changed in turn."""
    for token, text in _pieces(sql):
        if token.kind == "string" and text.startswith("'"):
            amount = re.fullmatch(r"(\d+) (\w+)", token.value)
            more = f"'{int(amount.group(1)) + 1} {amount.group(2)}'" if amount else None
            changed = more or f"{text[:-1]}x'"
        elif text.isdecimal():
            changed = str(int(text) + 1)
        else:
            continue
        yield sql[: token.start] + changed + sql[token.start + len(text) :]


def with_other_operators(sql: str) -> Iterator[str]:
    """The query with each operator, join, function or clause of a list changed in turn."""
    for old, new in _OPERATORS:
        position = sql.find(old)
        while position >= 0:
            yield sql[:position] + new + sql[position + len(old) :]
            position = sql.find(old, position + 1)
