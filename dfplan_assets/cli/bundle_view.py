"""A plan bundle as ``dfplan show`` prints it: one JSON document, or sections to read."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dfplan_assets.cli.output import Drawing, isoformat, number_or_none
from dfplan_assets.cli.profile_view import operator_tree, run_document, run_facts
from dfplan_assets.cli.sections import facts, lines, section
from dfplan_assets.cli.stored import SHORT_KEY_CHARACTERS
from dfplan_assets.planning.bundle import PhysicalOperator, PlanBundle
from dfplan_assets.planning.user_functions import UserFunction, recorded_functions
from dfplan_assets.store import BundleRecord, RunRecord, topology_figures

LatestRun = tuple[str, RunRecord]
"""The key and the record of a run."""


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
        "user_functions": [_function_document(each) for each in _user_functions(bundle)],
        "plans": {
            "logical": bundle.logical_plan,
            "optimized": bundle.optimized_plan,
            "physical": bundle.physical_plan,
            "tree": bundle.tree if bundle.tree_refusal is None else None,
            "tree_refusal": bundle.tree_refusal,
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
        "run": None if run is None else {"key": run[0], **run_document(run[1])},
    }


def sections(
    record: BundleRecord, bundle: PlanBundle, run: LatestRun | None, root: Path
) -> Iterator[RenderableType]:
    """The same for reading, the most asked about first; files below ``root`` are named from there on."""

    def inside(text: str) -> str:
        return text.replace(f"{root.as_posix().lstrip('/')}/", "")

    yield from section(f"{bundle.view}  {record.key}", _identity(record, bundle))
    yield from section("SQL", Text(bundle.sql.strip()))
    yield from section("Lineage", _lineage(bundle))
    functions = _user_functions(bundle)
    if functions:
        yield from section("Functions of the project", *_functions(functions))
    command = f"dfplan show {bundle.view} {record.key[:SHORT_KEY_CHARACTERS]}"
    if bundle.tree_refusal is None:
        yield from section("Plan (EXPLAIN FORMAT TREE)", Drawing(bundle.tree.rstrip(), command))
    else:
        yield from section(
            "Plan (as text)",
            Text(f"{bundle.tree_refusal}."),
            Drawing(bundle.physical_plan.rstrip(), command),
        )
    yield from section("Topology", *_topology(bundle.topology, inside))
    yield from section("Rules that changed the plan", *_rules(bundle))
    yield from section("Substrait", _substrait(bundle))
    yield from section("Environment", facts([(part.name, part.sha256) for part in bundle.environment]))
    yield from section("Latest run", *_run(bundle.view, run, inside))


def _operator_document(operator: PhysicalOperator) -> dict[str, Any]:
    scan = operator.scan
    return {
        **vars(operator),
        "children": list(operator.children),
        "scan": None
        if scan is None
        else {**vars(scan), "files": list(scan.files), "projection": list(scan.projection)},
    }


def _identity(record: BundleRecord, bundle: PlanBundle) -> Table:
    identity = bundle.identity
    parameters = ", ".join(
        f"${each.name} = {each.value} ({each.type})"
        if each.value is not None
        else f"${each.name} is secret ({each.type})"
        for each in bundle.parameters
    )
    planning = "" if math.isnan(record.planning_seconds) else f"{record.planning_seconds * 1000:,.1f} ms"
    return facts(
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
    return facts(
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


def _user_functions(bundle: PlanBundle) -> list[UserFunction]:
    """The functions of the project that the view calls, itself or in views that are inlined into it."""
    parts = {part.name: part.content for part in bundle.environment}
    called = {*bundle.lineage.functions}
    for inlined in json.loads(parts.get("inlined", "[]")):
        called.update(inlined["lineage"]["functions"])
    return [each for each in recorded_functions(list(parts.items())).values() if each.name in called]


def _function_document(function: UserFunction) -> dict[str, Any]:
    return {
        "name": function.name,
        "kind": function.kind,
        "parameters": list(function.parameters),
        "returns": function.returns,
        "volatility": function.volatility,
        "body_sha256": function.body_sha256,
        "module": function.module,
        "line": function.line,
        "notices": list(function.notices),
    }


def _functions(functions: Sequence[UserFunction]) -> Iterator[RenderableType]:
    for each in functions:
        yield facts(
            [
                (each.kind, each.signature),
                ("  volatility", each.volatility),
                ("  body", f"{each.body_sha256}  {each.place}"),
                *(("  notice", notice) for notice in each.notices),
            ]
        )


def _topology(
    operators: Sequence[PhysicalOperator], inside: Callable[[str], str]
) -> Iterator[RenderableType]:
    figures = topology_figures(tuple(operators))
    yield facts(
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
    yield lines(("", "role", "partitions", "operator"), rows, right=(0,))
    if any(each.pipeline_breaker for each in operators):
        yield Text("* breaks the pipeline: it sees all rows of an input before it gives any", style="dim")
    yield ""
    for each in operators:
        scan = each.scan
        if scan is None:
            continue
        yield Text(f"Scan {each.index}")
        yield Padding(
            facts(
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
    return facts(
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
    yield run_facts(record)
    if record.profile is not None:
        yield ""
        yield from operator_tree(record.profile, inside)
