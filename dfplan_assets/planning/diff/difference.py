"""Why two plans of a view differ, and whether it matters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.planning.diff.alignment import Pair, TreeRow, align, fold
from dfplan_assets.planning.diff.downstream import counts_by_value
from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.diff.lines import logical_lines, physical_lines
from dfplan_assets.planning.diff.physical_causes import physical_causes, scanned_tables
from dfplan_assets.planning.diff.proof import unchanged_columns
from dfplan_assets.planning.diff.query_causes import query_causes
from dfplan_assets.planning.diff.sql_edits import edits, words_of
from dfplan_assets.planning.diff.surroundings import (
    engine_cause,
    function_causes,
    input_causes,
    input_changes,
    parameter_causes,
    setting_causes,
    speed_causes,
)
from dfplan_assets.planning.physical_text import normalised_physical_plan

Kind = Literal[
    "identical", "cosmetic", "columns added", "rows or values may differ", "physical only", "unknown"
]

PARTS = (
    "meaning",
    "parameters",
    "inputs",
    "functions",
    "settings",
    "inlined",
    "partitions",
    "engine",
    "physical",
)
_CAUSES_IN_A_LINE = 3


@dataclass(frozen=True)
class PlanDifference:
    """What differs between two plans of a view.

    ``changed_parts`` are parts of the identity; ``physical`` is among them only where both sides
    have a physical plan. ``kind`` says what the change can do to results:

    - ``identical``: nothing differs;
    - ``cosmetic``: the text of the SQL differs, what decides results does not;
    - ``physical only``: how rows are found differs (the physical plan, the engine's release), what
      decides results does not;
    - ``columns added``: proven that all columns and rows from before are as they were;
    - ``unknown``: the engine's release changed, and with it how queries are compared;
    - ``rows or values may differ``: everything else.

    ``changed_columns`` are the output columns, before and after, that may differ, none where
    nothing that decides results does; None where rows may differ as well. ``causes`` has a line for
    each change, the weightiest first. ``physical_tree`` is None unless both sides have a physical plan.
    """

    view: str
    kind: Kind
    changed_parts: tuple[str, ...]
    causes: tuple[str, ...]
    changed_columns: tuple[str, ...] | None
    sql_changed: bool
    logical_tree: tuple[TreeRow, ...]
    physical_tree: tuple[TreeRow, ...] | None

    @property
    def cause(self) -> str:
        """The causes in one line."""
        shown = self.causes[:_CAUSES_IN_A_LINE]
        more = len(self.causes) - len(shown)
        return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def difference(before: PlanFacts, after: PlanFacts) -> PlanDifference:
    """Compare two plans of one view."""
    parts = _changed_parts(before, after)
    logical = align(
        logical_lines(before.logical_plan, before.sql), logical_lines(after.logical_plan, after.sql)
    )
    physical = _physical_pairs(before, after)
    unchanged = unchanged_columns(before, after) if "meaning" in parts else None
    kind = _kind(before, after, parts, logical, unchanged)
    return PlanDifference(
        view=after.view,
        kind=kind,
        changed_parts=parts,
        causes=tuple(_causes(before, after, parts, kind, logical, physical)),
        changed_columns=_changed_columns(before, after, parts, kind, unchanged),
        sql_changed=before.sql != after.sql,
        logical_tree=fold(logical),
        physical_tree=None if physical is None else fold(physical),
    )


def _changed_parts(before: PlanFacts, after: PlanFacts) -> tuple[str, ...]:
    old, new = dict(before.identity.parts), dict(after.identity.parts)
    if "physical" not in old or "physical" not in new:
        old.pop("physical", None)
        new.pop("physical", None)
    elif old["physical"] != new["physical"] and _same_but_for_names(before, after):
        new["physical"] = old["physical"]
    names = [*PARTS, *sorted({*old, *new} - {*PARTS})]
    return tuple(name for name in names if old.get(name) != new.get(name))


def _same_but_for_names(before: PlanFacts, after: PlanFacts) -> bool:
    """Whether two physical plans of queries that mean the same are the same but for names.

    A physical plan calls columns by the aliases of its query. The queries mean the same, so their
    expressions do; operators, their order, partitioning and the tables read are left to compare.
    """
    if before.identity.fingerprint != after.identity.fingerprint or words_of(before.sql) == words_of(
        after.sql
    ):
        return False
    shapes = [normalised_physical_plan(facts.physical_plan or "", folded=True) for facts in (before, after)]
    return shapes[0] == shapes[1] and scanned_tables(before) == scanned_tables(after)


def _physical_pairs(before: PlanFacts, after: PlanFacts) -> tuple[Pair, ...] | None:
    if before.physical_plan is None or after.physical_plan is None:
        return None
    # The moment of planning stands in plans that call now(); a release may fold what another does not.
    folded = bool(before.identity.volatile_functions or after.identity.volatile_functions)
    texts = [
        normalised_physical_plan(plan, folded=folded) for plan in (before.physical_plan, after.physical_plan)
    ]
    if folded:
        # Such a plan has no colon behind its operators; they are what lines are paired by.
        texts = [re.sub(r"^( *\w+) ", r"\1: ", text, flags=re.MULTILINE) for text in texts]
    lines = [physical_lines(text) for text in texts]
    return align(lines[0], lines[1])


def _kind(
    before: PlanFacts,
    after: PlanFacts,
    parts: tuple[str, ...],
    logical: tuple[Pair, ...],
    unchanged: frozenset[str] | None,
) -> Kind:
    if before.identity.fingerprint == after.identity.fingerprint:
        if not _same_output(before, after):
            return "rows or values may differ"
        if parts:
            return "physical only"
        return "identical" if before.sql == after.sql else "cosmetic"
    if "engine" in parts and {*parts} <= {"meaning", "functions", "inlined", "engine", "physical"}:
        same_text = words_of(before.sql) == words_of(after.sql)
        if _texts_inlined(before) != _texts_inlined(after):
            return "rows or values may differ"
        if same_text or all(pair.change == "same" for pair in logical):
            return "unknown"
    kept = [name for name in after.schema.names if name in before.schema.names]
    if (
        unchanged is not None
        and unchanged == {*before.schema.names}
        and kept == before.schema.names
        and len(after.schema.names) > len(kept)
    ):
        return "columns added"
    return "rows or values may differ"


def _same_output(before: PlanFacts, after: PlanFacts) -> bool:
    columns = [[(field.name, field.type) for field in facts.schema] for facts in (before, after)]
    return columns[0] == columns[1]


def _causes(
    before: PlanFacts,
    after: PlanFacts,
    parts: tuple[str, ...],
    kind: Kind,
    logical: tuple[Pair, ...],
    physical: tuple[Pair, ...] | None,
) -> list[str]:
    if kind == "identical":
        return ["nothing differs"]
    if kind == "cosmetic":
        return [_cosmetic_cause(before, after)]
    if kind == "physical only":
        causes = (
            [] if physical is None or "physical" not in parts else physical_causes(before, after, physical)
        )
        causes += speed_causes(before, after)
        causes += [engine_cause(before, after)] if "engine" in parts else []
        return [*causes, "the query is the same"]
    if kind == "unknown":
        same_text = words_of(before.sql) == words_of(after.sql)
        same = "the SQL text is the same" if same_text else "the plan as written is the same, the SQL is not"
        return [f"{engine_cause(before, after)}: their plans cannot be compared", same]
    causes = []
    if "inputs" in parts:
        causes += input_causes(before, after)
    if "parameters" in parts:
        causes += parameter_causes(before, after)
    if "functions" in parts:
        causes += function_causes(before, after)
    if "settings" in parts:
        causes += setting_causes(before, after)
    if "inlined" in parts:
        causes += _inlined_causes(before, after, causes)
    if "partitions" in parts:
        causes.append("its partitions are others: the column, the cadence or the time zone changed")
    if "meaning" in parts or not _same_output(before, after):
        causes += query_causes(before, after, logical)
    if not causes:
        deciding = [part for part in parts if part != "physical"]
        causes += _text_causes(before, after) or [f"its {' and '.join(deciding or parts)} changed"]
    return [*causes, engine_cause(before, after)] if "engine" in parts else causes


def _inlined_causes(before: PlanFacts, after: PlanFacts, told: list[str]) -> list[str]:
    """What changed in views that are inlined, each change told once, at the view that it was made in."""
    causes: dict[str, None] = {}
    for name in after.lineage.tables:
        was, now = before.inlined.get(name), after.inlined.get(name)
        if was is None and now is not None and name in before.lineage.tables:
            causes[f"view {name} is inlined now, it was stored before"] = None
        elif was is not None and now is None and name in before.lineage.tables:
            causes[f"view {name} is stored now, it was inlined before"] = None
        elif was is not None and now is not None and was.identity.fingerprint != now.identity.fingerprint:
            for cause in difference(was, now).causes:
                if cause not in told:  # as a setting, which changed for all views
                    deeper = cause.startswith(("inlined view ", "view "))
                    causes[cause if deeper else f"inlined view {name} changed: {cause}"] = None
    return list(causes)


def _texts_inlined(facts: PlanFacts) -> dict[str, list[str]]:
    return {name: list(words_of(inlined.sql)) for name, inlined in facts.inlined.items()}


def _cosmetic_cause(before: PlanFacts, after: PlanFacts) -> str:
    if words_of(before.sql) == words_of(after.sql):
        return "only white space, comments or the case of words differ"
    return "the SQL is written differently (names of aliases or CTEs, order of CTEs); it means the same"


def _text_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """What was replaced in the SQL, for a change that the plans as written do not show."""
    causes = []
    for edit in edits(before.sql, after.sql):
        old, new = ", ".join(edit.before), ", ".join(edit.after)
        if old and new:
            causes.append(f"in the SQL, `{old}` became `{new}`")
        else:
            causes.append(f"in the SQL, `{old or new}` was {'added' if new else 'dropped'}")
    return causes


def _changed_columns(
    before: PlanFacts,
    after: PlanFacts,
    parts: tuple[str, ...],
    kind: Kind,
    unchanged: frozenset[str] | None,
) -> tuple[str, ...] | None:
    if kind in ("identical", "cosmetic", "physical only"):
        return ()
    names = dict.fromkeys([*before.schema.names, *after.schema.names])
    if unchanged is not None:
        return tuple(name for name in names if name not in unchanged)
    same_query = words_of(before.sql) == words_of(after.sql) and {*parts} <= {"meaning", "inputs", "physical"}
    # The same query over columns of other types: its meaning differs by these alone.
    changes = input_changes(before, after) if same_query and not counts_by_value(after.logical_plan) else None
    if changes:
        return tuple(
            name
            for name, origins in after.lineage.columns.items()
            if any((origin.table, origin.column) in changes for origin in origins)
        )
    return None
