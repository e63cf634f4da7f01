"""A dbt project as a project of ours: its files, and the list of what could not be taken over."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfplan_assets.dbt.data_tests import NoCheckError, check_entry
from dfplan_assets.dbt.front_matter import front_matter, to_yaml
from dfplan_assets.dbt.manifest import Manifest, Table
from dfplan_assets.dbt.relations import Relation, relation_parts, rewrite
from dfplan_assets.dbt.sql_types import column_type
from dfplan_assets.project.names import canonical_name

_PLAIN_FILE = re.compile(r"[^{}()'\"]+\.(?:parquet|csv|json|jsonl|ndjson|arrow)")
_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


@dataclass(frozen=True)
class NotTaken:
    """Something of the dbt project that is missing here, or needs a hand, and what to do about it."""

    kind: str
    name: str
    why: str
    next_step: str


@dataclass(frozen=True)
class Takeover:
    """The files of the new project by their path in it, and what is missing.

    ``views`` and ``sources`` are their names here, ``checks`` the number of tests that are checks now.
    """

    files: Mapping[Path, str]
    views: tuple[str, ...]
    sources: tuple[str, ...]
    checks: int
    not_taken: tuple[NotTaken, ...]


def take_over(manifest: Manifest, folder: Path) -> Takeover:
    """What a dbt project becomes in ``folder``, which need not exist. Nothing is written.

    Tables keep the names that they have in the warehouse; the schema stands before them where it must tell
    two apart, and always before a source's.
    """
    return _Takeover(manifest, folder).whole()


@dataclass(frozen=True)
class _Query:
    """A query with the names of tables here, and dbt's ids of those that it reads."""

    sql: str
    reads: frozenset[str]


class _Takeover:
    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self._manifest = manifest
        self._folder = folder
        self._not_taken: list[NotTaken] = []
        self._names = _names(manifest)
        self._relations: dict[Relation, str] = {}  # dbt's id of each
        for table in manifest.tables.values():
            if table.relation is not None:
                self._relations[relation_parts(table.relation)] = table.id

    def whole(self) -> Takeover:
        views = {table.id: table for table in self._manifest.tables.values() if self._is_view(table)}
        queries: dict[str, _Query] = {}
        for id_, table in views.items():
            query = self._query(table)
            if query is not None:
                queries[id_] = query
        read = {id_ for query in queries.values() for id_ in query.reads}
        checks = self._checks(queries)
        sources = {
            self._names[table.id]: self._source(table)
            for table in self._manifest.tables.values()
            if table.id not in queries and (table.kind in ("source", "seed") or table.id in read)
        }
        files = {Path("dfplan.yaml"): to_yaml({"name": self._manifest.name, "sources": sources})}
        for id_, query in queries.items():
            table = views[id_]
            name = self._names[id_]
            options = self._options(table, checks.get(id_, []))
            files[Path("views", *table.folders, f"{name}.sql")] = front_matter(options) + query.sql
        for other in self._manifest.others:
            self._leave(
                other.kind, other.name, "dfplan has no such thing", "Leave it in dbt, or do without it."
            )
        return Takeover(
            dict(sorted(files.items())),
            tuple(sorted(self._names[id_] for id_ in queries)),
            tuple(sorted(sources)),
            sum(map(len, checks.values())),
            tuple(self._not_taken),
        )

    def _leave(self, kind: str, name: str, why: str, next_step: str) -> None:
        self._not_taken.append(NotTaken(kind, name, why, next_step))

    def _is_view(self, table: Table) -> bool:
        """Whether a table is a query to be taken over; says of those that are not what becomes of them."""
        if table.kind == "snapshot":
            self._leave(
                "snapshot",
                table.name,
                "it keeps old rows, which a query cannot",
                "Keep it where it is, as a source.",
            )
        elif table.kind == "model" and table.language != "sql":
            self._leave(
                "model",
                table.name,
                f"it is written in {table.language}",
                "Make it a Python asset; where views read it, it stands among the sources as one.",
            )
        elif table.kind == "model" and table.relation is not None:
            return True
        return False  # an ephemeral model is in the compiled SQL of those that read it

    def _query(self, table: Table) -> _Query | None:
        """A model's query with the names of tables here; None where it cannot be taken over."""
        assert table.sql is not None  # of models in SQL, as the manifest was read
        names = {relation: self._names[id_] for relation, id_ in self._relations.items()}
        rewritten = rewrite(table.sql.strip().rstrip(";").rstrip() + "\n", names)
        read = frozenset(self._relations[relation] for relation in rewritten.relations)
        if table.id in read:
            self._leave(
                "model",
                table.name,
                "its compiled SQL reads its own table, as incremental models do once they have run",
                "Compile it with `dbt compile --full-refresh`.",
            )
            return None
        if table.materialized not in ("table", "view"):
            self._leave(
                f"{table.materialized} model",
                table.name,
                "it was taken over as a table that each run makes whole",
                "Declare partitions: where it should be made in parts.",
            )
        if table.hooks:
            self._leave(
                "hooks",
                table.name,
                "planning and running execute nothing but the query",
                "Run them elsewhere.",
            )
        return _Query(rewritten.sql, read)

    def _checks(self, queries: Mapping[str, _Query]) -> dict[str, list[dict[str, Any]]]:
        names = {id_: name for id_, name in self._names.items() if id_ in self._manifest.tables}
        checks: dict[str, list[dict[str, Any]]] = {}
        for test in self._manifest.tests:
            try:
                if test.tested not in queries and test.kind is not None:
                    raise NoCheckError("it is of a table that is no view here")
                entry = check_entry(test, names)
            except NoCheckError as reason:
                self._leave(
                    "test", test.name, str(reason), "Write it as a check of a view, as in `expression:`."
                )
                continue
            assert test.tested is not None  # it is one of the queries
            checks.setdefault(test.tested, []).append(entry)
        return checks

    def _options(self, table: Table, checks: list[dict[str, Any]]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if table.description or any(column.description for column in table.columns):
            options["description"] = _description(table)
        if table.group is not None:
            options["owners"] = [_owner(self._manifest.owners.get(table.group, table.group))]
        if table.tags:
            options["tags"] = dict.fromkeys((_TAG.sub("_", tag)[:63] for tag in table.tags), "")
        if table.materialized == "view":
            if checks:
                self._leave(
                    "view model",
                    table.name,
                    "it is stored here, since checks need rows that are",
                    "Take the checks out and write materialized: view, if it should not be.",
                )
            else:
                options["materialized"] = "view"
        if checks:
            options["checks"] = checks
        return options

    def _source(self, table: Table) -> Any:
        if table.kind == "seed":
            path = self._relative(self._manifest.root / table.file)
            separated = table.delimiter not in (None, ",")
            return {"path": path, "options": {"delimiter": table.delimiter}} if separated else path
        columns = _columns(table)
        if table.kind == "model":
            return {"asset": self._names[table.id], **columns}
        if table.has_freshness:
            self._leave(
                "freshness", table.name, "sources have none here", "Give freshness: to the views behind it."
            )
        if table.location is not None and _PLAIN_FILE.fullmatch(table.location):
            path = self._relative(self._manifest.root / table.location)
            return {"path": path, **columns} if columns else path
        path = f"data/{table.schema}/{table.identifier}.parquet"
        self._leave(
            table.kind,
            self._names[table.id],
            "the manifest does not say which files hold its rows",
            f"Correct its path in dfplan.yaml, which is {path} now.",
        )
        return {"path": path, **columns} if columns else path

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def _names(manifest: Manifest) -> dict[str, str]:
    """The name of each table here, by dbt's id: as in the warehouse, and no two alike."""
    tables = [table for table in manifest.tables.values() if table.relation is not None]
    used = Counter(table.identifier for table in tables)
    return {
        table.id: canonical_name(
            f"{table.schema}.{table.identifier}"
            if table.kind == "source" or used[table.identifier] > 1
            else table.identifier
        )
        for table in tables
    }


def _columns(table: Table) -> dict[str, dict[str, str]]:
    """``columns:`` of a source, where the type of each that dbt documents is known."""
    types = {column.name: column_type(column.data_type or "") for column in table.columns}
    known = {name: type_ for name, type_ in types.items() if type_ is not None}
    return {"columns": known} if known and len(known) == len(types) else {}


def _description(table: Table) -> str:
    return "\n\n".join(
        part
        for part in (
            table.description,
            "\n".join(_bullets(table)),
        )
        if part
    )


def _bullets(table: Table) -> Iterator[str]:
    for column in table.columns:
        if column.description:
            yield f"- `{column.name}`: {' '.join(column.description.split())}"


def _owner(owner: str) -> str:
    return owner if owner.startswith("team:") or _EMAIL.fullmatch(owner) else f"team:{owner}"
