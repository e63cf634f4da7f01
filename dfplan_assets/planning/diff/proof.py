"""Which output columns are provably what they were, in rows that are provably the same.

Two witnesses must agree. The plans as written: nothing but the items of projections, aggregates and
windows may differ, and only where they cannot decide rows. And the SQL texts, since plan texts are
ambiguous in places (``a = b IS NULL``): they may differ in whole items of lists alone.
"""

from __future__ import annotations

import re

from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.diff.lines import logical_tree, split_list
from dfplan_assets.planning.diff.sql_edits import edits, list_items, words_of
from dfplan_assets.planning.diff.surroundings import input_changes
from dfplan_assets.planning.functions import engine_functions
from dfplan_assets.planning.plan_tree import Node
from dfplan_assets.planning.sql_text import quoted_names, string_literals

# Below these, more columns mean neither more rows nor fewer.
_TRANSPARENT = frozenset(
    {
        "Projection",
        "Filter",
        "Sort",
        "Limit",
        "Aggregate",
        "WindowAggr",
        "SubqueryAlias",
        "Inner Join",
        "Left Join",
        "Right Join",
        "Full Join",
        "Cross Join",
    }
)
_DELIMITERS = re.compile(r"[,()\[\]{}\"'\n]")


def unchanged_columns(before: PlanFacts, after: PlanFacts) -> frozenset[str] | None:
    """The output columns proven to be the same, rows included; None where rows may differ."""
    if not _same_surroundings(before, after) or not (_is_plain(before.sql) and _is_plain(after.sql)):
        return None
    found = _same_items(before, after)
    if found is None:
        return None
    same, changed_before, changed_after = found
    replaced = edits(before.sql, after.sql)
    counts = [(list_items(edit.before), list_items(edit.after)) for edit in replaced]
    if any(None in count for count in counts):
        return None
    items_before = sum(count[0] or 0 for count in counts)
    items_after = sum(count[1] or 0 for count in counts)
    # Items that were only added leave all others as they stand. Where some were replaced, each must
    # be a column that the plans tell of, lest one hide behind another.
    if items_before and (items_before, items_after) != (changed_before, changed_after):
        return None
    return frozenset(name for name in same if before.schema.field(name).type == after.schema.field(name).type)


def _same_surroundings(before: PlanFacts, after: PlanFacts) -> bool:
    parts, others = before.identity.parts, after.identity.parts
    if any(parts.get(part) != others.get(part) for part in ("settings", "engine", "inlined", "partitions")):
        return False
    if parts.get("parameters") != others.get("parameters"):
        values = {each.name: each for each in after.parameters}
        if any(each.value is None or values.get(each.name) != each for each in before.parameters):
            return False
    if parts.get("functions") != others.get("functions"):
        # Of the engine's own functions all is known; the body of another is a part of the hash alone.
        if any(name not in engine_functions() for name in before.lineage.functions):
            return False
        if any(before.signatures(name) != after.signatures(name) for name in before.lineage.functions):
            return False
    return parts.get("inputs") == others.get("inputs") or input_changes(before, after) == {}


def _is_plain(sql: str) -> bool:
    """Whether plan texts show all of a query: no long VALUES, no delimiter inside a string or name."""
    if "values" in words_of(sql):
        return False
    return not any(_DELIMITERS.search(text) for text in (*string_literals(sql), *quoted_names(sql)))


def _same_items(before: PlanFacts, after: PlanFacts) -> tuple[frozenset[str], int, int] | None:
    """The output columns of equal definition, and how many others there are before and after."""
    old, new = logical_tree(before.logical_plan, before.sql), logical_tree(after.logical_plan, after.sql)
    above: list[str] = []
    while old.kind == new.kind and old.kind in ("Sort", "Limit") and old.detail == new.detail:
        above.append(old.detail)
        old, new = old.children[0], new.children[0]
    if old.kind != "Projection" or new.kind != "Projection" or not _same_children(old, new):
        return None
    items = [split_list(old.detail), split_list(new.detail)]
    names: list[list[str]] = [before.schema.names, after.schema.names]
    if any(len(each) != len(name) for each, name in zip(items, names, strict=True)):
        return None
    defined, defined_now = (dict(zip(*each, strict=True)) for each in zip(names, items, strict=True))
    same = frozenset(name for name, item in defined.items() if defined_now.get(name) == item)
    changed = ({*defined} | {*defined_now}) - same
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) for name in changed for line in above):
        return None
    return same, len(defined) - len(same), len(defined_now) - len(same)


def _same_rows(before: Node, after: Node) -> bool:
    """Whether all that reads ``before`` finds the same rows and columns in ``after``, or more columns."""
    while after.kind == "WindowAggr" and before.kind != "WindowAggr":
        after = after.children[0]
    while before.kind == "WindowAggr" and after.kind != "WindowAggr":
        before = before.children[0]
    if before.kind != after.kind:
        return False
    if before.kind not in _TRANSPARENT:
        return _equal(before, after)
    if before.kind == "Projection":
        items = iter(split_list(after.detail))
        if not all(item in items for item in split_list(before.detail)):
            return False
    elif before.kind == "Aggregate":
        # Aggregates are named by their own text, so an equal name is an equal definition.
        groups = [node.detail.partition("]], aggr=[[")[0] for node in (before, after)]
        if groups[0] != groups[1]:
            return False
    elif before.kind != "WindowAggr" and before.detail != after.detail:
        return False
    return _same_children(before, after)


def _same_children(before: Node, after: Node) -> bool:
    if len(before.children) != len(after.children):
        return False
    return all(
        _equal(old, new) if old.kind == "Subquery" else _same_rows(old, new)
        for old, new in zip(before.children, after.children, strict=True)
    )


def _equal(before: Node, after: Node) -> bool:
    return (before.kind, before.detail, len(before.children)) == (
        after.kind,
        after.detail,
        len(after.children),
    ) and all(map(_equal, before.children, after.children))
