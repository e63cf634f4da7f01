"""A project in memory with golden plans in a folder, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from dfplan_assets.project.column_types import parse_type
from dfplan_assets.project.model import Engine, Golden, Project
from dfplan_assets_tests.planning.projects import project


def schema(columns: Mapping[str, str]) -> pa.Schema:
    """Columns as dfplan.yaml declares them."""
    return pa.schema([(name, parse_type(kind)) for name, kind in columns.items()])


def project_of(document: Mapping[str, Any], goldens: Path) -> Project:
    """The project that a case describes: its sources have columns and no files."""
    views = {name: sql for name, sql in document["views"].items() if sql is not None}
    tables = {name: schema(columns) for name, columns in document["sources"].items()}
    made = project(views, tables, document.get("params"))
    engine = Engine(document.get("target_partitions"), None, document.get("settings", {}))
    return replace(made, engine=engine, golden=Golden(goldens), store=f"sqlite:///{goldens.parent}/plans.db")


def changed(document: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """A project's description with a case's changes in it."""
    found = dict(document)
    for key in ("views", "sources", "params", "settings"):
        found[key] = {**document.get(key, {}), **case.get(key, {})}
    found["target_partitions"] = case.get("target_partitions", document.get("target_partitions"))
    return found
