"""Texts that mean the same: layout, comments, letter case, and other names for CTEs and aliases."""

from __future__ import annotations

import random
import re

from dfplan_assets.planning.sql_text import Token, tokens
from dfplan_assets_tests.planning.identity.world import TABLES

KEYWORDS = frozenset(
    """all and any as asc between by case cast cross cube current desc distinct else end except exists
    extract filter first following from full group grouping groups having ignore ilike in inner intersect
    interval into is join last lateral left like limit natural not null nulls offset on or order outer over
    partition preceding qualify range recursive respect right rollup row rows select semi sets anti
    then try_cast unbounded union using values when where window with within true false date timestamp"""
    .split()
)


def _pieces(sql: str) -> list[tuple[Token, str]]:
    """The tokens of a text, each with the text that it is written as."""
    found = list(tokens(sql))
    ends = [token.start for token in found[1:]] + [len(sql)]
    return [(token, sql[token.start : end].rstrip()) for token, end in zip(found, ends, strict=True)]


def respaced(sql: str, seed: int) -> str:
    """Other white space between all tokens; none is put where there was none."""
    dice = random.Random(seed)
    out, last = [], 0
    for (token, text) in _pieces(sql):
        if token.start > last and sql[last : token.start].isspace():
            out.append(dice.choice([" ", "  ", "\n", "\n\t", " \r\n "]))
        out.append(text)
        last = token.start + len(text)
    return "\n" + "".join(out) + "\n"


def commented(sql: str, seed: int) -> str:
    """Comments wherever there is white space, and in front and behind."""
    dice = random.Random(seed)
    out, last = ["/* ---\ndescription: it's a view\n--- */\n"], 0
    for token, text in _pieces(sql):
        if token.start > last and sql[last : token.start].isspace():
            out.append(dice.choice([" ", " /* 'why' from rides r */ ", " -- 1 + $x \"\n", "/**/ ", " /* a /* b */ c */ "]))
        out.append(text)
        last = token.start + len(text)
    return "".join(out) + " -- the end"


def in_capitals(sql: str) -> str:
    """All keywords in capitals."""
    out, last = [], 0
    for token, text in _pieces(sql):
        out.append(sql[last : token.start])
        out.append(text.upper() if token.kind == "word" and text in KEYWORDS - {"range"} else text)
        last = token.start + len(text)
    return "".join(out) + sql[last:]


def relations_named_by(sql: str) -> set[str]:
    """The CTEs and aliases of a query: what qualifies a column or stands before ``AS (``."""
    words = [(token.kind, token.value) for token in tokens(sql)]
    tables = {part for name in TABLES for part in name.split(".")}
    aliases = {
        value
        for (kind, value), (_, following) in zip(words, words[1:], strict=False)
        if kind == "word" and following == "." and value not in tables
    }
    text = " ".join(value for _, value in words)
    ctes = set(re.findall(r"(?:with|recursive|,) (\w+)(?: \( [\w ,]+ \))? as \(", text))
    return aliases | ctes


def renamed(sql: str, seed: int) -> str:
    """Other names for all CTEs and aliases."""
    dice = random.Random(seed)
    names = sorted(relations_named_by(sql))
    fresh = [f"{dice.choice('klmnpqxyz')}{number}_{dice.randrange(100)}" for number in range(len(names))]
    new_names = dict(zip(names, fresh, strict=True))
    out, last, before = [], 0, ""
    pieces = _pieces(sql)
    for position, (token, text) in enumerate(pieces):
        out.append(sql[last : token.start])
        is_column = before == "." or (
            before.lower() == "as"
            and text in new_names
            and (position + 1 == len(pieces) or pieces[position + 1][1] in (",", ")", "from") )
            and pieces[position - 2][1] != ")" 
        )
        out.append(new_names[text] if token.kind == "word" and text in new_names and not is_column else text)
        last, before = token.start + len(text), text
    return "".join(out) + sql[last:]
