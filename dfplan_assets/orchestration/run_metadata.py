"""What an asset says of one materialisation: its figures, the plan that ran, where its columns came from.

Dagster stores a materialisation's metadata in two events, and large events make the whole instance
slow. Each part therefore has a budget in bytes; a part that is cut says so, and by how much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg

from dfplan_assets.execution.analysis import operator_times, totals, walk, widest
from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.profile import OperatorProfile, known_total
from dfplan_assets.orchestration.bundle_metadata import store_failure
from dfplan_assets.orchestration.column_origins import column_lineage
from dfplan_assets.orchestration.markdown import fenced, fit, stored_bytes, table
from dfplan_assets.orchestration.runner import Reused
from dfplan_assets.planning.lineage.model import Kind, Lineage

EVENT_LIMIT_BYTES = 50_000
_TREE_BYTES = 6_000
_OPERATORS_BYTES = 6_000
_LINEAGE_BYTES = 15_000
_LINEAGE_FRAME_BYTES = 110  # around the names of one origin: class names, fields and punctuation
_TREE_LINE_CHARACTERS = 72  # what fits beside the other columns of the UI on a laptop
_FILE_GROUPS = re.compile(r"file_groups=\{\d+ groups?: \[\[([^\],:]*)[^}]*\}")
_SECONDS_DIGITS = 6
_MILLISECONDS_PER_SECOND = 1000


def run_metadata(
    done: Materialisation,
    lineage: Lineage,
    key_of: Callable[[str], dg.AssetKey],
    project_root: Path,
) -> dict[str, dg.MetadataValue]:
    """The metadata of one materialisation, small enough that no event exceeds ``EVENT_LIMIT_BYTES``.

    Only numbers that mean something over time are numbers here, since Dagster plots each of them; one that
    is not known is left out.
    """
    publication, profile = done.publication, done.profile
    return {
        row_count_key(publication.partition_key): dg.MetadataValue.int(publication.rows),
        "dagster/size_bytes": dg.MetadataValue.int(publication.bytes),
        "dfplan/wall_seconds": dg.MetadataValue.float(round(profile.wall_seconds, _SECONDS_DIGITS)),
        "dfplan/cpu_seconds": dg.MetadataValue.float(round(profile.cpu_seconds, _SECONDS_DIGITS)),
        **_figures(done),
        "dfplan/executed_plan": _tree(publication.view, profile.root, project_root),
        "dfplan/operators": _operators(publication.view, profile.root),
        **_lineage(publication.view, lineage, key_of),
    }


def row_count_key(partition_key: str | None) -> str:
    """Dagster's own key for the rows of an asset, or of one partition of it."""
    return "dagster/row_count" if partition_key is None else "dagster/partition_row_count"


def reused_metadata(
    made: Reused, lineage: Lineage, key_of: Callable[[str], dg.AssetKey]
) -> dict[str, dg.MetadataValue]:
    """The metadata of a materialisation that took the view's last result, since another would be the same."""
    publication = made.publication
    metadata: dict[str, dg.MetadataValue] = {
        row_count_key(publication.partition_key): dg.MetadataValue.int(publication.rows),
        "dagster/size_bytes": dg.MetadataValue.int(publication.bytes),
        "dfplan/cached": dg.MetadataValue.text(
            "Not run: neither its meaning nor anything that it reads changed since its result of "
            f"{publication.published_at:%Y-%m-%d %H:%M:%S} UTC."
        ),
        **_lineage(publication.view, lineage, key_of),
    }
    failure = store_failure(made.recorded)
    if failure is not None:
        metadata["dfplan/store_failure"] = dg.MetadataValue.text(failure)
    return metadata


def _figures(done: Materialisation) -> dict[str, dg.MetadataValue]:
    """What tells why a run took longer or shorter than another."""
    root = done.profile.root
    sums = totals(operator.metrics for operator in walk(root))
    figures = {
        "dfplan/input_rows": known_total(each.rows for each in done.inputs),
        "dfplan/input_bytes": known_total(each.bytes for each in done.inputs),
        "dfplan/bytes_scanned": sums.bytes_scanned,
        "dfplan/spilled_bytes": sums.spilled_bytes,
        "dfplan/peak_memory_bytes": done.peak_memory_bytes,
        "dfplan/partitions": widest(root),
    }
    return {name: dg.MetadataValue.int(value) for name, value in figures.items() if value is not None}


def _tree(view: str, root: OperatorProfile, project_root: Path) -> dg.MarkdownMetadataValue:
    nodes = operator_times(root)
    counts = [_count(each.operator.output_rows) for each in nodes]
    width = max(len("rows"), *map(len, counts))
    digits = len(str(len(nodes) - 1))
    lines = [f"{'rows':>{width}}  {'':>{digits}}  operator"]
    for count, each in zip(counts, nodes, strict=True):
        node = each.operator
        head = f"{count:>{width}}  {each.number:>{digits}}  {'  ' * each.depth}"
        room = max(_TREE_LINE_CHARACTERS - len(head), len(node.name))
        display = _readable(node.display, project_root)
        lines.append(head + (display if len(display) <= room else f"{display[: room - 1]}…"))
    shown = fit(lines, _TREE_BYTES)
    text = fenced("\n".join(lines[:shown]))
    return dg.MetadataValue.md(_cut_note(view, len(lines) - shown, len(nodes), "the last") + text)


def _readable(display: str, project_root: Path) -> str:
    """An operator's text with a scan's files first, named from the project's folder on."""
    inside = display.replace(f"{project_root.as_posix().lstrip('/')}/", "")
    return _FILE_GROUPS.sub(r"\1", inside)


def _operators(view: str, root: OperatorProfile) -> dg.MarkdownMetadataValue:
    """The operators with their numbers in the tree, the costliest first, so that a cut loses the cheapest."""
    by_cost = sorted(operator_times(root), key=lambda each: each.exclusive_seconds or 0.0, reverse=True)
    rows = [
        (
            str(each.number),
            each.operator.name,
            _count(each.operator.output_rows),
            ""
            if each.exclusive_seconds is None
            else f"{each.exclusive_seconds * _MILLISECONDS_PER_SECOND:,.3f}",
            str(each.operator.partitions),
        )
        for each in by_cost
    ]
    header = ("", "operator", "rows", "CPU ms", "partitions")
    lines = table(header, rows, numeric=(True, False, True, True, True)).split("\n")
    shown = fit(lines, _OPERATORS_BYTES)
    note = _cut_note(view, len(lines) - shown, len(rows), "the cheapest")
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
        if lineage_bytes_at_most(value) <= _LINEAGE_BYTES or len(dg.serialize_value(value)) <= _LINEAGE_BYTES:
            found: dict[str, dg.MetadataValue] = {
                "dagster/column_lineage": dg.TableColumnLineageMetadataValue(value)
            }
            return (
                found if note is None else {**found, "dfplan/column_lineage_cut": dg.MetadataValue.md(note)}
            )
    origins = sum(map(len, lineage.columns.values()))
    note = f"**Left out: {origins:,} origins of {len(lineage.columns):,} columns are too many.** {command}"
    return {"dfplan/column_lineage_cut": dg.MetadataValue.md(note)}


def lineage_bytes_at_most(value: dg.TableColumnLineage) -> int:
    """No less than the bytes of a lineage when it is serialised, at a tenth of the cost of doing it."""
    names = sum(stored_bytes(column) + 2 for column in value.deps_by_column)
    origins = [origin for column in value.deps_by_column.values() for origin in column]
    keys = {origin.asset_key for origin in origins}
    length = {key: len(json.dumps(key.path)) for key in keys}
    names += sum(length[origin.asset_key] + stored_bytes(origin.column_name) + 2 for origin in origins)
    return names + _LINEAGE_FRAME_BYTES * (1 + len(value.deps_by_column) + len(origins))


def _cut_note(view: str, left_out: int, total: int, which: str) -> str:
    if not left_out:
        return ""
    cut = f"**Shortened: {which} {left_out:,} of {total:,} operators are left out.**"
    return f"{cut} `dfplan show {view}` prints all of them.\n\n"


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"
