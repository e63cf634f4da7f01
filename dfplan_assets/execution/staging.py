"""Places under the output folder where results are written before anyone may see them.

    <output>/.staging/lock                 held for the moment in which places are made or swept
    <output>/.staging/<id>/owner.lock      held as long as the place is used
    <output>/.staging/<id>/content/        what is written

A place whose owner's lock is free belongs to a process that died, and is swept. Because a place gets its
owner's lock while the outer lock is held, no sweep can see it without.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dfplan_assets.execution.locks import is_held, locked

# No view can have this name: views are called ``name`` or ``schema.name``, neither part being empty.
STAGING_FOLDER = ".staging"
_LOCK = "lock"
_OWNER_LOCK = "owner.lock"
_CONTENT = "content"
_PLACE = re.compile(r"[0-9a-f]{32}")


@contextmanager
def staging_place(output: Path) -> Iterator[Path]:
    """An empty folder for this caller alone, on the output's file system; it is removed afterwards.

    Sweeps what dead processes left behind. The folder itself may be renamed away: that publishes it.
    """
    staging = output / STAGING_FOLDER
    staging.mkdir(parents=True, exist_ok=True)
    place = staging / uuid.uuid4().hex
    with ExitStack() as owned:
        with locked(staging / _LOCK):
            _sweep(staging)
            place.mkdir()
            owned.enter_context(locked(place / _OWNER_LOCK))
        try:
            content = place / _CONTENT
            content.mkdir()
            yield content
        finally:
            # Under the outer lock, or a sweep could meet the place half removed. An error here must not hide
            # the caller's; what could not be removed is met by the next sweep, which reports it.
            with suppress(FileNotFoundError), locked(staging / _LOCK):
                shutil.rmtree(place, ignore_errors=True)


def sweep(output: Path) -> None:
    """Remove the places of processes that died; those of living ones, in whatever process, stay."""
    staging = output / STAGING_FOLDER
    if staging.is_dir():
        with locked(staging / _LOCK):
            _sweep(staging)


def _sweep(staging: Path) -> None:
    for place in staging.iterdir():
        if _PLACE.fullmatch(place.name) and not is_held(place / _OWNER_LOCK):
            shutil.rmtree(place)
