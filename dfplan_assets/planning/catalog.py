"""The catalog that views are planned against: stand-in tables, and a record of every name resolved.

DataFusion asks a catalog once for each table that a statement names, wherever it stands: in
subqueries, laterals, recursive queries. CTE names are not asked for. That makes the record exact
for tables, also of statements that fail to plan because one of the tables does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
from datafusion import Expr, SessionContext, col
from datafusion.catalog import CatalogProvider, SchemaProvider, Table

CATALOG = "datafusion"
DEFAULT_SCHEMA = "public"


def table_name(schema: str, table: str) -> str:
    """The name by which a project knows a table of DataFusion's default catalog.

    >>> table_name("public", "orders"), table_name("raw", "events")
    ('orders', 'raw.events')
    """
    return table if schema == DEFAULT_SCHEMA else f"{schema}.{table}"


def schema_and_table(name: str) -> tuple[str, str]:
    """The inverse of ``table_name``: the schema and table that a project's name stands for."""
    schema, dot, table = name.partition(".")
    return (schema, table) if dot else (DEFAULT_SCHEMA, name)


def column(name: str) -> Expr:
    """A column by its exact name, whatever characters it has."""
    return col('"' + name.replace('"', '""') + '"')


def file_url(path: str | Path) -> str:
    """The URL of a local path, safe inside a SQL string and wherever DataFusion takes a path.

    In a plain path DataFusion would take ``*``, ``?`` and ``[`` for a pattern.
    """
    return "file://" + quote(str(path))


class RecordingCatalog(CatalogProvider):
    """Hands out stand-in tables by name and notes the names that the planner resolves.

    Tables must be made before the planner asks: calling DataFusion from inside a provider panics.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._workshop = SessionContext()
        self._resolved: dict[str, bool] = {}

    def add(self, name: str, schema: pa.Schema) -> None:
        """Adds a stand-in: a table of this schema without rows.

        It is a listing table over a folder that does not exist, which plans, optimises and encodes
        like a real one and keeps real paths out of whatever is made of the plan.
        """
        key = f"t{len(self._tables)}"
        self._workshop.register_listing_table(key, f"file:///dfplan/{name}/", schema=schema)
        self._tables[name] = self._workshop.catalog().schema().table(key)

    def install(self, ctx: SessionContext) -> None:
        """Makes this the default catalog of a session."""
        ctx.register_catalog_provider(CATALOG, self)

    def take_record(self) -> Mapping[str, bool]:
        """The names resolved since the last call, and whether a table of that name was found.

        Names that were not found are unknown tables or table functions.
        """
        record, self._resolved = self._resolved, {}
        return record

    def names(self) -> frozenset[str]:
        """All names that have a stand-in."""
        return frozenset(self._tables)

    def find(self, schema: str, table: str) -> Table | None:
        """The stand-in of a table, its name noted."""
        name = table_name(schema, table)
        found = self._tables.get(name)
        self._resolved[name] = found is not None
        return found

    def schema_names(self) -> set[str]:
        """The schemas that have tables."""
        return {DEFAULT_SCHEMA, *(schema_and_table(name)[0] for name in self._tables)}

    def schema(self, name: str) -> SchemaProvider | None:  # type: ignore[override]  # as its doc says
        """A schema by name; ``information_schema`` is no part of a project."""
        return None if name == "information_schema" else _RecordingSchema(self, name)


class _RecordingSchema(SchemaProvider):
    def __init__(self, catalog: RecordingCatalog, name: str) -> None:
        self._catalog = catalog
        self._name = name

    def table_names(self) -> set[str]:
        names = (schema_and_table(name) for name in self._catalog.names())
        return {table for schema, table in names if schema == self._name}

    def table(self, name: str) -> Table | None:
        return self._catalog.find(self._name, name)

    def table_exist(self, name: str) -> bool:
        return name in self.table_names()
