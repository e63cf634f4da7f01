"""The files of a published table: what a Python asset made, as the manifests in the output folder name it.

    <output>/<table>/published.json                    a table that is made as a whole
    <output>/<table>/<partitions>/<key>/published.json  one that is made partition by partition

Which of the two a table is follows from what was published last; what is left of the other form is not read.
The warehouse writes these manifests. Planning needs no more of them than the names of files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dfplan_assets.errors import UnreadableSourceError
from dfplan_assets.project.model import Source
from dfplan_assets.project.partitions import Partition, StaticPartitions, key_of_folder, partitions_folder

_MANIFEST = "published.json"


@dataclass(frozen=True)
class PublishedPart:
    """The newest result of a published table, or of one of its partitions: its folder and files."""

    folder: Path
    key: str | None
    files: tuple[Path, ...]
    published_at: datetime


def asset_partition(key: str) -> Partition:
    """A partition of a Python asset, under whatever key Dagster knows it by."""
    return Partition(StaticPartitions("", (key,)), key)


def published_parts(source: Source) -> tuple[PublishedPart, ...]:
    """What makes up a published table by now, by key; nothing where its asset has published nothing.

    Raises UnreadableSourceError where a manifest is damaged.
    """
    folder = Path(source.path)
    whole = _newest(source, folder, None)
    try:
        below = sorted((folder / partitions_folder(StaticPartitions("", ()))).iterdir())
    except FileNotFoundError:
        below = []
    found = [_newest(source, path, key_of_folder(path.name)) for path in below]
    parts = tuple(part for part in found if part is not None)
    if whole is not None and all(whole.published_at >= part.published_at for part in parts):
        return (whole,)
    return parts


def published_files(source: Source) -> tuple[Path, ...]:
    """The files of a published table, none where there are none; raises as ``published_parts`` does."""
    return tuple(file for part in published_parts(source) for file in part.files)


def _newest(source: Source, folder: Path, key: str | None) -> PublishedPart | None:
    path = folder / _MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(source, path, str(error)) from error
    try:
        results = json.loads(text)["results"]
        if not results:
            return None
        newest: Mapping[str, object] = results[0]
        files = newest["files"]
        if not isinstance(files, list):
            raise TypeError("files is no list")
        return PublishedPart(
            folder,
            key,
            tuple(folder / str(newest["version"]) / str(file) for file in files),
            datetime.fromisoformat(str(newest["published_at"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(source, path, f"it is damaged ({type(error).__name__}: {error})") from error


def _unreadable(source: Source, path: Path, reason: str) -> UnreadableSourceError:
    return UnreadableSourceError(
        f"dfplan.yaml: source {source.name}",
        f"the list of what the asset {source.asset} published, {path}, cannot be used: {reason}",
        f"Remove the folder {path.parent} and materialise {source.asset} again.",
    )
