"""Lines of two plans made alike where they differ for a reason that is told by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dfplan_assets.planning.diff.alignment import Pair
from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.diff.lines import split_conjunction


def with_tables_renamed(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs with a table that took another's place called by the new name on both sides."""
    before = {pair.before.exact for pair in pairs if pair.before and pair.before.kind == "TableScan"}
    after = {pair.after.exact for pair in pairs if pair.after and pair.after.kind == "TableScan"}
    renamed = {
        pair.before.exact: pair.after.exact
        for pair in pairs
        if pair.before is not None and pair.after is not None and pair.before.kind == "TableScan"
        if pair.before.exact not in after and pair.after.exact not in before
    }
    if not renamed:
        return pairs
    qualifier = re.compile(rf"(?<![\w.\"])({'|'.join(map(re.escape, renamed))})\.")
    return [
        pair
        if pair.before is None or pair.before.kind == "TableScan"
        else Pair(
            replace(pair.before, exact=qualifier.sub(lambda name: f"{renamed[name[1]]}.", pair.before.exact)),
            pair.after,
        )
        for pair in pairs
    ]


def with_parameters_named(pairs: Sequence[Pair], before: PlanFacts, after: PlanFacts) -> Sequence[Pair]:
    """The pairs without what differs in the value of a parameter alone.

    Plans hold parameters as literals. Two conditions are alike when they are equal with the changed
    values replaced by the parameters' names.
    """
    now = {each.name: each.value for each in after.parameters}
    changed = [each for each in before.parameters if now.get(each.name) not in (None, each.value)]
    values_before = {each.value: each.name for each in changed if each.value is not None}
    values_after = {value: each.name for each in changed if (value := now[each.name]) is not None}
    if not values_before:
        return pairs

    def alike(pair: Pair) -> Pair:
        if pair.before is None or pair.after is None or pair.change == "same":
            return pair
        conditions = split_conjunction(pair.after.exact)
        templates = {_template(condition, values_after): condition for condition in conditions}
        exact = " AND ".join(
            condition
            if condition in conditions
            else templates.get(_template(condition, values_before), condition)
            for condition in split_conjunction(pair.before.exact)
        )
        return Pair(replace(pair.before, exact=exact), pair.after)

    return [alike(pair) for pair in pairs]


def _template(condition: str, names: Mapping[str, str]) -> str:
    """A condition with the parameters in the place of their values: ``year >= $min_year``."""
    for value, name in names.items():
        literal = rf"\b[A-Z]\w*\(\"?{re.escape(value.strip(chr(39)))}\"?\)"
        condition = re.sub(literal, f"${name}", condition)
    return condition
