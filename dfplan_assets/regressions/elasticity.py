"""How much of a view's time follows the size of its inputs, as far as its own runs tell.

A view's time is taken as a fixed part and a part in proportion to its inputs. The share of the second is the
elasticity: by how many percent the time grows when the inputs grow by one. It is the slope of the logarithm
of time over that of the inputs, by Theil and Sen. What larger inputs are allowed to explain must not be too
little, or growth is taken for a slowdown: the upper confidence limit of the slope counts, one-sided, at 95 %
(Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American Statistical
Association 63, 1968). It looks at the order of slopes alone, so that some runs that take far longer than
others move it little. Runs whose inputs hardly differ tell nothing about it, nor do they about inputs far
larger than they ever had; then it is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

_NORMAL_95 = 1.645
# Growth by g % from run to run: medians of 12 and 12 runs are 12 steps apart, the runs of a side span 11.
_BEYOND_SPAN = 1.25


def elasticity(*sides: Sequence[tuple[float, float]], growth: float) -> float:
    """The largest share of their time, up to 1, that may follow the inputs of these runs.

    Each side has runs that can be compared with each other, of one plan for one: pairs of input size (any
    unit) and wall seconds, none of them 0 or less. Runs of different sides are not compared. ``growth`` is
    the ratio of input sizes that it is wanted for; where none of the sides spans about as much, 1.

    >>> sizes = [10.0**power for power in range(8)]
    >>> elasticity([(size, 2.0) for size in sizes], growth=1000.0)
    0.0
    >>> elasticity([(size, 2.0 * size) for size in sizes], growth=1000.0)
    1.0
    """
    spans = [max(size for size, _ in side) / min(size for size, _ in side) for side in sides]
    if abs(math.log(growth)) > _BEYOND_SPAN * math.log(max(spans)):
        return 1.0
    slopes = sorted(slope for side in sides for slope in _slopes(side))
    # The variance of Kendall's statistic, the sides being independent of each other.
    variance = sum(len(side) * (len(side) - 1) * (2 * len(side) + 5) for side in sides) / 18
    place = math.ceil((len(slopes) + _NORMAL_95 * math.sqrt(variance)) / 2)
    return min(1.0, max(0.0, slopes[place])) if place < len(slopes) else 1.0


def _slopes(side: Sequence[tuple[float, float]]) -> list[float]:
    """Of every two runs whose inputs differ, the difference of log time over that of log input."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in side]
    return [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in combinations(logs, 2)
        if later[0] != earlier[0]
    ]
