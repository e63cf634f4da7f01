"""Python's garbage collector while definitions are made, and during a run.

A run holds the definitions, plans and snapshots of all views, half a million objects for 1,000 views, and
makes garbage in cycles while it goes on. Each full collection would look at all of them again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Inside, nothing is collected: definitions are a million objects that all stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def settled_heap() -> Iterator[None]:
    """Inside, the collector passes over the objects that there were before."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def garbage_left_alone() -> Iterator[None]:
    """Keeps Python from looking for cycles, while thousands of objects are made and hardly any garbage.

    Importing Dagster takes a fifth longer when it does.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
