"""Durations as people read them."""

from __future__ import annotations

import math

_MINUTE = 60
_HOUR = 60 * _MINUTE


def duration(seconds: float) -> str:
    """A duration in two or three significant figures, in the unit that fits; ``unknown`` for no number.

    >>> [duration(s) for s in (0, 0.0004, 0.0123, 0.8, 5.12, 42.3, 120, 125, 4000)]
    ['0 s', '0.4 ms', '12 ms', '0.80 s', '5.1 s', '42 s', '2 min', '2 min 5 s', '1 h 7 min']
    >>> duration(math.nan)
    'unknown'
    """
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds == 0:
        return "0 s"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _parts(whole, "min", "s")
    return _parts(round(seconds / _MINUTE), "h", "min")


def _parts(whole: int, large: str, small: str) -> str:
    rest = whole % _MINUTE
    return f"{whole // _MINUTE:,} {large}" + (f" {rest} {small}" if rest else "")
