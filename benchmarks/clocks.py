"""Clocks around functions: what a run's parts cost, as CPU time of the threads that call them."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass
class Clock:
    """What a part has taken so far, over all threads; parts inside each other count in both."""

    calls: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


@contextmanager
def clocks(parts: Mapping[str, str]) -> Iterator[Mapping[str, Clock]]:
    """Inside, times the functions of each part, named as ``module:Class.function``."""
    lock = threading.Lock()
    found = {part: Clock() for part in parts}
    undo: list[tuple[Any, str, Any]] = []
    try:
        for part, target in parts.items():
            module, _, path = target.partition(":")
            *owners, name = path.split(".")
            owner: Any = import_module(module)
            for each in owners:
                owner = getattr(owner, each)
            undo.append((owner, name, owner.__dict__.get(name, _MISSING)))
            setattr(owner, name, _timed(getattr(owner, name), found[part], lock))
        yield found
    finally:
        for owner, name, original in reversed(undo):
            if original is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


_MISSING = object()


def _timed(function: Any, clock: Clock, lock: threading.Lock) -> Any:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            with lock:
                clock.calls += 1
                clock.wall_seconds += wall
                clock.cpu_seconds += cpu

    return timed
