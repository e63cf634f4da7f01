"""Giving up on work in a thread, which nothing can interrupt: what is given up publishes no result."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from dfplan_assets.errors import ExecutionError

PATIENCE_SECONDS = 3.0
"""How long ``abandon`` waits for results that are just being published, which takes moments, in seconds.

A disk that hangs must not keep a run from ending.
"""


class Attempt:
    """One attempt at a step, which whoever started it may abandon from another thread."""

    def __init__(self) -> None:
        self._abandoned = False
        self._publishing = Lock()

    @property
    def is_abandoned(self) -> bool:
        """Whether the attempt was given up."""
        return self._abandoned

    @contextmanager
    def publishing(self, where: str) -> Iterator[None]:
        """Around publishing; raises ExecutionError, which names ``where``, for an abandoned attempt."""
        with self._publishing:
            if self._abandoned:
                raise ExecutionError(
                    where,
                    "the run ended before the view was ready, so that its result was not published",
                    "Run the view again.",
                )
            yield


def abandon(attempts: Collection[Attempt]) -> None:
    """From now on these attempts publish nothing; those that are just publishing come to an end first."""
    for attempt in attempts:
        attempt._abandoned = True
    deadline = time.monotonic() + PATIENCE_SECONDS
    for attempt in attempts:
        if attempt._publishing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            attempt._publishing.release()


_current: ContextVar[Attempt] = ContextVar("dfplan_attempt")


@contextmanager
def attempting(attempt: Attempt) -> Iterator[None]:
    """What is published inside belongs to this attempt."""
    token = _current.set(attempt)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def publishing(where: str) -> Iterator[None]:
    """Around publishing a result, in the attempt that is under way, if there is one."""
    attempt = _current.get(None)
    if attempt is None:
        yield
        return
    with attempt.publishing(where):
        yield
