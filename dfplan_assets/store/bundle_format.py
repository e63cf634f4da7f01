"""A plan bundle in the form that is stored and queued: explicit, versioned, content-addressed.

``encode_bundle`` takes a bundle apart into one row of typed values and the texts they name by
SHA-256; ``decode_bundle`` puts it together again. A change of what is written, or of what the
written means, needs a new ``FORMAT`` and keeps the old one readable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from dfplan_assets.planning.bundle import (
    BoundParameter,
    EnvironmentPart,
    Identity,
    PhysicalOperator,
    PlanBundle,
    RuleEffect,
    Scan,
    SubstraitPlan,
    Validation,
)
from dfplan_assets.planning.lineage.model import ColumnOrigin, Kind, Lineage
from dfplan_assets.store.content import hash_of, json_text, text_bytes, text_of

FORMAT = 1

_PLAN_TEXTS = ("logical plan", "optimized plan", "physical plan", "tree")
_TREE_REFUSAL = "tree refusal"  # only where there is one


@dataclass(frozen=True)
class ExplainRow:
    """A plan text, or the diff of a rule (``kind`` is then the phase); ``content`` is its hash."""

    kind: str
    rule: str | None
    content: str


@dataclass(frozen=True)
class TopologyFigures:
    """The graph of a physical plan in numbers; ``scan_bytes`` is None unless known for each scan."""

    operators: int
    hash_repartitions: int
    round_robin_repartitions: int
    sort_preserving_merges: int
    pipeline_breakers: int
    scans: int
    scan_files: int
    scan_bytes: int | None
    output_partitions: int


@dataclass(frozen=True)
class BundleRow:
    """All of a bundle that is not text; fields called ``*_json`` hold JSON, others hashes or values."""

    view: str
    fingerprint: str
    complete: str
    parts_json: str
    volatile_functions_json: str
    parameters_json: str
    sql: str
    schema: str
    lineage: str
    substrait: str | None
    substrait_detail_json: str
    validation: str
    verbose: bool
    topology: str
    environment: tuple[tuple[str, str], ...]  # name and hash of each part
    explains: tuple[ExplainRow, ...]


@dataclass(frozen=True)
class EncodedBundle:
    """A bundle ready to be stored. ``key`` covers all but ``planning_seconds``, which never repeats."""

    key: str
    row: BundleRow
    planning_seconds: float
    figures: TopologyFigures
    texts: Mapping[str, bytes]

    @property
    def environment_key(self) -> str:
        """The hash that names this combination of environment parts."""
        return environment_key(self.row.environment)


def environment_key(parts: tuple[tuple[str, str], ...]) -> str:
    """The hash of the names and hashes of an environment's parts."""
    return hash_of(text_bytes(json_text(parts)))


def bundle_key(row: BundleRow) -> str:
    """The content hash of a bundle in this format."""
    return hash_of(text_bytes(json_text([FORMAT, *row_to_json(row).values()])))


def encode_bundle(bundle: PlanBundle) -> EncodedBundle:
    """Take a bundle apart; equal bundles get equal keys, whatever planning them took."""
    texts: dict[str, bytes] = {}

    def keep(payload: bytes) -> str:
        sha256 = hash_of(payload)
        texts[sha256] = payload
        return sha256

    def keep_text(text: str) -> str:
        return keep(text_bytes(text))

    def keep_part(part: EnvironmentPart) -> tuple[str, str]:
        # The part brings its hash; the store checks it when it does not know the hash yet.
        texts[part.sha256] = text_bytes(part.content)
        return part.name, part.sha256

    substrait = bundle.substrait
    plans = (bundle.logical_plan, bundle.optimized_plan, bundle.physical_plan, bundle.tree)
    explains = [
        ExplainRow(kind, None, keep_text(text)) for kind, text in zip(_PLAN_TEXTS, plans, strict=True)
    ]
    if bundle.tree_refusal is not None:
        explains.append(ExplainRow(_TREE_REFUSAL, None, keep_text(bundle.tree_refusal)))
    explains += [ExplainRow(rule.phase, rule.rule, keep_text(rule.diff)) for rule in bundle.rules or ()]
    row = BundleRow(
        view=bundle.view,
        fingerprint=bundle.identity.fingerprint,
        complete=bundle.identity.complete,
        parts_json=json_text(dict(sorted(bundle.identity.parts.items()))),
        volatile_functions_json=json_text(bundle.identity.volatile_functions),
        parameters_json=json_text([[each.name, each.type, each.value] for each in bundle.parameters]),
        sql=keep_text(bundle.sql),
        schema=keep(bundle.schema.serialize().to_pybytes()),
        lineage=keep_text(json_text(lineage_to_json(bundle.lineage))),
        substrait=None if substrait.message is None else keep(substrait.message),
        substrait_detail_json=json_text(
            [substrait.refusal, substrait.extension_nodes, substrait.validation.reason]
        ),
        validation=substrait.validation.outcome,
        verbose=bundle.rules is not None,
        topology=keep_text(json_text([_operator_to_json(each) for each in bundle.topology])),
        environment=tuple(keep_part(part) for part in bundle.environment),
        explains=tuple(explains),
    )
    return EncodedBundle(
        bundle_key(row), row, bundle.planning_seconds, topology_figures(bundle.topology), texts
    )


def decode_bundle(row: BundleRow, planning_seconds: float, texts: Mapping[str, bytes]) -> PlanBundle:
    """Put a bundle together from its row and texts; ``KeyError`` names a text that is missing."""

    def text(sha256: str) -> str:
        return text_of(texts[sha256])

    refusal, extension_nodes, reason = json.loads(row.substrait_detail_json)
    plans = {each.kind: text(each.content) for each in row.explains if each.rule is None}
    rules = tuple(
        RuleEffect(cast(Any, each.kind), each.rule, text(each.content))
        for each in row.explains
        if each.rule is not None
    )
    return PlanBundle(
        view=row.view,
        sql=text(row.sql),
        lineage=lineage_of_json(json.loads(text(row.lineage))),
        schema=pa.ipc.read_schema(pa.py_buffer(texts[row.schema])),
        logical_plan=plans["logical plan"],
        optimized_plan=plans["optimized plan"],
        substrait=SubstraitPlan(
            message=None if row.substrait is None else texts[row.substrait],
            refusal=refusal,
            extension_nodes=tuple(extension_nodes),
            validation=Validation(cast(Any, row.validation), reason),
        ),
        parameters=tuple(BoundParameter(*each) for each in json.loads(row.parameters_json)),
        physical_plan=plans["physical plan"],
        topology=tuple(_operator_of_json(each) for each in json.loads(text(row.topology))),
        tree=plans["tree"],
        rules=rules if row.verbose else None,
        environment=tuple(EnvironmentPart(name, text(sha256), sha256) for name, sha256 in row.environment),
        identity=decode_identity(row.parts_json, row.fingerprint, row.complete, row.volatile_functions_json),
        planning_seconds=planning_seconds,
        tree_refusal=plans.get(_TREE_REFUSAL),
    )


def decode_identity(parts_json: str, fingerprint: str, complete: str, volatile_json: str) -> Identity:
    """The identity of a bundle, from the columns that hold it."""
    return Identity(json.loads(parts_json), fingerprint, complete, tuple(json.loads(volatile_json)))


def row_to_json(row: BundleRow) -> dict[str, Any]:
    """A row as a JSON object, for the queue."""
    # Not ``asdict``, which copies every value deeply and takes longer than all the rest.
    return {**vars(row), "explains": [[each.kind, each.rule, each.content] for each in row.explains]}


def row_of_json(values: Mapping[str, Any]) -> BundleRow:
    """The row that ``row_to_json`` wrote; ``KeyError`` or ``TypeError`` when it is another object."""
    return BundleRow(
        **{
            **values,
            "environment": tuple((name, sha256) for name, sha256 in values["environment"]),
            "explains": tuple(ExplainRow(*each) for each in values["explains"]),
        }
    )


def lineage_to_json(lineage: Lineage) -> dict[str, Any]:
    """A lineage as a JSON object."""
    return {
        "tables": lineage.tables,
        "unused_tables": lineage.unused_tables,
        # The columns keep their order, which is that of the output.
        "columns": {
            name: [[each.table, each.column, each.kind] for each in origins]
            for name, origins in lineage.columns.items()
        },
        "required_columns": dict(sorted(lineage.required_columns.items())),
        "functions": lineage.functions,
    }


def lineage_of_json(value: Mapping[str, Any]) -> Lineage:
    """The lineage that ``lineage_to_json`` wrote."""
    return Lineage(
        tables=tuple(value["tables"]),
        unused_tables=tuple(value["unused_tables"]),
        columns={
            name: tuple(ColumnOrigin(table, column, cast(Kind, kind)) for table, column, kind in origins)
            for name, origins in value["columns"].items()
        },
        required_columns={table: tuple(columns) for table, columns in value["required_columns"].items()},
        functions=tuple(value["functions"]),
    )


def _operator_to_json(operator: PhysicalOperator) -> dict[str, Any]:
    scan = operator.scan
    return {
        "index": operator.index,
        "name": operator.name,
        "display": operator.display,
        "partitions": operator.partitions,
        "partitioning": operator.partitioning,
        "role": operator.role,
        "pipeline_breaker": operator.pipeline_breaker,
        "children": operator.children,
        "scan": None
        if scan is None
        else {
            "files": scan.files,
            "bytes": scan.bytes,
            "projection": scan.projection,
            "filters": scan.filters,
            "pruning": scan.pruning,
        },
    }


def _operator_of_json(value: Mapping[str, Any]) -> PhysicalOperator:
    scan = value["scan"]
    return PhysicalOperator(
        index=value["index"],
        name=value["name"],
        display=value["display"],
        partitions=value["partitions"],
        partitioning=value["partitioning"],
        role=value["role"],
        pipeline_breaker=value["pipeline_breaker"],
        children=tuple(value["children"]),
        scan=None
        if scan is None
        else Scan(
            files=tuple(scan["files"]),
            bytes=scan["bytes"],
            projection=tuple(scan["projection"]),
            filters=scan["filters"],
            pruning=scan["pruning"],
        ),
    )


def topology_figures(topology: tuple[PhysicalOperator, ...]) -> TopologyFigures:
    """The graph of a physical plan in numbers."""
    roles = [each.role for each in topology]
    scans = [each.scan for each in topology if each.scan is not None]
    sizes = [scan.bytes for scan in scans]
    return TopologyFigures(
        operators=len(topology),
        hash_repartitions=roles.count("hash repartition"),
        round_robin_repartitions=roles.count("round-robin repartition"),
        sort_preserving_merges=roles.count("sort-preserving merge"),
        pipeline_breakers=sum(each.pipeline_breaker for each in topology),
        scans=len(scans),
        scan_files=sum(len(scan.files) for scan in scans),
        scan_bytes=sum(size for size in sizes if size is not None) if None not in sizes else None,
        output_partitions=topology[0].partitions if topology else 0,
    )
