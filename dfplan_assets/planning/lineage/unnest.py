"""The rule of Unnest, whose columns the planner names after what they unnest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dfplan_assets.planning.lineage.plan_text import PlanTextError
from dfplan_assets.planning.lineage.relation import NONE, Column, Relation
from dfplan_assets.planning.lineage.walk import Visit


def unnest(visit: Visit) -> Relation:
    """A list becomes rows, a struct becomes columns; all other columns are repeated."""
    source = visit.input()
    match = re.match(r"lists\[(.*)\] structs\[(.*)\]$", visit.node.detail, re.DOTALL)
    if match is None:
        raise PlanTextError(f"an Unnest of {visit.node.detail!r}")
    by_name = {column.name: column for column in source.columns}
    lists = _unnested(match.group(1), by_name, is_list=True)
    structs = _unnested(match.group(2), by_name, is_list=False)
    columns: list[Column] = []
    for name in visit.node.fields:
        kept = by_name.get(name)
        if kept is not None and name not in lists and name not in structs:
            columns.append(kept)
            continue
        origin = _unnest_origin(name, lists, structs)
        columns.append(Column(None, name, by_name[origin].direct, by_name[origin].indirect))
    unnested = NONE.union(*(by_name[name].any for name in lists))
    return replace(source, columns=tuple(columns), duplicates=source.duplicates | unnested)


def _unnested(text: str, by_name: Mapping[str, Column], is_list: bool) -> list[str]:
    """The input columns in the text of an Unnest's list, whose names may hold commas."""
    names: list[str] = []
    position = 0
    while position < len(text):
        fitting = [name for name in by_name if text.startswith(name, position)]
        fitting = [
            name
            for name in fitting
            if re.compile(r"\|depth=\d+(, |$)" if is_list else r"(, |$)").match(text, position + len(name))
        ]
        if not fitting:
            raise PlanTextError(f"{text[position:]!r} unnests no column of its input")
        name = max(fitting, key=len)
        names.append(name)
        end = re.compile(r"(\|depth=\d+)?(, |$)").match(text, position + len(name))
        assert end is not None
        position = end.end()
    return names


def _unnest_origin(name: str, lists: Sequence[str], structs: Sequence[str]) -> str:
    """The input column that an output of Unnest comes from.

    ``__unnest_placeholder(x)`` becomes ``__unnest_placeholder(x,depth=1)`` for a list, and
    ``__unnest_placeholder(x).f`` for field f of a struct.
    """
    for origin in lists:
        if re.fullmatch(re.escape(origin.removesuffix(")")) + r",depth=\d+\)", name):
            return origin
    for origin in sorted(structs, key=len, reverse=True):
        if name.startswith(f"{origin}."):
            return origin
    raise PlanTextError(f"an Unnest puts out {name!r}, which comes from none of {[*lists, *structs]}")
