"""What DataFusion says of a plan when asked to explain it. Nothing is executed.

The query to explain is one that the guard let through, registered in the session under a name: no
view's text becomes part of another statement.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from datafusion import SessionContext

from dfplan_assets.planning.bundle import Phase, RuleEffect
from dfplan_assets.planning.panics import raise_unless_datafusion

_SAME = "SAME TEXT AS ABOVE"
_PREFIXES: tuple[tuple[str, Phase], ...] = (
    ("logical_plan after ", "optimizer"),
    ("physical_plan after ", "physical optimizer"),
)


@dataclass(frozen=True)
class Tree:
    """A drawing of a plan, or why there is none: then ``text`` is empty."""

    text: str
    refusal: str | None = None


def explain_tree(ctx: SessionContext, table: str) -> Tree:
    """The physical plan of a registered query as DataFusion draws it (``EXPLAIN FORMAT TREE``).

    DataFusion 55 breaks long expressions after a number of bytes, and panics where that is inside a
    character: a text like 'Zürich' in a query is enough. The plan itself is none the worse.
    """
    try:
        (row,) = ctx.sql(f'EXPLAIN FORMAT TREE SELECT * FROM "{table}"').to_pylist()
    except BaseException as cause:
        raise_unless_datafusion(cause)
        if isinstance(cause, Exception):
            raise
        return Tree("", f"DataFusion panicked while it drew the plan: {cause}")
    return Tree(str(row["plan"]))


def rule_effects(ctx: SessionContext, table: str) -> tuple[RuleEffect, ...]:
    """The planner's rules that changed the plan of a registered query, in the order they ran.

    Each comes with the difference it made as a unified diff of plan texts without headers.
    """
    effects: list[RuleEffect] = []
    before: dict[Phase, str] = {}
    analyzing = True
    for row in ctx.sql(f'EXPLAIN VERBOSE SELECT * FROM "{table}"').to_pylist():
        kind, text = str(row["plan_type"]), str(row["plan"])
        if kind == "analyzed_logical_plan":
            analyzing = False
        elif kind == "initial_logical_plan":
            before["analyzer"] = before["optimizer"] = text
        elif kind == "initial_physical_plan":
            before["physical optimizer"] = text
        for prefix, phase in _PREFIXES:
            if not kind.startswith(prefix) or text == _SAME:
                continue
            shown: Phase = "analyzer" if phase == "optimizer" and analyzing else phase
            lines = difflib.unified_diff(before[phase].splitlines(), text.splitlines(), lineterm="", n=1)
            diff = "\n".join(list(lines)[2:])
            effects.append(RuleEffect(shown, kind.removeprefix(prefix), diff))
            before[phase] = text
    return tuple(effects)
