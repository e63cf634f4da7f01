"""Small projects made in memory, for tests of planning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from dfplan_assets.project.model import Engine, ParameterValue, Planning, Project, Source, View

STRUCT = pa.struct([("x", pa.int64()), ("y y", pa.string())])

# The tables of the lineage cases; no file exists, the declared columns are enough to plan.
TABLES: Mapping[str, pa.Schema] = {
    "a": pa.schema(
        [
            ("id", pa.int64()),
            ("v", pa.float64()),
            ("name", pa.string()),
            ("d", pa.date32()),
            ("tags", pa.list_(pa.string())),
            ("s", STRUCT),
        ]
    ),
    "b": pa.schema([("id", pa.int64()), ("w", pa.float64()), ("label", pa.string())]),
    "raw.events": pa.schema([("id", pa.int64()), ("n", pa.int64()), ("kind", pa.string())]),
    "Odd Names": pa.schema(
        [
            ("Mixed Case", pa.int64()),
            ("a, b", pa.int64()),
            ("x AS y", pa.string()),
            ('q"q', pa.int64()),
            ("dot.ted", pa.int64()),
        ]
    ),
}


def view(name: str, sql: str, params: Mapping[str, ParameterValue] | None = None) -> View:
    """A view without a file behind it."""
    return View(name, Path(f"views/{name}.sql"), sql, None, None, (), {}, params or {})


def project(
    views: Mapping[str, str],
    tables: Mapping[str, pa.Schema] = TABLES,
    params: Mapping[str, ParameterValue] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Project:
    """A project of views given as SQL texts, over tables that have columns but no files."""
    return Project(
        name="test",
        root=Path("/nowhere"),
        views={name: view(name, sql) for name, sql in views.items()},
        sources={
            name: Source(name, "/nowhere/data.csv", "csv", {}, schema) for name, schema in tables.items()
        },
        output="/nowhere/warehouse",
        keep_results=3,
        store="sqlite:////nowhere/plans.db",
        params=params or {},
        secret_params=frozenset(),
        engine=Engine(None, None, settings or {}),
        planning=Planning("required", "off", False),
        extends=(),
    )
