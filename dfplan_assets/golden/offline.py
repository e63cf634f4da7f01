"""A project planned where some of its data is not: golden files say which columns it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from dfplan_assets.planning.sources import source_exists
from dfplan_assets.project.model import Project


def with_recorded_columns(project: Project, recorded: Mapping[str, pa.Schema]) -> Project:
    """The project with columns for the sources that declare none and have no files here.

    A source that is neither recorded nor there stays as it is: planning says what it lacks.
    """
    sources = {
        name: replace(source, columns=recorded[name])
        if source.columns is None and name in recorded and not source_exists(source)
        else source
        for name, source in project.sources.items()
    }
    return replace(project, sources=sources)
