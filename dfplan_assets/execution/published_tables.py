"""What Python assets have published, as the views that read it see it."""

from __future__ import annotations

from dfplan_assets.execution.manifest import read_manifest
from dfplan_assets.execution.publication import Publication, all_together
from dfplan_assets.planning.published_files import published_parts
from dfplan_assets.project.model import Source

IO_MANAGER_KEY = "dfplan_io_manager"
"""The key under which Python assets name what publishes their results."""


def published_result(source: Source) -> Publication | None:
    """The last result of a published table, that of all its partitions together; None where there is none.

    Raises ExecutionError or UnreadableSourceError where a manifest is damaged.
    """
    results = published_results(source)
    return all_together(results) if results else None


def published_results(source: Source) -> tuple[Publication, ...]:
    """The last results that make up a published table: one, or one for each partition, by key."""
    listed = (read_manifest(part.folder, source.name) for part in published_parts(source))
    return tuple(results[0] for results in listed if results)
