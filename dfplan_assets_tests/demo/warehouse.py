"""Runs the demo's views with nothing but DataFusion: its results are judged apart from the product."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import datafusion
import pyarrow as pa
import yaml
from datafusion.catalog import Schema

import dfplan_assets.demo

PROJECT = Path(dfplan_assets.demo.__file__).parent
Value = bool | int | float | str | datetime.date
_FRONT_MATTER = re.compile(r"\A/\* ---\n(.*?)\n--- \*/\n", re.DOTALL)
_SCAN = re.compile(r"TableScan: ([\w.]+)")


@dataclass(frozen=True)
class DemoView:
    """One file below ``views/``; ``options`` is its front matter."""

    name: str
    path: Path
    sql: str
    options: Mapping[str, object]

    @property
    def params(self) -> dict[str, Value]:
        params = self.options.get("params", {})
        assert isinstance(params, dict)
        return params

    @property
    def days(self) -> dict[str, Value]:
        """Of a view that is made day by day: the parameters that give all its days at once."""
        partitions = self.options.get("partitions")
        if partitions is None:
            return {}
        assert isinstance(partitions, dict)
        return {"partition_start": partitions["from"], "partition_end": partitions["to"]}


@dataclass(frozen=True)
class Warehouse:
    """The results of all views by name, and which tables each of them reads."""

    results: Mapping[str, pa.Table]
    tables: Mapping[str, frozenset[str]]
    context: datafusion.SessionContext

    def rows(self, view: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = self.results[view].to_pylist()
        return rows

    def column(self, view: str, column: str) -> list[object]:
        values: list[object] = self.results[view][column].to_pylist()
        return values

    def total(self, view: str, column: str) -> Decimal:
        return sum(
            (Decimal(str(value)) for value in self.column(view, column) if value is not None), Decimal(0)
        )


def settings() -> dict[str, dict[str, object]]:
    """What ``dfplan.yaml`` says."""
    content: dict[str, dict[str, object]] = yaml.safe_load((PROJECT / "dfplan.yaml").read_text("utf-8"))
    return content


def read_views() -> dict[str, DemoView]:
    """Every view by name."""
    views: dict[str, DemoView] = {}
    for path in sorted((PROJECT / "views").rglob("*.sql")):
        sql = path.read_text("utf-8")
        match = _FRONT_MATTER.match(sql)
        assert match is not None, path
        options = yaml.safe_load(match.group(1))
        name = options.get("name", path.name.removesuffix(".sql"))
        assert name not in views, name
        views[name] = DemoView(name, path, sql, options)
    return views


def run(folder: Path, target_partitions: int, **overrides: Value) -> Warehouse:
    """Run every view over ``folder/data``, each once those that it names are there."""
    config = datafusion.SessionConfig().with_target_partitions(target_partitions)
    context = datafusion.SessionContext(config)
    sources = settings()["sources"]
    for name, source in sources.items():
        options = source if isinstance(source, dict) else {"path": source}
        _register_source(context, folder, name, options)
    waiting = read_views()
    known = {*sources, *waiting}
    results: dict[str, pa.Table] = {}
    tables: dict[str, frozenset[str]] = {}
    while waiting:
        before = len(waiting)
        for view in list(waiting.values()):
            params = {**settings()["params"], **view.params, **view.days, **overrides}
            try:
                frame = context.sql(view.sql, param_values=_named_in(view.sql, params))
            except ValueError as error:
                if re.search(r"table '.*' not found", str(error)):
                    continue
                raise
            scanned = _SCAN.findall(frame.logical_plan().display_indent())
            tables[view.name] = frozenset(name for name in scanned if name in known)
            results[view.name] = frame.to_arrow_table()
            register(context, view.name, results[view.name])
            del waiting[view.name]
        assert len(waiting) < before, f"no view can be planned: {sorted(waiting)}"
    return Warehouse(results, tables, context)


def register(context: datafusion.SessionContext, name: str, table: pa.Table) -> None:
    """Make ``table`` known as ``name``, which may have a schema's name before it."""
    _make_schema(context, name)
    batches = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    context.register_record_batches(_quoted(name), [batches])


def _named_in(sql: str, params: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in params.items() if re.search(rf"\${name}\b", sql)}


def _register_source(
    context: datafusion.SessionContext, folder: Path, name: str, source: Mapping[str, object]
) -> None:
    _make_schema(context, name)
    path = f"{folder}/{source['path']}"
    columns = source.get("columns")
    schema = None
    if isinstance(columns, dict):
        schema = pa.schema([(column, pa.type_for_alias(kind)) for column, kind in columns.items()])
    if path.endswith(".csv"):
        context.register_csv(_quoted(name), path, schema=schema)
    elif path.endswith(".arrow"):
        context.register_arrow(_quoted(name), path)
    elif path.endswith(".jsonl"):
        context.register_json(_quoted(name), path, file_extension=".jsonl")
    else:
        context.register_parquet(_quoted(name), path)


def _make_schema(context: datafusion.SessionContext, name: str) -> None:
    schema, dot, _ = name.rpartition(".")
    if dot and schema not in context.catalog().schema_names():
        context.catalog().register_schema(schema, Schema.memory_schema())


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))
