"""Reasons for which a view is stale, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dfplan_assets.execution.provenance import identity_parts
from dfplan_assets.execution.source_versions import NO_FILE, READING
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import FILES, Source

NEVER_RAN = "never ran"

MOST_NAMED = 3
"""Of more files that changed only this many are named."""

_PARTS = {
    "meaning": "its meaning changed",
    "parameters": "its parameters changed",
    "inputs": "columns that it reads have other types",
    "functions": "a function that it uses changed",
    "settings": "settings that decide its results changed",
}


def identity_reasons(plan: ProjectPlan, view: str, before: Mapping[str, str]) -> list[str]:
    """What decides a view's results otherwise than it did, in words; ``before`` as its manifest has it."""
    now = identity_parts(plan, view)
    reasons = []
    for name in dict.fromkeys([*now, *before]):
        if now.get(name) == before.get(name):
            continue
        what, _, of = name.partition(" ")
        if not of:
            reasons.append(_PARTS[what])
        elif name in now and name in before:
            reasons.append(f"function {of} changed" if what == "function" else f"inlined view {of} changed")
        elif what == "inlined":
            how = "inlined into it now" if name in now else "no longer inlined into it"
            reasons.append(f"view {of} is {how}")
    if any(reason.startswith("function ") for reason in reasons):
        reasons.remove(_PARTS["functions"])  # they are named
    return reasons or ["its meaning or a secret parameter changed"]


def partitions_reason(because: Mapping[str, Sequence[str]], keys: Sequence[str]) -> str:
    """How many of the partitions are stale, and which for which reasons; ``keys`` are all, in order.

    >>> partitions_reason({"a": ("never ran",), "b": ("never ran",), "d": ("x changed",)}, "abcd")
    '3 of 4 partitions are stale: a..b never ran; d: x changed'
    """
    place = {key: number for number, key in enumerate(keys)}
    keys_of: dict[str, list[str]] = {}
    for key, reasons in because.items():
        keys_of.setdefault(", ".join(reasons), []).append(key)
    words = []
    for reason, found in keys_of.items():
        spans: list[list[str]] = []
        for key in sorted(found, key=place.__getitem__):
            if spans and place[key] == place[spans[-1][-1]] + 1:
                spans[-1].append(key)
            else:
                spans.append([key])
        shown = ", ".join(
            span[0] if len(span) == 1 else f"{span[0]}..{span[-1]}" for span in spans[:MOST_NAMED]
        )
        more = sum(map(len, spans[MOST_NAMED:]))
        shown += f" and {more:,} more" if more else ""
        words.append(f"{shown} {reason}" if reason == NEVER_RAN else f"{shown}: {reason}")
    number = len(because)
    said = f"{number:,} of {len(keys):,} partitions {'is' if number == 1 else 'are'} stale"
    return f"{said}: {'; '.join(words)}"


def source_reason(source: Source, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What of a source changed, in words; ``before`` and ``now`` are the parts of its versions."""
    if source.is_published:
        return f"table {source.name} " + ("has no published result" if NO_FILE in now else "changed")
    if before.get(READING) != now.get(READING):
        return f"{source.name} is read in another way"
    old = {name: part for name, part in before.items() if name != READING}
    new = {name: part for name, part in now.items() if name != READING}
    if source.data_version != FILES:
        return f"{source.name} changed: {_said(source.data_version, old, new)}"
    if source.format == "delta":
        return f"{source.name} changed: {_versions(old, new)}"
    return _files_reason(source, old, new)


def _said(function: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if function in old and function in new:
        return f"{function} says {new[function]!r}, it said {old[function]!r}"
    return f"its data version is told by {function}"


def _versions(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    table, _, number = new["version"].rpartition(":")
    table_before, _, number_before = old.get("version", "").rpartition(":")
    if table != table_before:
        return "it is another table"
    return f"version {number}, it was version {number_before}"


def _files_reason(source: Source, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if NO_FILE in new:
        return f"{source.name}: no file at {source.path}"
    if not old or not new:
        return f"files of {source.name} changed"
    old = {name: part for name, part in old.items() if name != NO_FILE}
    changes = {
        "changed": [name for name in new if name in old and new[name] != old[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    words = [f"{_listed(names)} {_verb(kind, len(names))}" for kind, names in changes.items() if names]
    said = ", ".join(words)
    alone = Path(source.path).name in new and len(new) == 1
    return said if alone or not words else f"{source.name}: {said}"


def _verb(kind: str, count: int) -> str:
    if kind == "changed":
        return kind
    return f"{'is' if count == 1 else 'are'} {kind}"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    shown = ", ".join(sorted(names)[:MOST_NAMED])
    if more <= 0:
        return shown
    return f"{shown} and {more} more {'file' if more == 1 else 'files'}"
