"""The test that decides whether a figure of a view got worse beyond the noise of its own history.

Times of runs are skewed: most runs take about as long as the fastest, some take far longer (a cold cache, a
busy machine). The test therefore looks at ranks alone, and lets all slow runs count the same: the runs of
both sides are ranked together, ranks above ``CAPPED_AT`` of their number are cut down to it, and the
statistic is the sum of the ranks of the runs after the change. It is one of the percentile-modified rank
tests of Gastwirth ("Percentile modifications of two sample rank tests", Journal of the American Statistical
Association 60, 1965); without the cap it is the test of Wilcoxon, Mann and Whitney. The distribution of the
sum, ties included, is computed exactly: that of all ways to choose as many of the scores.

A figure is worse when all of this holds:

1. the probability of a sum this large among runs that do not differ is at most ``false_alarms``. That bound
   needs no assumption on the distribution but that the order of the runs means nothing;
2. the same with the earlier runs made ``LEAST_RATIO`` times as large, at ``RATIO_LEVEL``: a difference that
   is real and of no interest is none, and looking again after each run stays harmless;
3. the medians differ by at least ``LEAST_RATIO`` and by ``floor`` in the figure's own unit: a view of a
   millisecond is noise.

Where ``LEAST_RUNS`` earlier runs or more rise by themselves (test of Mann and Kendall, z above
``TREND_Z``), they are moved along their trend (slope of Theil and Sen, of logarithms) to the middle of the
later runs. Runs that fall stay where they are, so that this can excuse and never accuse.

Error rates, by simulation (``python -m benchmarks regressions`` prints the table). With ``false_alarms`` of
1.5 %, at ``LEAST_RUNS`` runs on each side: false alarms at most 1 % for log-normal noise up to sigma 0.5,
Student's t with two degrees of freedom on the log scale, 10 % and 20 % outliers with Pareto's tail, and the
two levels of a cold and a warm cache; never above 1.5 % for noise of any other shape. A slowdown of twice
the time is found in at least 95 % of the cases where the noise is log-normal up to sigma 0.3 or has the
tails of that t, and where 20 % of the runs are outliers or find a cold cache. With wider noise it is found
less often: about 80 % at sigma 0.4, two in three where every second run takes twice as long. Runs that
resemble the one before (correlation 0.5) raise 0.7 % of false alarms, a history that grows by 1 % from run
to run 0.8 %, one that grows by 2 % 10 %, where nobody knows why it grows. Where that is known to come from
its inputs, verdicts raise none (``elasticity``). To find the trend in the later runs too would halve these
10 % and miss twice the time in 2 % more of the histories with sigma 0.3, below the 95 % that are promised.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, groupby

FEWEST_RUNS = 5
"""With fewer runs than this on a side nothing is tested."""

LEAST_RUNS = 12
"""The least number of runs on each side for which the error rates hold.

With fewer, a figure that is worse is told as soon as the test shows it, and the bound on false alarms
holds; that nothing is worse cannot be told yet.
"""

LATER_RUNS = LEAST_RUNS
"""How many runs after a change are looked at, those next to it."""

EARLIER_RUNS = 20
"""How many runs before a change are looked at, those next to it."""

LEAST_RATIO = 1.2
RATIO_LEVEL = 0.05
CAPPED_AT = 0.6
TREND_Z = 2.0


@dataclass(frozen=True)
class Comparison:
    """A figure before and after a change: medians in its own unit.

    ``probability`` is that of so large a difference among runs that do not differ. ``trend`` is by which
    factor the earlier runs were moved in the middle to continue their own growth, 1 where they show none.
    """

    before: float
    after: float
    probability: float
    worse: bool
    trend: float = 1.0

    @property
    def ratio(self) -> float:
        """How many times the median before the median after is; infinite where that was 0."""
        if self.before == 0:
            return 1.0 if self.after == 0 else math.inf
        return self.after / self.before


def compare(
    earlier: Sequence[float], later: Sequence[float], *, floor: float, false_alarms: float
) -> Comparison:
    """Whether the later runs are worse than the earlier; both in the order of time, finite and not negative.

    A larger figure is a worse one. Nothing is worse with fewer than ``FEWEST_RUNS`` on a side, of which
    each has at least one run.

    >>> compare([1.0, 1.1, 0.9, 1.0, 5.0], [2.0, 2.1, 1.9, 2.2, 2.0], floor=0.02, false_alarms=0.05).worse
    True
    """
    before, after = statistics.median(earlier), statistics.median(later)
    expected, trend = _continued(earlier, len(later))
    enough = min(len(earlier), len(later)) >= FEWEST_RUNS
    large = after >= LEAST_RATIO * before and after - before >= floor
    if not (enough and large):
        return Comparison(before, after, _probability(earlier, later) if enough else 1.0, False, trend)
    probability = _probability(expected, later)
    worse = (
        probability <= false_alarms
        and _probability([LEAST_RATIO * each for each in expected], later) <= RATIO_LEVEL
    )
    return Comparison(before, after, probability, worse, trend)


def _probability(earlier: Sequence[float], later: Sequence[float]) -> float:
    """Of a sum of scores as large as that of the later runs, among all choices of as many runs."""
    scores = _scores([*earlier, *later])
    found = sum(scores[len(earlier) :])
    return _upper_tail(tuple(sorted(scores)), len(later), found)


def _scores(values: Sequence[float]) -> list[int]:
    """Twice the capped rank of each value, the mean of them for equal values rounded down."""
    cap = max(2, round(CAPPED_AT * len(values)))
    scores = [0] * len(values)
    rank = 0
    by_value = sorted(range(len(values)), key=values.__getitem__)
    for _, tied in groupby(by_value, key=values.__getitem__):
        places = list(tied)
        ranks = [min(rank + 1 + place, cap) for place in range(len(places))]
        rank += len(places)
        for place in places:
            scores[place] = 2 * sum(ranks) // len(ranks)
    return scores


@lru_cache(maxsize=4096)
def _upper_tail(scores: tuple[int, ...], chosen: int, least: int) -> float:
    """The share of the choices of ``chosen`` scores whose sum is at least ``least``, exactly."""
    ways = _ways(scores, chosen)
    bits = _digit_bits(len(scores), chosen)
    # The sum of a number's digits is what is left of it modulo the greatest digit.
    return ((ways >> bits * least) % ((1 << bits) - 1)) / math.comb(len(scores), chosen)


@lru_cache(maxsize=256)
def _ways(scores: tuple[int, ...], chosen: int) -> int:
    """In how many ways ``chosen`` scores have each sum, as a number: its digit at the place of the sum."""
    bits = _digit_bits(len(scores), chosen)
    ways = [1] + [0] * chosen
    for score in scores:
        for count in range(chosen, 0, -1):
            ways[count] += ways[count - 1] << bits * score
    return ways[chosen]


def _digit_bits(total: int, chosen: int) -> int:
    return math.comb(total, chosen).bit_length() + 1


def _continued(earlier: Sequence[float], later_runs: int) -> tuple[list[float], float]:
    """The earlier runs, moved along their trend upwards if they have one, and the factor in their middle."""
    runs = len(earlier)
    if runs < LEAST_RUNS or min(earlier) <= 0:
        return list(earlier), 1.0
    logs = [math.log(each) for each in earlier]
    pairs = list(combinations(range(runs), 2))
    rises = sum((logs[j] > logs[i]) - (logs[j] < logs[i]) for i, j in pairs)
    deviation = math.sqrt(runs * (runs - 1) * (2 * runs + 5) / 18)
    if (rises - 1) / deviation <= TREND_Z:
        return list(earlier), 1.0
    slope = statistics.median((logs[j] - logs[i]) / (j - i) for i, j in pairs)
    target = runs + (later_runs - 1) / 2
    moved = [math.exp(each + slope * (target - place)) for place, each in enumerate(logs)]
    return moved, math.exp(slope * (target - (runs - 1) / 2))
