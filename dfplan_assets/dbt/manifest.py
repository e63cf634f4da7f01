"""dbt's ``manifest.json``: what of it can be taken over, as values, and what is in it besides.

Its form is that of dbt's published JSON schemas, ``manifest/v7`` (dbt 1.3, the first with ``compiled_code``)
to ``manifest/v12`` (dbt 1.8 to 1.10). A newer one may mean something else under
the same names, and is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dfplan_assets.errors import ProjectError

_VERSIONS = range(7, 13)
_VERSION = re.compile(r"/manifest/v(\d+)\.json$")
_NEXT_TO_COMPILE = "Run `dbt compile` in the dbt project, then this command again."

TableKind = Literal["model", "seed", "snapshot", "source"]


@dataclass(frozen=True)
class Column:
    """A column as dbt documents it; ``data_type`` is SQL of the warehouse, None where none is given."""

    name: str
    description: str
    data_type: str | None


@dataclass(frozen=True)
class Table:
    """A model, seed, snapshot or source.

    ``relation`` is what compiled SQL calls it, in the warehouse's quotes; None for an ephemeral model.
    ``sql`` is the compiled query of a model in SQL, None for anything else. ``file`` is relative to the
    dbt project's folder. ``folders`` are those below ``models/``. ``location`` is where a source's
    files are, as dbt-duckdb's ``external_location`` says. ``hooks`` says that SQL runs before or after it.
    """

    id: str
    kind: TableKind
    name: str
    identifier: str
    schema: str
    relation: str | None
    description: str
    columns: tuple[Column, ...]
    file: str
    folders: tuple[str, ...] = ()
    language: str = "sql"
    sql: str | None = None
    materialized: str = "table"
    tags: tuple[str, ...] = ()
    group: str | None = None
    location: str | None = None
    delimiter: str | None = None
    hooks: bool = False
    has_freshness: bool = False


@dataclass(frozen=True)
class Test:
    """A test of dbt's: a generic one with its arguments, or a query of the project's own (``kind`` None).

    ``tested`` is the id of the table it is of, None where that cannot be told. ``reads`` are the ids of
    all tables that it reads. ``thresholds`` says that it takes some failing rows for none.
    """

    id: str
    name: str
    kind: str | None
    arguments: Mapping[str, Any]
    tested: str | None
    reads: tuple[str, ...]
    severity: Literal["error", "warn"]
    where: str | None
    thresholds: bool


@dataclass(frozen=True)
class Other:
    """What dfplan has no form for: an exposure, a metric, a disabled model, …"""

    kind: str
    name: str


@dataclass(frozen=True)
class Manifest:
    """A compiled dbt project. ``owners`` are those of its groups, by name; ``root`` is its folder."""

    root: Path
    name: str
    tables: Mapping[str, Table]
    tests: tuple[Test, ...]
    owners: Mapping[str, str]
    others: tuple[Other, ...]


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the dbt project in a folder, which ``dbt compile`` writes to ``target/``.

    Raises ProjectError where there is none, or it is damaged, of an unknown version, or not compiled.
    """
    file = directory / "target" / "manifest.json"
    if not file.is_file():
        raise ProjectError(
            str(file), "there is no such file: this is no dbt project that was compiled", _NEXT_TO_COMPILE
        )
    try:
        document = json.loads(file.read_bytes())
        version = _version(document, file)
    except (OSError, ValueError) as problem:
        raise ProjectError(str(file), f"the file cannot be read: {problem}", _NEXT_TO_COMPILE) from problem
    try:
        return _manifest(document, directory)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ProjectError(
            str(file),
            f"the file is not what version {version} of manifests says: {type(problem).__name__} {problem}",
            _NEXT_TO_COMPILE,
        ) from problem


def _version(document: Any, file: Path) -> int:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    schema = metadata.get("dbt_schema_version") if isinstance(metadata, dict) else None
    found = _VERSION.search(schema) if isinstance(schema, str) else None
    if found is None:
        raise ProjectError(
            str(file), "the file does not say that it is a manifest of dbt's", _NEXT_TO_COMPILE
        )
    version = int(found.group(1))
    if version not in _VERSIONS:
        raise ProjectError(
            str(file),
            f"the manifest has version {version}; versions {_VERSIONS[0]} to {_VERSIONS[-1]} are known",
            "Compile the project with dbt 1.3 to 1.10, whose manifests are known, or update dfplan_assets.",
        )
    return version


def _manifest(document: Mapping[str, Any], root: Path) -> Manifest:
    nodes: Mapping[str, Any] = document["nodes"]
    tables = {
        **{
            id_: _table(id_, node)
            for id_, node in nodes.items()
            if _kind(node) in ("model", "seed", "snapshot")
        },
        **{id_: _source(id_, node) for id_, node in document["sources"].items()},
    }
    uncompiled = [
        t.name for t in tables.values() if t.kind == "model" and t.language == "sql" and t.sql is None
    ]
    if uncompiled:
        raise ProjectError(
            str(root / "target" / "manifest.json"),
            f"{len(uncompiled)} models are not compiled, among them {uncompiled[0]}",
            _NEXT_TO_COMPILE,
        )
    return Manifest(
        root,
        document["metadata"].get("project_name") or root.name,
        tables,
        tuple(_test(id_, node, tables) for id_, node in nodes.items() if _kind(node) == "test"),
        dict(_owners(document.get("groups") or {})),
        tuple(_others(document)),
    )


def _kind(node: Mapping[str, Any]) -> str:
    return str(node["resource_type"])


def _table(id_: str, node: Mapping[str, Any]) -> Table:
    config = node.get("config") or {}
    language = node.get("language") or "sql"
    is_model = _kind(node) == "model"
    kind: TableKind = "model" if is_model else "seed" if _kind(node) == "seed" else "snapshot"
    return Table(
        id=id_,
        kind=kind,
        name=node["name"],
        identifier=node.get("alias") or node["name"],
        schema=node.get("schema") or "",
        relation=node.get("relation_name"),
        description=(node.get("description") or "").strip(),
        columns=_columns(node),
        file=node["original_file_path"],
        folders=tuple(node["fqn"][1:-1]),
        language=language,
        sql=node.get("compiled_code") if is_model and language == "sql" else None,
        materialized=config.get("materialized") or "table",
        tags=tuple(node.get("tags") or ()),
        group=node.get("group"),
        delimiter=config.get("delimiter") if kind == "seed" else None,
        hooks=bool(config.get("pre-hook") or config.get("post-hook")),
    )


def _source(id_: str, node: Mapping[str, Any]) -> Table:
    meta = {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}
    freshness = node.get("freshness") or {}
    return Table(
        id=id_,
        kind="source",
        name=f"{node['source_name']}.{node['name']}",
        identifier=node.get("identifier") or node["name"],
        schema=node.get("schema") or node["source_name"],
        relation=node.get("relation_name"),
        description=(node.get("description") or "").strip(),
        columns=_columns(node),
        file=node["original_file_path"],
        location=meta.get("external_location"),
        has_freshness=any((freshness.get(key) or {}).get("count") for key in ("warn_after", "error_after")),
    )


def _columns(node: Mapping[str, Any]) -> tuple[Column, ...]:
    return tuple(
        Column(column["name"], (column.get("description") or "").strip(), column.get("data_type"))
        for column in (node.get("columns") or {}).values()
    )


def _test(id_: str, node: Mapping[str, Any], tables: Mapping[str, Table]) -> Test:
    metadata = node.get("test_metadata")
    config = node.get("config") or {}
    reads = tuple(id_ for id_ in node["depends_on"].get("nodes", ()) if id_ in tables)
    arguments = dict((metadata or {}).get("kwargs") or {})
    # dbt 1.10 lets the arguments of a test stand in a mapping of their own.
    arguments |= arguments.pop("arguments", None) or {}
    kind = None
    if metadata is not None:
        namespace = metadata.get("namespace")
        kind = f"{namespace}.{metadata['name']}" if namespace else str(metadata["name"])
    thresholds = any(config.get(key) not in (None, "!= 0") for key in ("error_if", "warn_if"))
    return Test(
        id=id_,
        name=node["name"],
        kind=kind,
        arguments=arguments,
        tested=node.get("attached_node") or _tested(arguments, reads, tables),
        reads=reads,
        severity="warn" if str(config.get("severity", "error")).lower() == "warn" else "error",
        where=config.get("where"),
        thresholds=thresholds or config.get("fail_calc") not in (None, "count(*)"),
    )


def _tested(arguments: Mapping[str, Any], reads: Sequence[str], tables: Mapping[str, Table]) -> str | None:
    """Of the tables that a test reads, the one that its argument ``model`` names, for older manifests."""
    named = re.findall(r"""['"]([^'"]+)['"]""", str(arguments.get("model", "")))
    name = ".".join(named) if "source(" in str(arguments.get("model", "")) else (named or [""])[-1]
    return next((id_ for id_ in reads if tables[id_].name == name), None)


def _owners(groups: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for group in groups.values():
        owner = group.get("owner") or {}
        email = owner.get("email")
        if isinstance(email, list):  # dbt 1.10 lets a group have several
            email = next(iter(email), None)
        yield group["name"], email or f"team:{owner.get('name') or group['name']}"


def _others(document: Mapping[str, Any]) -> Iterator[Other]:
    for key, kind in (
        ("exposures", "exposure"),
        ("metrics", "metric"),
        ("semantic_models", "semantic model"),
        ("saved_queries", "saved query"),
        ("unit_tests", "unit test"),
    ):
        for node in (document.get(key) or {}).values():
            yield Other(kind, node["name"])
    for copies in (document.get("disabled") or {}).values():
        for node in copies:
            yield Other(f"disabled {_kind(node)}", node["name"])
    for node in document["nodes"].values():
        if _kind(node) in ("operation", "analysis"):
            yield Other(_kind(node), node["name"])
