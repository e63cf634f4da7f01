"""What tells whether a source still has the rows that it had: cheap to get, and another one after a change.

A version is that of the files: their names, sizes and times of change, with a checksum of the footer of each
Parquet file, which holds the statistics of every column chunk; that of a Delta table its id and version; or
what a function of the user's says. No row is read.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock

from dfplan_assets.errors import DfplanError, SourceError
from dfplan_assets.execution.published_tables import published_result
from dfplan_assets.planning.source_files import source_files
from dfplan_assets.project.model import FILES, Project, Source

MOST_NAMED_FILES = 50
"""A source of more files has a version, but its files are not told apart when it changes."""

READING = "(how it is read)"
"""The name of the part of a version that covers format, options, columns and a pinned version."""

NO_FILE = "(no file)"
"""The name of the part of a version that stands for a source without any file."""

_SHORT_CHARACTERS = 12
_SHOWN_CHARACTERS = 80
_importing = Lock()


@dataclass(frozen=True)
class SourceVersion:
    """The data version of a source, None where it cannot be told, which ``problem`` explains.

    ``parts`` are what it is made of, so that a reason can name what changed: a short hash for each file by
    its path below the source's own; the version of a Delta table; what a user's function said. Files are not
    told apart where there are more than ``MOST_NAMED_FILES``.
    """

    version: str | None
    parts: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def source_versions(project: Project, names: Iterable[str] | None = None) -> dict[str, SourceVersion]:
    """The versions of these sources as they are now, of all if none are named; raises nothing.

    A version that cannot be told says why.
    """
    found = {}
    for name in project.sources if names is None else names:
        try:
            found[name] = source_version(project.sources[name], project.root)
        except DfplanError as error:
            found[name] = SourceVersion(None, problem=f"{error.cause}. {error.next_step}")
    return found


def source_version(source: Source, root: Path) -> SourceVersion:
    """The version of a source as it is now; ``root`` is the project's folder, where its modules lie.

    A source without files has a version too. In an object store only a user's function, or the log of a
    Delta table, can tell one. That of a published table is the data version in its manifest. Raises
    SourceError where a function or a Delta table gives none, or a file cannot be read, ExecutionError where
    a manifest is damaged.
    """
    if source.is_published:
        result = published_result(source)
        return (
            SourceVersion(NO_FILE, {NO_FILE: NO_FILE})
            if result is None
            else SourceVersion(result.data_version)
        )
    parts: dict[str, str]
    if source.data_version != FILES:
        parts = {source.data_version: _said_by_user(source, root)}
    elif source.format == "delta":
        from dfplan_assets.planning.delta import delta_version

        parts = {"version": delta_version(source)}
    else:
        files = source_files(source)
        if files is None:
            return SourceVersion(
                None,
                problem=f"the files at {source.path} are in an object store, where they are not looked at. "
                "Name a function that tells their version: data_version: module:function.",
            )
        try:
            parts = _files(source, files)
        except OSError as error:
            raise SourceError(
                f"dfplan.yaml: source {source.name}",
                f"{error.filename or source.path} cannot be read: {error.strerror}",
                "Correct its rights, or the connection to its disk.",
            ) from error
    version = _sha256([source.data_version, _reading(source), sorted(parts.items())])
    if source.data_version != FILES:
        shown = {name: text[:_SHOWN_CHARACTERS] for name, text in parts.items()}
    elif source.format == "delta":
        shown = parts
    elif len(parts) > MOST_NAMED_FILES:
        shown = {}
    else:
        shown = {name: hashed[:_SHORT_CHARACTERS] for name, hashed in parts.items()}
    return SourceVersion(version, {**shown, READING: _sha256(_reading(source))[:_SHORT_CHARACTERS]})


def _reading(source: Source) -> list[object]:
    """What else decides which rows come out of the same files, or from which they come."""
    columns = source.columns
    return [
        source.format,
        sorted((name, str(value)) for name, value in source.options.items()),
        None if columns is None else [[each.name, str(each.type)] for each in columns],
        source.version,
    ]


def _files(source: Source, files: tuple[Path, ...]) -> dict[str, str]:
    place = Path(source.path) if source.path.endswith("/") else Path(source.path).parent
    parts = {}
    for file in files:
        stat = file.stat()
        facts: list[object] = [stat.st_size, stat.st_mtime_ns]
        if source.format == "parquet":
            facts.append(_footer_sha256(file, stat.st_size, stat.st_mtime_ns))
        parts[str(file.relative_to(place))] = _sha256(facts)
    return parts or {NO_FILE: NO_FILE}


# Read once in a process for all views, as long as the file stays as it is.
@lru_cache(maxsize=100_000)
def _footer_sha256(file: Path, size_bytes: int, modified_nanoseconds: int) -> str:
    """The checksum of a Parquet file's last bytes: its footer, the footer's length, and the magic word.

    Of a file that does not end as a Parquet file does, the last eight bytes: planning says what is wrong.
    """
    with file.open("rb") as handle:
        handle.seek(max(0, size_bytes - 8))
        tail = handle.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] in (b"PAR1", b"PARE") and length + 12 <= size_bytes:
            handle.seek(size_bytes - 8 - length)
            tail = handle.read(length + 8)
    return hashlib.sha256(tail).hexdigest()


def _said_by_user(source: Source, root: Path) -> str:
    where = f"dfplan.yaml: source {source.name}"
    name = source.data_version
    function = _function(name, where, root)
    try:
        said = function(source)
    except Exception as error:  # whatever a user's code raises is the cause to show
        raise SourceError(
            where,
            f"{name} failed: {type(error).__name__}: {error}",
            "Correct the function; it takes the source and returns its version as text.",
        ) from error
    if not isinstance(said, str):
        raise SourceError(
            where,
            f"{name} returned {type(said).__name__}, not text",
            "Return a text that is another one whenever the rows are, as in str(...).",
        )
    return said


def _function(name: str, where: str, root: Path) -> Callable[[Source], object]:
    module_name, _, function_name = name.partition(":")
    with _importing:  # the path of imports is one for all threads
        beside = str(root)
        added = beside not in sys.path
        if added:
            sys.path.append(beside)
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # an import runs the user's code, which may raise anything
            raise SourceError(
                where,
                f"the module {module_name} of {name} cannot be imported: {type(error).__name__}: {error}",
                f"Correct data_version:, or the module; it may lie in {root}.",
            ) from error
        finally:
            if added:
                sys.path.remove(beside)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise SourceError(
            where,
            f"the module {module_name} has no function {function_name}",
            "Correct data_version:, or write the function; it takes the source and returns text.",
        )
    found: Callable[[Source], object] = function
    return found


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
