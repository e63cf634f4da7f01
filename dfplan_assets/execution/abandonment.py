"""Giving up on work in a thread, which nothing can interrupt: what is given up publishes no result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from dfplan_assets.errors import ExecutionError

_PUBLISHING_SECONDS = 3.0


class Attempt:
    """One attempt at a step, which whoever started it may abandon from another thread."""

    def __init__(self) -> None:
        self._abandoned = False
        self._publishing = Lock()

    @property
    def is_abandoned(self) -> bool:
        """Whether the attempt was given up."""
        return self._abandoned

    def abandon(self) -> None:
        """From now on the attempt publishes nothing.

        Waits for a result that is just being published, which takes moments, though not for ever: a disk
        that hangs would otherwise keep the run from ending.
        """
        self._abandoned = True
        if self._publishing.acquire(timeout=_PUBLISHING_SECONDS):
            self._publishing.release()

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
