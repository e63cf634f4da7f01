"""The permission to publish, which a run withdraws from work that it has given up on.

Nothing can interrupt work in a thread; without its permit it can at least do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from dfplan_assets.errors import ExecutionError

PATIENCE_SECONDS = 3.0
"""How long ``withdraw`` waits for results that are just being published, which takes moments, in seconds.

A disk that hangs must not keep a run from ending.
"""


class Permit:
    """Lets one piece of work publish its result, until it is withdrawn from another thread."""

    def __init__(self) -> None:
        self._withdrawn = False
        self._publishing = Lock()

    @property
    def is_withdrawn(self) -> bool:
        """Whether the work was given up."""
        return self._withdrawn

    @contextmanager
    def publishing(self, where: str) -> Iterator[None]:
        """Around publishing; raises ExecutionError, which names ``where``, once it is withdrawn."""
        with self._publishing:
            if self._withdrawn:
                raise ExecutionError(
                    where,
                    "the run ended before the view was ready, so that its result was not published",
                    "Run the view again.",
                )
            yield


def withdraw(permits: Collection[Permit]) -> None:
    """From now on nothing is published with these; what is just being published comes to an end first."""
    for permit in permits:
        permit._withdrawn = True
    deadline = time.monotonic() + PATIENCE_SECONDS
    for permit in permits:
        if permit._publishing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            permit._publishing.release()


_current: ContextVar[Permit] = ContextVar("dfplan_permit")


@contextmanager
def working_with(permit: Permit) -> Iterator[None]:
    """What is published inside needs this permit."""
    token = _current.set(permit)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def publishing(where: str) -> Iterator[None]:
    """Around publishing a result, with the permit of the work under way; other work needs none."""
    permit = _current.get(None)
    if permit is None:
        yield
        return
    with permit.publishing(where):
        yield
