"""Sources and published results as DataFusion tables, and their schemas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from datafusion import CsvReadOptions, DataFrame, SessionContext
from datafusion.catalog import Schema
from datafusion.plan import LogicalPlan

from dfplan_assets.errors import DfplanError, SourceError, UnpublishedSourceError, UnreadableSourceError
from dfplan_assets.planning.catalog import CATALOG, DEFAULT_SCHEMA, file_url, schema_and_table
from dfplan_assets.planning.delta import delta_schema, register_delta
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.published_files import published_files, published_parts
from dfplan_assets.planning.source_files import EXTENSIONS, is_pattern, matches
from dfplan_assets.planning.substrait.datafusion_plan import with_paths
from dfplan_assets.project.model import Source

_STAND_IN = "dfplan_source"


def source_schema(source: Source) -> pa.Schema:
    """The schema under which views see a source.

    The declared columns where there are any: the file need not exist then. Else what DataFusion
    finds in the file (for CSV and JSON, from its first rows). Raises SourceError where a source
    without declared columns is missing, or where a Parquet or Arrow file that exists cannot give a
    declared column its type; UnreadableSourceError where a file is damaged, UnpublishedSourceError where a
    table that a Python asset makes has neither declared columns nor a result.
    """
    if source.is_published:
        return _schema_of_published(source)
    if source.columns is not None:
        if source.format in ("parquet", "arrow", "delta") and _exists(source.path):
            _check_declared(source, source.columns, _inferred(source))
        return source.columns
    if source.format == "delta":
        return delta_schema(source)
    if not _exists(source.path):
        raise SourceError(
            f"dfplan.yaml: source {source.name}",
            f"no file at {source.path}",
            "Correct its path, make the file, or declare its columns: to plan before it exists.",
        )
    return _inferred(source)


def source_exists(source: Source) -> bool:
    """Whether a source has files; one in an object store counts as there until it is read."""
    return bool(published_files(source)) if source.is_published else _exists(source.path)


def register_source(ctx: SessionContext, source: Source, schema: pa.Schema) -> None:
    """Registers a source's files under its name, read with the schema it was planned with.

    Of a table that a Python asset makes, the files of its last result.
    """
    if source.is_published:
        files = published_files(source)
        if not files:
            raise SourceError(
                f"source {source.name}",
                f"the asset {source.asset} has published nothing yet",
                f"Materialise {source.asset}, then run again.",
            )
        register_result(ctx, source.name, [str(file) for file in files], schema)
        return
    if not _exists(source.path):
        raise SourceError(
            f"source {source.name}", f"no file at {source.path}", "Make the file, then run again."
        )
    key = _STAND_IN
    try:
        if source.format == "delta":
            register_delta(ctx, key, source, schema)
        else:
            _register(ctx, key, source, schema)
    except DfplanError:
        raise
    except BaseException as cause:
        raise_unless_datafusion(cause)
        raise _unreadable(source, cause) from cause
    move_table(ctx, key, source.name)


def _schema_of_published(source: Source) -> pa.Schema:
    """The declared columns, which the result need not have yet, or those of what was published last."""
    if source.columns is not None:
        return source.columns
    parts = published_parts(source)
    if not parts:
        raise UnpublishedSourceError(
            f"dfplan.yaml: source {source.name}",
            f"its columns are not known: the asset {source.asset} has published nothing yet",
            f"Declare its columns:, or materialise {source.asset} and then load the project again.",
        )
    newest = max(parts, key=lambda part: part.published_at)
    return _inferred(Source(source.name, str(newest.files[0]), "parquet", {}, None))


def register_result(ctx: SessionContext, view: str, files: Sequence[str], schema: pa.Schema | None) -> None:
    """Registers the published Parquet files of a view under its name.

    ``files`` are those of one publication, all in one folder of their own, or of several partitions.
    Without a schema the files say it.
    """
    folders = {str(Path(file).parent) for file in files}
    path = files[0] if len(files) == 1 else f"{Path(files[0]).parent}/"
    ctx.register_parquet(_STAND_IN, file_url(path), schema=schema)
    move_table(ctx, _STAND_IN, view)
    if len(folders) > 1:
        # One scan, whose files are pruned by their statistics before any is read.
        node = with_paths(_table(ctx, view).logical_plan().to_bytes(ctx), map(file_url, files))
        frame = ctx.create_dataframe_from_logical_plan(LogicalPlan.from_bytes(ctx, node))
        schema_name, table = schema_and_table(view)
        ctx.catalog(CATALOG).schema(schema_name).deregister_table(table)
        ctx.register_view(_STAND_IN, frame)
        move_table(ctx, _STAND_IN, view)


def _table(ctx: SessionContext, name: str) -> DataFrame:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in schema_and_table(name))
    return ctx.table(quoted)


def register_empty(ctx: SessionContext, name: str, schema: pa.Schema) -> None:
    """Registers a table of this schema without rows, for names that a query resolves but never reads."""
    ctx.register_listing_table(_STAND_IN, f"file:///dfplan/{name}/", schema=schema)
    move_table(ctx, _STAND_IN, name)


def _register(ctx: SessionContext, key: str, source: Source, schema: pa.Schema | None) -> None:
    path, options = source.path, dict(source.options)
    if source.format == "parquet":
        _check_footers(path)
    location = _location(path)
    extension = Path(path).suffix
    if path.endswith("/"):
        extension = str(options.pop("file_extension", EXTENSIONS[source.format]))
    if source.format == "parquet":
        ctx.register_parquet(key, location, file_extension=extension, schema=schema)
    elif source.format == "csv":
        csv = CsvReadOptions(schema=schema, file_extension=extension, **options)  # type: ignore[arg-type]
        ctx.register_csv(key, location, options=csv)
    elif source.format == "json":
        ctx.register_json(key, location, schema=schema, file_extension=extension, **options)  # type: ignore[arg-type]
    else:
        ctx.register_arrow(key, location, schema=schema, file_extension=extension)


def move_table(ctx: SessionContext, key: str, name: str) -> None:
    """Moves a table to its schema-qualified name, whatever characters the name has."""
    schema, table = schema_and_table(name)
    catalog = ctx.catalog(CATALOG)
    default = catalog.schema(DEFAULT_SCHEMA)
    provider = default.table(key)
    default.deregister_table(key)
    if schema not in catalog.names():
        catalog.register_schema(schema, Schema.memory_schema())
    catalog.schema(schema).register_table(table, provider)


def _inferred(source: Source) -> pa.Schema:
    if source.format == "delta":
        return delta_schema(source)
    ctx = SessionContext()
    try:
        _register(ctx, _STAND_IN, source, None)
        schema: pa.Schema = ctx.table(_STAND_IN).schema()
    except BaseException as cause:
        raise_unless_datafusion(cause)
        raise _unreadable(source, cause) from cause
    if not schema.names:
        raise _unreadable(source, ValueError("no columns found"))
    return schema.remove_metadata()


def _check_declared(source: Source, declared: pa.Schema, found: pa.Schema) -> None:
    for field in declared:
        index = found.get_field_index(field.name)
        if index < 0:
            raise SourceError(
                f"dfplan.yaml: source {source.name}",
                f"column {field.name} is declared, but {source.path} has no such column",
                f"Correct columns:, the file has {', '.join(found.names)}.",
            )
        if type_in_queries(field.type) != type_in_queries(found.field(index).type):
            raise SourceError(
                f"dfplan.yaml: source {source.name}",
                f"column {field.name} is declared as {field.type}, but {source.path} has "
                f"{found.field(index).type}",
                "Correct columns: or the file; views were planned with the declared type.",
            )


def type_in_queries(kind: pa.DataType) -> str:
    """A type as a query sees it: however it is encoded, whatever its parts are called inside the file."""
    if pa.types.is_dictionary(kind):
        return type_in_queries(kind.value_type)
    if pa.types.is_large_string(kind) or kind == pa.string_view():
        return "string"
    if pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return "binary"
    if pa.types.is_map(kind):
        return f"map<{type_in_queries(kind.key_type)}, {type_in_queries(kind.item_type)}>"
    if pa.types.is_fixed_size_list(kind):
        return f"list<{type_in_queries(kind.value_type)}>[{kind.list_size}]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{type_in_queries(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {type_in_queries(field.type)}' for field in kind)}>"
    return str(kind)


def _check_footers(path: str) -> None:
    """Raises ValueError for a Parquet file that does not end as one.

    DataFusion panics on some of them, and prints a stack trace before anyone can catch the panic.
    """
    for file in _files(path):
        size = file.stat().st_size
        with file.open("rb") as handle:
            handle.seek(max(0, size - 8))
            tail = handle.read(8)
        length = int.from_bytes(tail[:4], "little")
        # An empty file counts as no file at all; others end with their footer's length and PAR1.
        if size and (tail[4:] not in (b"PAR1", b"PARE") or length + 12 > size):
            raise ValueError(f"{file} does not end as a Parquet file does: it is damaged or cut short")


def _files(path: str) -> list[Path]:
    """The files of a path that a format's own reader would look at; none for an object store."""
    if "://" in path:
        return []
    if path.endswith("/"):
        return [file for file in Path(path).rglob("*.parquet") if file.is_file()]
    return list(matches(path)) if is_pattern(path) else [Path(path)]


def _exists(path: str) -> bool:
    if "://" in path:
        return True  # object stores are asked when they are read
    if path.endswith("/"):
        return Path(path).is_dir() and any(file.is_file() for file in Path(path).rglob("*"))
    return any(matches(path)) if is_pattern(path) else Path(path).exists()


def _location(path: str) -> str:
    """A path as DataFusion takes it: a URL, in which no sign is a wildcard, unless it is a pattern."""
    return path if "://" in path or is_pattern(path) else file_url(path)


def _unreadable(source: Source, cause: BaseException) -> UnreadableSourceError:
    return UnreadableSourceError(
        f"dfplan.yaml: source {source.name}",
        f"{source.path} cannot be read as {source.format}: {str(cause).strip().splitlines()[-1]}",
        "Correct the file, its format: or its options:.",
    )
