"""The environment that plans are made in: settings, tables, functions and versions, each part by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version

from datafusion import SessionContext

from dfplan_assets import __version__
from dfplan_assets.planning.bundle import EnvironmentPart, ProjectPlan
from dfplan_assets.planning.session import introspection_context
from dfplan_assets.planning.sources import register_empty
from dfplan_assets.planning.user_functions import FUNCTIONS, functions_to_rows
from dfplan_assets.project.model import Engine

# Columns that say what a thing is; descriptions and counters of information_schema say nothing of a plan.
_QUERIES = {
    "df_settings": "select name, value from information_schema.df_settings order by name",
    "tables": (
        "select table_schema, table_name, table_type from information_schema.tables "
        "where table_schema <> 'information_schema' order by table_schema, table_name"
    ),
    "columns": (
        "select table_schema, table_name, column_name, ordinal_position, data_type, is_nullable "
        "from information_schema.columns where table_schema <> 'information_schema' "
        "order by table_schema, table_name, ordinal_position"
    ),
    "views": (
        "select table_schema, table_name, definition from information_schema.views "
        "where table_schema <> 'information_schema' order by table_schema, table_name"
    ),
    "routines": (
        "select routine_name, function_type, data_type, is_deterministic from information_schema.routines "
        "order by routine_name, function_type, data_type, is_deterministic"
    ),
    "parameters": (
        "select specific_name, rid, ordinal_position, parameter_mode, parameter_name, data_type, is_variadic "
        "from information_schema.parameters "
        "order by specific_name, rid, ordinal_position, parameter_mode, data_type"
    ),
}
_PACKAGES = ("datafusion", "pyarrow", "substrait-protobuf")


def capture_environment(plan: ProjectPlan) -> tuple[EnvironmentPart, ...]:
    """The environment of a project's plans: information_schema over its tables, package versions, and its
    own functions.

    One capture serves all views of a project; every part has its own hash, so that parts that do
    not change between captures are stored once.
    """
    ctx = introspection_context(plan.project.engine, plan.functions)
    for name in (*plan.source_schemas, *plan.views):
        register_empty(ctx, name, plan.schema_of(name))
    parts = [_part(name, _rows(ctx, query)) for name, query in _QUERIES.items()]
    versions = [["dfplan-assets", __version__], *([package, version(package)] for package in _PACKAGES)]
    added = [_part(FUNCTIONS, functions_to_rows(plan.functions.functions))] if len(plan.functions) else []
    return (*parts, _part("versions", versions), *added)


def engine_settings(engine: Engine) -> dict[str, str | None]:
    """All settings of a project's sessions, by name."""
    rows = _rows(introspection_context(engine), _QUERIES["df_settings"])
    return {str(name): None if value is None else str(value) for name, value in rows}


def _rows(ctx: SessionContext, query: str) -> list[list[object]]:
    table = ctx.sql(query).to_arrow_table()
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def _part(name: str, rows: Sequence[Sequence[object]]) -> EnvironmentPart:
    content = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return EnvironmentPart(name, content, hashlib.sha256(content.encode()).hexdigest())
