"""DataFusion sessions of a planned project, opened when they are first asked for."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from threading import Lock

from datafusion import SessionContext

from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.model import Project


class EngineSessions:
    """Sessions with the engine settings of a project, all over one memory pool.

    Nothing is opened before the first one; what was opened is closed when the process ends. May be used by
    several threads.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._opening = Lock()
        self._runtime: Runtime | None = None

    def open(self) -> SessionContext:
        """A new session, without tables."""
        with self._opening:
            if self._runtime is None:
                resources = ExitStack()
                atexit.register(resources.close)
                warehouse = Warehouse.of(self._project)
                self._runtime = resources.enter_context(open_runtime(self._project.engine, warehouse))
        return self._runtime.session()
