"""The folder where results are published, and where readers find them.

    <output>/<view>/published.json       which results there are, the newest first
    <output>/<view>/<version>/*.parquet  one result: whole, and never written to again
    <output>/<view>/lock                 held by whoever publishes the view
    <output>/<view>/<partitions>/<key>/  the same for each partition: published.json, versions, lock
    <output>/.staging/                   results being written, see ``staging``

A view's folder has the view's full name (``schema.view``). A result is written in a staging place, brought
to the disk, moved into the view's folder and then named first in the manifest, which is replaced in one step.
Readers take no lock. A crash leaves at most a folder that no manifest names; the next publishing removes it.
Partitions are published one by one, and their results kept one by one. Where a view gets partitions, others
than it had, or none any more, the results from before stay on the disk and are not read.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dfplan_assets.errors import ExecutionError
from dfplan_assets.execution.durable import sync
from dfplan_assets.execution.locks import locked
from dfplan_assets.execution.manifest import MANIFEST, published_bytes, read_manifest, write_manifest
from dfplan_assets.execution.publication import Provenance, Publication, all_together
from dfplan_assets.execution.staging import staging_place, sweep
from dfplan_assets.project.model import Project
from dfplan_assets.project.partitions import Partition, Partitions, key_of_folder, partitions_folder

RETIREMENT_SECONDS = 3600.0
"""How long a result stays on the disk after it stopped being one of those that are kept, in seconds.

Whoever asked for a result's files just before (``dfplan path``, a view that reads another) may take this long
to read them. One hour is longer than a sensible query runs; the price is the disk space of the results
published within the hour. It counts from the publishing that took the result off the list.
"""

_LOCK = "lock"
_VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Stage:
    """A place for one new result of a view or partition: an empty ``folder`` that only its maker knows."""

    view: str
    folder: Path
    partition: Partition | None = None


class Warehouse:
    """The published results under one output folder.

    ``keep_results`` (at least 1) is how many results of each view are kept, ``clock`` gives the current time
    with its zone. All methods may be called from several threads and processes at once.
    """

    def __init__(self, output: Path, keep_results: int, clock: Callable[[], datetime] | None = None) -> None:
        self.output = output
        self.keep_results = keep_results
        self._clock = clock or _utc_now

    @classmethod
    def of(cls, project: Project) -> Warehouse:
        """The warehouse that a project declares."""
        return cls(Path(project.output), project.keep_results)

    def current(self, view: str, partition: Partition | None = None) -> Publication | None:
        """The last result of a view or partition, or None where there is none; reads the manifest only.

        What is left of a partition that there is not any more is none. The files stay readable for at least
        ``RETIREMENT_SECONDS``, whatever is published meanwhile.
        """
        if partition is not None and not partition.of.has(partition.key, self._now()):
            return None
        return self._last(view, partition)

    def published(self, view: str, partitions: Partitions) -> dict[str, Publication]:
        """The last results of all partitions of a view that have one, by key and in the order of the keys.

        Those that ``partitions`` do not have (any more) are left out. Reads the manifests only.
        """
        folder = self._folder(view) / partitions_folder(partitions)
        try:
            keys = {key_of_folder(path.name) for path in folder.iterdir()}
        except FileNotFoundError:
            return {}
        now = self._now()
        found = {}
        for key in sorted(key for key in keys if partitions.has(key, now)):
            result = self._last(view, Partition(partitions, key))
            if result is not None:
                found[key] = result
        return found

    def whole(self, view: str, partitions: Partitions | None) -> Publication | None:
        """The last result of a view, that of all its published partitions together where it has some."""
        if partitions is None:
            return self.current(view)
        found = self.published(view, partitions)
        return all_together(tuple(found.values())) if found else None

    def current_bytes(self, view: str, partition: Partition | None = None) -> int | None:
        """The size of the last result of a view or partition, None where there is none that is sound."""
        return published_bytes(self._folder(view, partition))

    def kept(self, view: str, partition: Partition | None = None) -> tuple[Publication, ...]:
        """The last ``keep_results`` results of a view or partition, the newest first."""
        return read_manifest(self._folder(view, partition), view)[: self.keep_results]

    @contextmanager
    def stage(self, view: str, partition: Partition | None = None) -> Iterator[Stage]:
        """A place to write a new result in, of a view or partition; removed at the end if not published."""
        with self.scratch(f"view {view}") as folder:
            yield Stage(view, folder, partition)

    @contextmanager
    def scratch(self, purpose: str) -> Iterator[Path]:
        """An empty folder for temporary files, removed at the end, or after a crash by the next writer."""
        with ExitStack() as place:
            with _writing(self.output, purpose):
                folder = place.enter_context(staging_place(self.output))
            yield folder

    def publish(self, stage: Stage, rows: int, provenance: Provenance | None = None) -> Publication:
        """Make the files in a stage, which hold ``rows`` rows, the last result of its view or partition.

        The stage is used up. ``provenance`` is published with it, in the same step. Of two that publish the
        same at once, one comes after the other. Raises ExecutionError where the result cannot be published;
        the last one then stays.
        """
        folder = self._folder(stage.view, stage.partition)
        key = None if stage.partition is None else stage.partition.key
        with _writing(self.output, f"view {stage.view}"):
            files = sorted(stage.folder.iterdir())
            size = sum(file.stat().st_size for file in files)
            for path in (*files, stage.folder):
                sync(path)
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                for parent in folder.relative_to(self.output).parents:
                    sync(self.output / parent)
            with locked(folder / _LOCK):
                published_at = self._now()
                older = self._prune(folder, stage.view, published_at)
                version = f"{published_at:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
                os.rename(stage.folder, folder / version)
                sync(folder)
                publication = Publication(
                    view=stage.view,
                    version=version,
                    files=tuple(str(folder / version / file.name) for file in files),
                    rows=rows,
                    bytes=size,
                    published_at=published_at,
                    partition_key=key,
                    provenance=provenance,
                )
                write_manifest(folder, stage.view, (publication, *older), key)
        return publication

    def sweep(self, views: Iterable[str]) -> None:
        """Remove what dead writers left, and the results of these views that need not be kept any longer."""
        with _writing(self.output, "sweeping"):
            sweep(self.output)
            for view in views:
                whole = self._folder(view)
                for manifest in (*whole.glob(MANIFEST), *whole.glob(f"*/*/{MANIFEST}")):
                    with locked(manifest.parent / _LOCK):
                        self._prune(manifest.parent, view, self._now())

    def _prune(self, folder: Path, view: str, now: datetime) -> tuple[Publication, ...]:
        """Take expired results off the list, then remove what is not listed; gives what still is.

        The caller holds the view's lock. A result left the kept ones when the one ``keep_results`` places
        before it was published, and expires ``RETIREMENT_SECONDS`` later.
        """
        listed = read_manifest(folder, view)
        retirement = timedelta(seconds=RETIREMENT_SECONDS)
        lasting = tuple(
            result
            for place, result in enumerate(listed)
            if place < self.keep_results or now - listed[place - self.keep_results].published_at <= retirement
        )
        if lasting != listed:
            write_manifest(folder, view, lasting, listed[0].partition_key)
        versions = {result.version for result in lasting}
        for path in folder.iterdir():
            # Only what has a version's name: a folder that a user keeps here is not ours to remove.
            if _VERSION.fullmatch(path.name) and path.name not in versions:
                shutil.rmtree(path)
        return lasting

    def _last(self, view: str, partition: Partition | None) -> Publication | None:
        results = read_manifest(self._folder(view, partition), view)
        return results[0] if results else None

    def _folder(self, view: str, partition: Partition | None = None) -> Path:
        return self.output / view if partition is None else self.output / view / partition.folder

    def _now(self) -> datetime:
        return self._clock().astimezone(timezone.utc)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@contextmanager
def _writing(output: Path, purpose: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExecutionError(
            f"{output} ({purpose})",
            f"the output folder cannot be written: {error}",
            "Check that output: in dfplan.yaml is a folder that you may write to, on a disk with free space.",
        ) from error
