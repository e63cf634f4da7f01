"""A resource for assets, and a helper for notebooks: SQL over all that a project has published."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import dagster as dg
from datafusion import SessionContext

from dfplan_assets.execution.sessions import register_tables
from dfplan_assets.orchestration.engine_sessions import EngineSessions
from dfplan_assets.orchestration.project_on_disk import ProjectOnDisk
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import Project

_log = logging.getLogger(__name__)


class DataFusionResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # it provides itself
    """Sessions of DataFusion in which every view and source of a project is a table under its name.

    ``project`` is the folder in which its ``dfplan.yaml`` lies, or a project that has been read or planned,
    of which the folder counts.

        @dg.asset(deps=["revenue"])
        def report(datafusion: DataFusionResource) -> None:
            with datafusion.session() as ctx:
                frame = ctx.sql("select * from revenue").to_pandas()
    """

    project: str

    def __init__(self, project: ProjectPlan | Project | str | os.PathLike[str]) -> None:
        folder = str(Path(_folder(project)).absolute())
        super().__init__(project=folder)  # type: ignore[call-arg]  # its fields are known at run time only

    @contextmanager
    def session(self, tables: Collection[str] | None = None) -> Iterator[SessionContext]:
        """A session with the project's engine settings and memory limit, and its tables as they are now.

        Newer results are seen by newer sessions. What cannot be read yet is no table, and the log says why;
        with ``tables``, only these are made known, and one that cannot be read is an error. Raises the
        InputError of a project that cannot be planned, UnknownNameError and ExecutionError for a table that
        is named.
        """
        on_disk, sessions = _opened(self.project)
        ctx = sessions.open()
        missing = register_tables(ctx, on_disk.plan(), tables)
        if missing:
            lines = "\n".join(f"  {table}: {reason}" for table, reason in missing.items())
            _log.info("Tables that cannot be read yet:\n%s", lines)
        yield ctx


def _folder(project: ProjectPlan | Project | str | os.PathLike[str]) -> str | os.PathLike[str]:
    if isinstance(project, ProjectPlan):
        return project.project.root
    return project.root if isinstance(project, Project) else project


@lru_cache(maxsize=16)
def _opened(folder: str) -> tuple[ProjectOnDisk, EngineSessions]:
    """What all sessions of a project in this process share: its plans and its memory pool."""
    on_disk = ProjectOnDisk(Path(folder))
    return on_disk, EngineSessions(on_disk.plan().project)
