"""Where the lines of a time axis stand."""

from __future__ import annotations

import math

from dfplan_assets.visual.durations import duration

_SHORT_SECONDS = 0.001


def ticks(end_seconds: float, most: int) -> list[float]:
    """Round moments from 0 to the end, at most ``most`` besides 0, in seconds; the end is more than 0.

    >>> ticks(4.0, 8), ticks(0.05, 5)
    ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0], [0.0, 0.01, 0.02, 0.03, 0.04, 0.05])
    """
    step = _step(end_seconds / most)
    return [round(number * step, 9) for number in range(int(end_seconds / step * (1 + 1e-9)) + 1)]


def tick_label(seconds: float, end_seconds: float) -> str:
    """A moment on an axis that ends there, told from its neighbours.

    >>> tick_label(2.0, 5.0), tick_label(0.0002, 0.0005), tick_label(0.0, 0.0005)
    ('2.0 s', '200 µs', '0 s')
    """
    if seconds and end_seconds < _SHORT_SECONDS:
        return f"{seconds * 1e6:,.0f} µs"
    return duration(seconds)


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten, or of round minutes and hours, that is no less."""
    for seconds in (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0):
        if 20.0 < least <= seconds:
            return seconds
    unit = 3600.0 if least > 3600 else 1.0
    power = 10.0 ** math.floor(math.log10(least / unit))
    return unit * next(power * factor for factor in (1, 2, 5, 10) if power * factor * unit >= least)
