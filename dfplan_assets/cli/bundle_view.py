"""A plan bundle as ``dfplan show`` prints it: one JSON document, or sections to read."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.output import Drawing, isoformat, number_or_none
from dfplan_assets.cli.stored import SHORT_KEY_CHARACTERS
from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.planning.bundle import PhysicalOperator, PlanBundle
from dfplan_assets.store import BundleRecord, RunRecord, topology_figures

LatestRun = tuple[str, RunRecord]
"""The key and the record of a run."""

_NANOSECONDS_PER_MILLISECOND = 1_000_000


def document(record: BundleRecord, bundle: PlanBundle, run: LatestRun | None) -> dict[str, Any]:
    """All of a bundle; of its environment the hashes, of its runs the last."""
    identity, substrait = bundle.identity, bundle.substrait
    return {
        "view": bundle.view,
        "key": record.key,
        "first_planned_at": isoformat(record.first_planned_at),
        "last_planned_at": isoformat(record.last_planned_at),
        "planning_seconds": number_or_none(record.planning_seconds),
        "identity": {
            "fingerprint": identity.fingerprint,
            "complete": identity.complete,
            "parts": dict(identity.parts),
            "volatile_functions": list(identity.volatile_functions),
        },
        "sql": bundle.sql,
        "parameters": [
            {"name": each.name, "type": each.type, "value": each.value, "secret": each.value is None}
            for each in bundle.parameters
        ],
        "schema": [
            {"name": field.name, "type": str(field.type), "nullable": field.nullable}
            for field in bundle.schema
        ],
        "lineage": {
            "tables": list(bundle.lineage.tables),
            "unused_tables": list(bundle.lineage.unused_tables),
            "columns": {
                column: [{"table": o.table, "column": o.column, "kind": o.kind} for o in origins]
                for column, origins in bundle.lineage.columns.items()
            },
            "required_columns": {
                table: list(names) for table, names in bundle.lineage.required_columns.items()
            },
            "functions": list(bundle.lineage.functions),
        },
        "plans": {
            "logical": bundle.logical_plan,
            "optimized": bundle.optimized_plan,
            "physical": bundle.physical_plan,
            "tree": bundle.tree,
        },
        "rules": None
        if bundle.rules is None
        else [{"phase": each.phase, "rule": each.rule, "diff": each.diff} for each in bundle.rules],
        "topology": {
            "figures": dict(vars(topology_figures(bundle.topology))),
            "operators": [_operator_document(each) for each in bundle.topology],
        },
        "substrait": {
            "bytes": None if substrait.message is None else len(substrait.message),
            "message": None if substrait.message is None else base64.b64encode(substrait.message).decode(),
            "refusal": substrait.refusal,
            "extension_nodes": list(substrait.extension_nodes),
            "validation": {
                "outcome": substrait.validation.outcome,
                "reason": substrait.validation.reason,
            },
        },
        "environment": {part.name: part.sha256 for part in bundle.environment},
        "run": None if run is None else _run_document(*run),
    }


def sections(
    record: BundleRecord, bundle: PlanBundle, run: LatestRun | None, root: Path
) -> Iterator[RenderableType]:
    """The same for reading, the most asked about first; files below ``root`` are named from there on."""

    def inside(text: str) -> str:
        return text.replace(f"{root.as_posix().lstrip('/')}/", "")

    yield from _section(f"{bundle.view}  {record.key}", _identity(record, bundle))
    yield from _section("SQL", Text(bundle.sql.strip()))
    yield from _section("Lineage", _lineage(bundle))
    yield from _section(
        "Plan (EXPLAIN FORMAT TREE)",
        Drawing(bundle.tree.rstrip(), f"dfplan show {bundle.view} {record.key[:SHORT_KEY_CHARACTERS]}"),
    )
    yield from _section("Topology", *_topology(bundle.topology, inside))
    yield from _section("Rules that changed the plan", *_rules(bundle))
    yield from _section("Substrait", _substrait(bundle))
    yield from _section("Environment", _facts([(part.name, part.sha256) for part in bundle.environment]))
    yield from _section("Latest run", *_run(bundle.view, run, inside))


def _operator_document(operator: PhysicalOperator) -> dict[str, Any]:
    scan = operator.scan
    return {
        **vars(operator),
        "children": list(operator.children),
        "scan": None
        if scan is None
        else {**vars(scan), "files": list(scan.files), "projection": list(scan.projection)},
    }


def _run_document(key: str, run: RunRecord) -> dict[str, Any]:
    profile = run.profile
    return {
        "key": key,
        "status": run.status,
        "started_at": isoformat(run.started_at),
        "attempt": run.attempt,
        "dagster_run_id": run.dagster_run_id,
        "publication_version": run.publication_version,
        "partition_key": run.partition_key,
        "cores": run.cores,
        "peak_memory_bytes": run.peak_memory_bytes,
        "inputs": [vars(each) for each in run.inputs],
        "failure": run.failure,
        "profile": None
        if profile is None
        else {
            "wall_seconds": number_or_none(profile.wall_seconds),
            "cpu_seconds": number_or_none(profile.cpu_seconds),
            "rows": profile.output_rows,
            "bytes": profile.output_bytes,
            "operators": _profile_document(profile.root),
        },
    }


def _profile_document(operator: OperatorProfile) -> dict[str, Any]:
    return {
        "name": operator.name,
        "display": operator.display,
        "partitions": operator.partitions,
        "rows": operator.output_rows,
        "cpu_nanoseconds": operator.cpu_nanoseconds,
        "started_at": isoformat(operator.started_at),
        "ended_at": isoformat(operator.ended_at),
        "metrics": dict(operator.metrics),
        "children": [_profile_document(child) for child in operator.children],
    }


def _section(title: str, *body: RenderableType) -> Iterator[RenderableType]:
    yield Text(title, style="bold")
    for part in body:
        yield Padding(part, (0, 0, 0, 2), expand=False)
    yield ""


def _facts(facts: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in facts:
        if text:
            grid.add_row(Text(label), Text(text))
    return grid


def _lines(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]) -> Text:
    """A table with one line for each row, whose last column is cut where it is too wide for the terminal."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings) - 1)]
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, row in enumerate(cells):
        padded = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        line = "  ".join([*padded, row[-1]])
        text.append(line if number == len(cells) - 1 else line + "\n", style="" if number else "dim")
    return text


def _identity(record: BundleRecord, bundle: PlanBundle) -> Table:
    identity = bundle.identity
    parameters = ", ".join(
        f"${each.name} = {each.value} ({each.type})"
        if each.value is not None
        else f"${each.name} is secret ({each.type})"
        for each in bundle.parameters
    )
    planning = "" if math.isnan(record.planning_seconds) else f"{record.planning_seconds * 1000:,.1f} ms"
    return _facts(
        [
            ("fingerprint", identity.fingerprint),
            *((f"  {name}", sha256) for name, sha256 in identity.parts.items()),
            ("complete", identity.complete),
            ("parameters", parameters),
            ("volatile functions", ", ".join(identity.volatile_functions)),
            ("first planned", isoformat(record.first_planned_at)),
            ("last planned", isoformat(record.last_planned_at)),
            ("planning took", planning),
        ]
    )


def _lineage(bundle: PlanBundle) -> Table:
    found = bundle.lineage
    return _facts(
        [
            *(
                (f"reads {table}", ", ".join(found.required_columns.get(table, ())) or "(only its rows)")
                for table in found.tables
            ),
            ("names, but does not read", ", ".join(found.unused_tables)),
            ("calls", ", ".join(found.functions)),
            ("gives", ", ".join(f"{field.name} {field.type}" for field in bundle.schema)),
            ("in full", f"dfplan lineage {bundle.view}"),
        ]
    )


def _topology(
    operators: Sequence[PhysicalOperator], inside: Callable[[str], str]
) -> Iterator[RenderableType]:
    figures = topology_figures(tuple(operators))
    yield _facts(
        [
            ("operators", str(figures.operators)),
            ("pipeline breakers", str(figures.pipeline_breakers)),
            ("hash repartitions", str(figures.hash_repartitions)),
            ("round-robin repartitions", str(figures.round_robin_repartitions)),
            ("sort-preserving merges", str(figures.sort_preserving_merges)),
            ("scans", str(figures.scans)),
            ("partitions that come out", str(figures.output_partitions)),
        ]
    )
    yield ""
    depths = {0: 0}
    for each in operators:
        depths.update((child, depths[each.index] + 1) for child in each.children)
    rows = [
        (
            str(each.index),
            f"{each.role if each.role != 'other' else ''}{' *' if each.pipeline_breaker else ''}",
            f"{each.partitions} {'by hash' if each.partitioning.startswith('Hash') else ''}".rstrip(),
            "  " * depths[each.index] + inside(each.display),
        )
        for each in operators
    ]
    yield _lines(("", "role", "partitions", "operator"), rows, right=(0,))
    if any(each.pipeline_breaker for each in operators):
        yield Text("* breaks the pipeline: it sees all rows of an input before it gives any", style="dim")
    yield ""
    for each in operators:
        scan = each.scan
        if scan is None:
            continue
        yield Text(f"Scan {each.index}")
        yield Padding(
            _facts(
                [
                    ("files", "\n".join(map(inside, scan.files))),
                    ("bytes", "not known to the planner" if scan.bytes is None else f"{scan.bytes:,}"),
                    ("columns", ", ".join(scan.projection)),
                    ("filters", scan.filters or "none pushed down"),
                    ("pruning", scan.pruning or ""),
                ]
            ),
            (0, 0, 0, 2),
            expand=False,
        )


def _rules(bundle: PlanBundle) -> Iterator[RenderableType]:
    if bundle.rules is None:
        yield Text("Not recorded. Write `planning: {verbose: true}` in dfplan.yaml to keep them.")
        return
    if not bundle.rules:
        yield Text("None.")
    for number, each in enumerate(bundle.rules, start=1):
        yield Text(f"{number}. {each.rule} ({each.phase})")
        yield Padding(Text(each.diff.rstrip()), (0, 0, 0, 3), expand=False)


def _substrait(bundle: PlanBundle) -> Table:
    substrait = bundle.substrait
    validation = substrait.validation
    return _facts(
        [
            ("bytes", "" if substrait.message is None else f"{len(substrait.message):,}"),
            ("has none, since", substrait.refusal or ""),
            ("in extension relations", ", ".join(substrait.extension_nodes)),
            ("validation", f"{validation.outcome}: {validation.reason}"),
        ]
    )


def _run(view: str, run: LatestRun | None, inside: Callable[[str], str]) -> Iterator[RenderableType]:
    if run is None:
        yield Text(f"This plan never ran. Materialise it: dfplan run '+{view}'")
        return
    record = run[1]
    profile = record.profile
    yield _facts(
        [
            ("status", record.status),
            ("started", isoformat(record.started_at)),
            ("wall seconds", "" if profile is None else f"{profile.wall_seconds:,.3f}"),
            ("CPU seconds", "" if profile is None else f"{profile.cpu_seconds:,.3f}"),
            ("rows", "" if profile is None else f"{profile.output_rows:,}"),
            ("bytes", "" if profile is None else f"{profile.output_bytes:,}"),
            ("cores", "" if record.cores is None else str(record.cores)),
            ("Dagster run", record.dagster_run_id or ""),
            ("failure", record.failure or ""),
        ]
    )
    if profile is None:
        return
    rows = []
    pending = [(0, profile.root)]
    while pending:
        depth, each = pending.pop()
        pending.extend((depth + 1, child) for child in reversed(each.children))
        rows.append(
            (
                "" if each.output_rows is None else f"{each.output_rows:,}",
                ""
                if each.cpu_nanoseconds is None
                else f"{each.cpu_nanoseconds / _NANOSECONDS_PER_MILLISECOND:,.3f}",
                str(each.partitions),
                "  " * depth + inside(each.display),
            )
        )
    yield ""
    yield _lines(("rows", "CPU ms", "partitions", "operator"), rows, right=(0, 1, 2))
