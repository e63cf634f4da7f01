"""How much memory a query takes, as far as the operating system can tell.

DataFusion's memory pool says nothing of what was taken from it, and most operators nothing of what they hold.
The resident memory of the process does, on Linux, as long as only one query has run in it: what an earlier
one gave back stays with the process and would hide what the next one takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_BYTES_PER_KIBIBYTE = 1024


@dataclass
class PeakMemory:
    """What a query took at most, over what the process held before; None where that cannot be told."""

    bytes: int | None = None


class MemoryGauge:
    """Measures the first query of a process, unless another begins before it has ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queries = 0

    @contextmanager
    def measuring(self) -> Iterator[PeakMemory]:
        """Around one query; the peak is there when it has ended."""
        peak = PeakMemory()
        with self._lock:
            self._queries += 1
            is_first = self._queries == 1
        before = _resident_bytes() if is_first else None
        yield peak
        if before is not None:
            after = _peak_bytes()
            with self._lock:
                if self._queries == 1 and after is not None:
                    peak.bytes = max(0, after - before)


GAUGE = MemoryGauge()
"""That of this process."""


def _resident_bytes() -> int | None:
    """What the process holds now; its peak counts from here on. None where the system cannot tell."""
    try:
        _RESET.write_text(_RESET_PEAK)
    except OSError:
        return None  # not Linux, or not allowed: then there is no peak to be had
    return _figure("VmRSS")


def _peak_bytes() -> int | None:
    return _figure("VmHWM")


def _figure(name: str) -> int | None:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _BYTES_PER_KIBIBYTE
    return None
