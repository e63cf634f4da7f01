"""What an asset says of one materialisation: its figures, the plan that ran, where its columns came from.

Dagster stores a materialisation's metadata in two events, and large events make the whole instance
slow. Each part therefore has a budget in bytes; a part that is cut says so, and by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter

import dagster as dg

from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.column_origins import column_lineage
from dfplan_assets.orchestration.markdown import fenced, fit, shorten, table
from dfplan_assets.planning.lineage.model import Kind, Lineage

EVENT_LIMIT_BYTES = 50_000
_TREE_BYTES = 12_000
_OPERATORS_BYTES = 12_000
_LINEAGE_BYTES = 20_000
_TREE_DETAIL_BYTES = 72
_TABLE_DETAIL_BYTES = 240
_SECONDS_DIGITS = 6
_NANOSECONDS_PER_MILLISECOND = 1_000_000


def run_metadata(
    publication: Publication,
    profile: RunProfile,
    lineage: Lineage,
    key_of: Callable[[str], dg.AssetKey],
) -> dict[str, dg.MetadataValue]:
    """The metadata of one materialisation, small enough that no event exceeds ``EVENT_LIMIT_BYTES``.

    Only numbers that mean something over time are numbers here, since Dagster plots each of them.
    """
    return {
        "dagster/row_count": dg.MetadataValue.int(publication.rows),
        "dagster/size_bytes": dg.MetadataValue.int(publication.bytes),
        "dfplan/wall_seconds": dg.MetadataValue.float(round(profile.wall_seconds, _SECONDS_DIGITS)),
        "dfplan/cpu_seconds": dg.MetadataValue.float(round(profile.cpu_seconds, _SECONDS_DIGITS)),
        "dfplan/executed_plan": _tree(profile),
        "dfplan/operators": _operators(profile),
        **_lineage(publication.view, lineage, key_of),
    }


def _walk(operator: OperatorProfile, depth: int = 0) -> Iterator[tuple[int, OperatorProfile]]:
    pending = [(depth, operator)]
    while pending:
        level, node = pending.pop()
        yield level, node
        pending.extend((level + 1, child) for child in reversed(node.children))


def _tree(profile: RunProfile) -> dg.MarkdownMetadataValue:
    nodes = list(_walk(profile.root))
    counts = [_count(node.output_rows) for _, node in nodes]
    width = max(len("rows"), *map(len, counts))
    lines = [f"{'rows':>{width}}  operator"]
    lines += [
        f"{count:>{width}}  {'  ' * depth}{shorten(node.display, _TREE_DETAIL_BYTES)}"
        for count, (depth, node) in zip(counts, nodes, strict=True)
    ]
    shown = fit(lines, _TREE_BYTES)
    text = fenced("\n".join(lines[:shown]))
    return dg.MetadataValue.md(_cut_note(len(lines) - shown, len(nodes), "the last") + text)


def _operators(profile: RunProfile) -> dg.MarkdownMetadataValue:
    """The operators with the costliest first, so that a cut loses the cheapest."""
    by_cost = sorted(
        ((node.cpu_nanoseconds or 0, node) for _, node in _walk(profile.root)),
        key=itemgetter(0),
        reverse=True,
    )
    header = ("operator", "rows", "CPU ms", "partitions", "detail")
    rows = [
        (
            node.name,
            _count(node.output_rows),
            ""
            if node.cpu_nanoseconds is None
            else f"{node.cpu_nanoseconds / _NANOSECONDS_PER_MILLISECOND:,.3f}",
            str(node.partitions),
            shorten(_detail(node), _TABLE_DETAIL_BYTES),
        )
        for _, node in by_cost
    ]
    lines = table(header, rows, numeric=(False, True, True, True, False)).split("\n")
    shown = fit(lines, _OPERATORS_BYTES)
    note = _cut_note(len(lines) - shown, len(rows), "the cheapest")
    return dg.MetadataValue.md(note + "\n".join(lines[:shown]))


def _lineage(
    view: str, lineage: Lineage, key_of: Callable[[str], dg.AssetKey]
) -> Mapping[str, dg.MetadataValue]:
    """Column lineage of both kinds; of direct origins alone, or not at all, where that is too large."""
    direct: frozenset[Kind] = frozenset({"direct"})
    both: frozenset[Kind] = frozenset({"direct", "indirect"})
    command = f"`dfplan lineage {view}` prints all of it."
    for kinds, note in (
        (both, None),
        (direct, f"**Shortened: only direct origins are stored.** {command}"),
    ):
        value = column_lineage(lineage.columns, kinds, key_of)
        if len(dg.serialize_value(value)) <= _LINEAGE_BYTES:
            found: dict[str, dg.MetadataValue] = {
                "dagster/column_lineage": dg.TableColumnLineageMetadataValue(value)
            }
            return (
                found if note is None else {**found, "dfplan/column_lineage_cut": dg.MetadataValue.md(note)}
            )
    origins = sum(map(len, lineage.columns.values()))
    note = f"**Left out: {origins:,} origins of {len(lineage.columns):,} columns are too many.** {command}"
    return {"dfplan/column_lineage_cut": dg.MetadataValue.md(note)}


def _cut_note(left_out: int, total: int, which: str) -> str:
    if not left_out:
        return ""
    return f"**Shortened: {which} {left_out:,} of {total:,} operators are left out.**\n\n"


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _detail(node: OperatorProfile) -> str:
    return node.display.removeprefix(node.name).removeprefix(":").strip()
