"""The files of sources that stand on this machine; needs no DataFusion."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from dfplan_assets.planning.published_files import published_files
from dfplan_assets.project.model import Source

EXTENSIONS = {
    "parquet": ".parquet",
    "csv": ".csv",
    "json": ".json",
    "arrow": ".arrow",
    "published": ".parquet",
}
"""What the files of a source that is a folder end with, unless its options say otherwise."""


def source_files(source: Source) -> tuple[Path, ...] | None:
    """The files of a source that stand on this machine; None for an object store.

    Those of a folder end as its format's files do. None for a Delta table too, whose log names them. Those
    of a published table are of its last result; raises UnreadableSourceError where its manifest is damaged.
    """
    path = source.path
    if source.is_published:
        return published_files(source)
    if "://" in path or source.format == "delta":
        return None
    if path.endswith("/"):
        ending = str(source.options.get("file_extension", EXTENSIONS[source.format]))
        return tuple(sorted(file for file in Path(path).rglob(f"*{ending}") if file.is_file()))
    if is_pattern(path):
        return tuple(sorted(matches(path)))
    return (Path(path),) if Path(path).exists() else ()


def is_pattern(path: str) -> bool:
    """Whether a path is a pattern: its last part has wildcards, and no file has just that name."""
    return glob.has_magic(Path(path).name) and not Path(path).exists()


def matches(path: str) -> Iterator[Path]:
    """The files that a pattern names, in no order."""
    return Path(path).parent.glob(Path(path).name)
