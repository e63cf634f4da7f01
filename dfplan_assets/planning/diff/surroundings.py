"""What changed around a query, in words: parameters, inputs, functions, settings, the engine."""

from __future__ import annotations

import re

from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.functions import engine_functions
from dfplan_assets.planning.identity import settings_for_results

_TYPE_NAMES = {
    "Utf8": "string",
    "Utf8View": "string_view",
    "LargeUtf8": "large_string",
    "Boolean": "bool",
}
# Settings that decide how a query runs, and not what it gives.
_SPEED = ("datafusion.execution.", "datafusion.optimizer.")


def parameter_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """Parameters with other values. A secret value is never shown."""
    old = {each.name: each for each in before.parameters}
    new = {each.name: each for each in after.parameters}
    causes = []
    for name in (name for name in new if name in old):
        was, now = old[name], new[name]
        if was.value is None or now.value is None:
            continue
        if was.value != now.value:
            causes.append(f"parameter ${name}: {was.value} → {now.value}")
        elif was.type != now.type:
            causes.append(f"parameter ${name} {now.value}: {was.type} → {now.type}")
    causes += [f"parameter ${name} is used now" for name in new if name not in old]
    causes += [f"parameter ${name} is no longer used" for name in old if name not in new]
    secret = [name for name in new if name in old and new[name].value is None]
    if not causes and secret:
        names = " or ".join(f"${name}" for name in secret)
        causes.append(f"parameter {names}: the value changed, which is secret")
    return causes or ["the parameters' values or types changed"]


def input_changes(before: PlanFacts, after: PlanFacts) -> dict[tuple[str, str], tuple[str, str]] | None:
    """Types of used input columns that changed, by table and column; None where that is not known."""
    changes = {}
    for table, columns in after.lineage.required_columns.items():
        for column in columns:
            if column not in before.lineage.required_columns.get(table, ()):
                continue
            was, now = before.column_types.get((table, column)), after.column_types.get((table, column))
            if was is None or now is None:
                return None
            if was != now:
                changes[table, column] = was, now
    return changes


def input_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """Input columns with other types."""
    changes = input_changes(before, after) or {}
    return [
        f"input {table}.{column}: {_type_name(was)} → {_type_name(now)}"
        for (table, column), (was, now) in changes.items()
    ]


def function_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """Functions that are called before and after, and are not the same."""
    both = [name for name in after.lineage.functions if name in before.lineage.functions]
    changed = [cause for name in both for cause in _user_function_cause(name, before, after)]
    if changed:
        return changed
    signatures = [name for name in both if before.signatures(name) != after.signatures(name)]
    if signatures:
        return [f"function {name}: its signature changed" for name in signatures]
    own = [name for name in both if name not in engine_functions()]
    if before.lineage.functions != after.lineage.functions:
        # Then the part says that the query calls others now.
        return []
    if len(own) == 1:
        return [f"function {own[0]}: its body changed"]
    return [f"the body of one of the functions {', '.join(own or both)} changed"] if both else []


def _user_function_cause(name: str, before: PlanFacts, after: PlanFacts) -> list[str]:
    """What became of a function that the project adds; nothing where it is the same, or the engine's own."""
    was, now = before.user_functions.get(name), after.user_functions.get(name)
    if was is None or now is None or was.meaning == now.meaning:
        return []
    what = []
    if (was.kind, was.parameters, was.returns) != (now.kind, now.parameters, now.returns):
        what.append(f"{was.signature} → {now.signature}")
    if was.volatility != now.volatility:
        what.append(f"{was.volatility} → {now.volatility}")
    if was.body_sha256 != now.body_sha256:
        what.append("its body")
    return [f"function {name} changed: {', '.join(what)}"]


def setting_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """Settings that can change results and did change."""
    was, now = settings_for_results(before.settings), settings_for_results(after.settings)
    return [
        f"setting {name}: {before.settings.get(name, 'not set')} → {after.settings.get(name, 'not set')}"
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ] or ["settings that decide results changed"]


def speed_causes(before: PlanFacts, after: PlanFacts) -> list[str]:
    """Settings that changed and decide how a query runs; not those that only some versions have."""
    return [
        f"setting {name}: {value} → {after.settings[name]}"
        for name, value in sorted(before.settings.items())
        if name.startswith(_SPEED) and name in after.settings and after.settings[name] != value
    ]


def engine_cause(before: PlanFacts, after: PlanFacts) -> str:
    """The engine's releases, the patch number only where it makes the difference."""
    was, now = before.engine_version or "unknown", after.engine_version or "unknown"
    if was == now:
        return "dfplan writes a query's identity in another way"
    majors = was.split(".")[0], now.split(".")[0]
    return f"DataFusion {majors[0]} → {majors[1]}" if majors[0] != majors[1] else f"DataFusion {was} → {now}"


def _type_name(kind: str) -> str:
    """DataFusion's name of a type as ``dfplan.yaml`` has it, where it has one."""
    known = _TYPE_NAMES.get(kind)
    if known is not None:
        return known
    return re.sub(r"^(?:U?Int|Float|Date|Decimal)\d+", lambda name: name[0].lower(), kind)
