"""What all views that run in one process share: engine settings, memory and the place to spill."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from datafusion import RuntimeEnvBuilder, SessionContext

from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.session import execution_context
from dfplan_assets.project.model import Engine

_CAPTURES = 64  # at most; a thread is started only where none is idle


@dataclass(frozen=True)
class Runtime:
    """Makes sessions to run views in. They share one memory pool, and may be used in several threads at once.

    ``environment`` is None where the engine has no memory limit: nothing is spilled then. ``captures`` are
    the threads in which plans are captured while DataFusion executes them, as many as views run at once:
    to start one for each view takes longer than many a view.
    """

    engine: Engine
    environment: RuntimeEnvBuilder | None
    captures: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_CAPTURES, "capture"), compare=False, repr=False
    )

    def session(self) -> SessionContext:
        """A session of its own for one view, over the shared memory pool."""
        return execution_context(self.engine, self.environment)


@contextmanager
def open_runtime(engine: Engine, warehouse: Warehouse) -> Iterator[Runtime]:
    """The runtime of one process, for as long as it runs views.

    With a memory limit, operators that need more spill into a folder in the warehouse's staging area; it goes
    when the runtime is closed, or, after a crash, when the next writer comes.
    """
    with ExitStack() as resources:
        environment = None
        if engine.memory_limit_bytes is not None:
            folder = resources.enter_context(warehouse.scratch("spilling"))
            # The pool belongs to the builder: every session made from it draws on the same bytes.
            environment = (
                RuntimeEnvBuilder()
                .with_disk_manager_specified(folder)
                .with_fair_spill_pool(engine.memory_limit_bytes)
            )
        runtime = Runtime(engine, environment)
        resources.callback(runtime.captures.shutdown)
        yield runtime
