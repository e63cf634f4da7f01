"""What happened to a view over time, as pandas DataFrames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dfplan_assets.store import tables
from dfplan_assets.store.bundle_format import TopologyFigures
from dfplan_assets.store.content import Content, text_of, unpack
from dfplan_assets.store.database import Database
from dfplan_assets.store.record import RunSummary

if TYPE_CHECKING:
    import pandas as pd

_RUN_TYPES = {
    "key": "string",
    "view": "string",
    "status": "string",
    "attempt": "Int64",
    "started_at": "datetime64[us, UTC]",
    "bundle_key": "string",
    "fingerprint": "string",
    "publication_version": "string",
    "partition_key": "string",
    "dagster_run_id": "string",
    "cores": "Int64",
    "peak_memory_bytes": "Int64",
    "input_rows": "Int64",
    "input_bytes": "Int64",
    "wall_seconds": "float64",
    "cpu_seconds": "float64",
    "output_rows": "Int64",
    "output_bytes": "Int64",
    "partitions": "Int64",
    "spilled_bytes": "Int64",
    "bytes_scanned": "Int64",
    "row_groups_pruned": "Int64",
    "row_groups_matched": "Int64",
    "failure": "string",
}
_FIGURES = tuple(TopologyFigures.__dataclass_fields__)
_PLAN_TYPES = {
    "key": "string",
    "first_planned_at": "datetime64[us, UTC]",
    "last_planned_at": "datetime64[us, UTC]",
    "fingerprint": "string",
    "changed_parts": "string",
    "planning_seconds": "float64",
    **dict.fromkeys(_FIGURES, "Int64"),
    "runs": "Int64",
    "succeeded": "Int64",
    "median_wall_seconds": "float64",
    "last_run_at": "datetime64[us, UTC]",
}


def runs(database: Database, view: str) -> pd.DataFrame:
    """One row for each run of a view, the oldest first; unknown values are missing."""
    run, text = tables.run.c, tables.content
    columns = [
        run.bundle.label(name) if name == "bundle_key" else run[name]
        for name in RunSummary.__dataclass_fields__
    ]
    statement = (
        sa.select(*columns, run.failure, *text.columns)
        .join_from(tables.run, text, text.c.sha256 == run.failure, isouter=True)
        .where(run.view == view)
        .order_by(run.started_at, run.id)
    )
    with database.reading("reading runs") as connection:
        found = [dict(row._mapping) for row in connection.execute(statement)]
    for row in found:
        content = Content(*(row.pop(name) for name in ("sha256", "codec", "size_bytes", "data")))
        row["failure"] = None if row["failure"] is None else text_of(unpack(content))
    return _frame(found, _RUN_TYPES)


def plans(database: Database, view: str) -> pd.DataFrame:
    """One row for each plan of a view, the oldest first."""
    import pandas as pd

    bundle, topology, run = tables.bundle.c, tables.topology, tables.run.c
    statement = (
        sa.select(
            bundle.key,
            bundle.first_planned_at,
            bundle.last_planned_at,
            bundle.fingerprint,
            bundle.parts,
            bundle.planning_seconds,
            *(topology.c[name] for name in _FIGURES),
        )
        .join_from(tables.bundle, topology, topology.c.key == bundle.topology)
        .where(bundle.view == view)
        .order_by(bundle.first_planned_at, bundle.last_planned_at, bundle.key)
    )
    ran = sa.select(run.bundle, run.status, run.wall_seconds, run.started_at).where(run.view == view)
    with database.reading("reading plans") as connection:
        found = [dict(row._mapping) for row in connection.execute(statement)]
        of_bundle: dict[str | None, list[Any]] = {}
        for row in connection.execute(ran):
            of_bundle.setdefault(row.bundle, []).append(row)
    before: dict[str, str] | None = None
    for plan in found:
        parts = json.loads(plan.pop("parts"))
        plan["changed_parts"] = "" if before is None else ", ".join(_changed(before, parts))
        before = parts
        its_runs = of_bundle.get(plan["key"], [])
        seconds = [row.wall_seconds for row in its_runs if row.status == "succeeded"]
        plan["runs"] = len(its_runs)
        plan["succeeded"] = len(seconds)
        plan["median_wall_seconds"] = pd.Series(seconds, dtype="float64").median()
        plan["last_run_at"] = max((row.started_at for row in its_runs), default=None)
    return _frame(found, _PLAN_TYPES)


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def _frame(rows: list[dict[str, Any]], types: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in types.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
