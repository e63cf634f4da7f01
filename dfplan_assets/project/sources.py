"""Sources as ``dfplan.yaml`` declares them: path, format, options, columns."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from dfplan_assets.errors import SourceError
from dfplan_assets.project.column_types import parse_type
from dfplan_assets.project.document import Node
from dfplan_assets.project.model import FILES, OptionValue, Source, SourceFormat
from dfplan_assets.project.names import canonical_name
from dfplan_assets.project.suggestions import did_you_mean

_FILE_FORMATS: tuple[SourceFormat, ...] = ("parquet", "csv", "json", "arrow", "delta")
_FORMAT_OF_EXTENSION: Mapping[str, SourceFormat] = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_KEYS = ("path", "format", "version", "options", "columns", "data_version", "asset")
_COMPRESSION_OF_EXTENSION = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_USER_IN_URL = re.compile(r"[A-Za-z][\w+.-]*://[^/]*@")
_FUNCTION = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")
# What is left out means something to Dagster's selections, or ends a part of a key.
_ASSET_KEY_PART = re.compile(r"[^\s/*+\"()<>=:,]+")
_WILDCARD = re.compile(r"[*?\[]")


def read_sources(node: Node, root: Path, output: str) -> dict[str, Source]:
    """Reads ``sources:``; relative paths are those of the project's folder ``root``.

    What Python assets publish is below ``output``.

    Files need not exist. Raises SourceError for a declaration that cannot be used.
    """
    sources: dict[str, Source] = {}
    for written, entry in node.entries().items():
        try:
            name = canonical_name(written)
        except ValueError as problem:
            raise entry.wrong(
                f"{written!r} cannot be the name of a source: {problem}",
                "Rename it, as in orders or raw.orders.",
                SourceError,
            ) from problem
        if name in sources:
            raise entry.wrong(
                f"the source {name} is declared twice: public.{name} is the same table",
                "Remove one of them.",
                SourceError,
            )
        sources[name] = _source(name, entry, root, output)
        _check_asset_is_new(entry, sources, sources[name])
    return sources


def _source(name: str, node: Node, root: Path, output: str) -> Source:
    if isinstance(node.value, str):
        parts: Mapping[str, Node] = {"path": node}
    elif isinstance(node.value, Mapping):
        parts = node.entries(known=_KEYS)
    else:
        raise node.expected(
            "a path, or a mapping with path, format, version, options, columns and data_version, or with "
            "asset and columns"
        )
    if "asset" in parts:
        return _published(name, parts, output)
    if "path" not in parts:
        raise node.wrong(
            f"{node.key} has no path",
            "Add path:, the file, glob or folder it is read from, or asset:, the Python asset that makes it.",
        )

    path = _absolute(parts["path"], root)
    extension, compression = _extensions(path)
    if "format" in parts:
        format_ = _chosen_format(parts["format"])
    elif (Path(path) / "_delta_log").is_dir():
        # Read as plain files it would also give rows that were deleted.
        format_ = "delta"
    else:
        format_ = _inferred_format(parts["path"], path, extension)
    options: dict[str, OptionValue] = {}
    if format_ == "csv" and extension == ".tsv":
        options["delimiter"] = "\t"
    version = None
    if "version" in parts:
        if format_ != "delta":
            raise parts["version"].wrong(
                f"a {format_} source has no versions",
                "Leave version: out, or write format: delta.",
                SourceError,
            )
        version = parts["version"].whole_number(minimum=0)
    if compression is not None:
        if format_ not in ("csv", "json"):
            raise parts["path"].wrong(
                f"a {format_} file cannot be read compressed as a whole",
                "Unpack it; Parquet and Arrow files are compressed inside.",
                SourceError,
            )
        options["file_compression_type"] = compression
    if "options" in parts:
        options.update(_options(parts["options"], format_, path))
    columns = _columns(parts["columns"]) if "columns" in parts else None
    data_version = _data_version(parts["data_version"]) if "data_version" in parts else FILES
    return Source(name, path, format_, options, columns, version, data_version)


def _published(name: str, parts: Mapping[str, Node], output: str) -> Source:
    """A table that a Python asset makes: it lies where the project publishes, under its own name."""
    for key, part in parts.items():
        if key not in ("asset", "columns"):
            raise part.wrong(
                f"{part.key} means nothing for a table that an asset publishes",
                f"Remove {key}: or asset:; such a table has asset: and, optionally, columns:.",
                SourceError,
            )
    asset = parts["asset"].text()
    if not all(_ASSET_KEY_PART.fullmatch(part) for part in asset.split("/")):
        raise parts["asset"].wrong(
            f"{asset!r} is no key of a Dagster asset",
            "Write its parts with / between them, as in scores or models/scores.",
            SourceError,
        )
    columns = _columns(parts["columns"]) if "columns" in parts else None
    return Source(name, f"{output.rstrip('/')}/{name}/", "published", {}, columns, asset=asset)


def _check_asset_is_new(node: Node, sources: Mapping[str, Source], source: Source) -> None:
    """Refuse a second table of one asset: its result is published once."""
    if source.asset is None:
        return
    first = next(other.name for other in sources.values() if other.asset == source.asset)
    if first != source.name:
        raise node.wrong(
            f"the asset {source.asset} makes two sources, {first} and {source.name}",
            f"Keep one of them, and let views read {first}.",
            SourceError,
        )


def _data_version(node: Node) -> str:
    written = node.text()
    if written != FILES and not _FUNCTION.fullmatch(written):
        raise node.wrong(
            f"{node.key} cannot be {written!r}",
            "Write files, or a function of yours that takes the source and returns text, as module:function.",
            SourceError,
        )
    return written


def _absolute(node: Node, root: Path) -> str:
    written = node.text()
    if _USER_IN_URL.match(written):
        raise node.wrong(
            f"the URL of {node.key} holds a user or a password, which would stand in every plan",
            "Leave them out of the URL; credentials belong into the environment.",
            SourceError,
        )
    if _URL.match(written):
        return written
    folders, _, _ = written.rstrip("/").rpartition("/")
    if _WILDCARD.search(folders):
        raise node.wrong(
            f"{written} has a wildcard in a folder's name, where DataFusion does not expand it",
            "Use wildcards in the last part only, name the folder itself, or declare one source per folder.",
            SourceError,
        )
    path = os.path.abspath(root / written)
    is_folder = written.endswith("/") or Path(path).is_dir()
    return f"{path.rstrip('/')}/" if is_folder else path


def _extensions(path: str) -> tuple[str, str | None]:
    """The extension that tells the format, and the compression that one behind it tells."""
    pure = Path(path)
    compression = _COMPRESSION_OF_EXTENSION.get(pure.suffix.lower())
    inner = Path(pure.stem) if compression is not None else pure
    return inner.suffix.lower(), compression


def _chosen_format(node: Node) -> SourceFormat:
    chosen = node.choice(_FILE_FORMATS)
    return next(known for known in _FILE_FORMATS if known == chosen)


def _inferred_format(node: Node, path: str, extension: str) -> SourceFormat:
    if extension in _FORMAT_OF_EXTENSION:
        return _FORMAT_OF_EXTENSION[extension]
    if path.endswith("/"):
        reason = "it is a folder"
    elif extension:
        reason = f"its extension {extension} is none of {', '.join(_FORMAT_OF_EXTENSION)}"
    elif not _URL.match(path) and not os.path.lexists(path):
        # A Delta table is known by what is in its folder, and the folder is gone.
        reason = f"it has no extension, and there is nothing at {path}"
    else:
        reason = "it has no extension"
    raise node.wrong(
        f"the format of {node.key} is not known from its path: {reason}",
        f"Write it as {{path: ..., format: csv}}; the formats are {', '.join(_FILE_FORMATS)}.",
        SourceError,
    )


def _character(node: Node) -> str:
    if not isinstance(node.value, str) or len(node.value) != 1 or not node.value.isascii():
        raise node.wrong(
            f"{node.key} must be one ASCII character", 'Write it in double quotes; a tab is "\\t".'
        )
    return node.value


def _sampled_rows(node: Node) -> int:
    return node.whole_number(minimum=1)


def _compression(node: Node) -> str:
    return node.choice(_COMPRESSION_OF_EXTENSION.values())


def _file_extension(node: Node) -> str:
    extension = node.text()
    if not extension.startswith("."):
        raise node.wrong(f"{node.key} must begin with a dot, as in .csv", f"Write it as .{extension}.")
    return extension


_Reader = Callable[[Node], OptionValue]
_TEXT_OPTIONS: Mapping[str, _Reader] = {
    "schema_infer_max_records": _sampled_rows,
    "file_compression_type": _compression,
}
# What DataFusion takes for each format and was seen to heed. It also has terminator and
# null_regex for CSV, which reading does not follow, and which are therefore not offered.
_OPTIONS: Mapping[SourceFormat, Mapping[str, _Reader]] = {
    "csv": {
        "has_header": Node.boolean,
        "delimiter": _character,
        "quote": _character,
        "escape": _character,
        "comment": _character,
        "newlines_in_values": Node.boolean,
        "truncated_rows": Node.boolean,
        **_TEXT_OPTIONS,
    },
    "json": _TEXT_OPTIONS,
    "parquet": {},
    "arrow": {},
    "delta": {},
    "published": {},
}


def _options(node: Node, format_: SourceFormat, path: str) -> dict[str, OptionValue]:
    known = dict(_OPTIONS[format_])
    if path.endswith("/") and format_ != "delta":
        known["file_extension"] = _file_extension
    options: dict[str, OptionValue] = {}
    for name, entry in node.entries().items():
        if name not in known:
            next_step = (
                did_you_mean(name, known, f"options of a {format_} source")
                if known
                else f"A {format_} source has no options: remove it."
            )
            raise entry.wrong(f"unknown option {entry.key}", next_step, SourceError)
        options[name] = known[name](entry)
    return options


def _columns(node: Node) -> pa.Schema:
    entries = node.entries()
    if not entries:
        raise node.wrong(
            f"{node.key} names no column",
            "Name each column with its type, or leave columns: out.",
            SourceError,
        )
    fields = []
    for name, entry in entries.items():
        if not name:
            raise entry.wrong(f"{node.key} has a column without a name", "Name it.", SourceError)
        try:
            fields.append(pa.field(name, parse_type(entry.text())))
        except ValueError as problem:
            raise entry.wrong(
                f"the type of {entry.key} cannot be used: {problem}",
                "Write a type as in int64, string, date32, timestamp[us], decimal128(15, 2), list<int64>.",
                SourceError,
            ) from problem
    return pa.schema(fields)
