"""From a plan that ran to its measured operators."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from datafusion.plan import ExecutionPlan

from dfplan_assets.execution.profile import ROW_GROUPS_MATCHED, ROW_GROUPS_PRUNED, OperatorProfile

_NAME = re.compile(r"\w+")
_NUMBER = r"(\d+(?:\.\d+)?)(?: ([KMBT]))?"
_COUNT = re.compile(_NUMBER)
_PAIR = re.compile(rf"{_NUMBER} total → {_NUMBER} matched(?: -> .*)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) (B|KB|MB|GB|TB)")
_COUNT_UNITS = {None: 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SIZE_UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KB", "MB", "GB", "TB"))}
_ROW_GROUP_PAIRS = (
    "row_groups_pruned_statistics",
    "row_groups_pruned_bloom_filter",
    "limit_pruned_row_groups",
)
_ROW_GROUPS_PRUNED_WHILE_RUNNING = "row_groups_pruned_dynamic_filter"

# Times that joins take with the time that an input takes to give its rows in them: the metric, and
# which of the inputs.
_WITH_INPUT: dict[str, tuple[tuple[str, int], ...]] = {
    "HashJoinExec": (("build_time", 0),),
    "CrossJoinExec": (("build_time", 0),),
    "NestedLoopJoinExec": (("build_time", 0), ("join_time", 1)),
}
_MERGING = ("CoalescePartitionsExec", "SortPreservingMergeExec")


def profile_operators(plan: ExecutionPlan, hide: Callable[[str], str] = str) -> OperatorProfile:
    """The operators of a plan with what they measured, metrics summed over partitions.

    ``plan`` must be taken after the execution; one taken before holds no metrics. ``hide`` takes out of an
    operator's display what nobody is to see.
    """
    display = hide(plan.display().strip())
    name = _NAME.match(display)
    sums: dict[str, int] = {}
    starts: list[datetime] = []
    ends: list[datetime] = []
    metric_set = plan.metrics()
    for metric in [] if metric_set is None else metric_set.metrics():
        value = metric.value
        if isinstance(value, datetime):
            (starts if metric.name == "start_timestamp" else ends).append(value)
            continue
        numbers = {metric.name: value} if isinstance(value, int) else _numbers(metric.name, str(metric))
        for key, number in numbers.items():
            sums[key] = sums.get(key, 0) + number
    sums |= _row_groups(sums)
    children = tuple(profile_operators(child, hide) for child in plan.children())
    kind = name.group() if name else display
    return OperatorProfile(
        name=kind,
        display=display,
        partitions=plan.partition_count,
        output_rows=sums.get("output_rows"),
        cpu_nanoseconds=_cpu_nanoseconds(kind, sums, children),
        metrics=sums,
        started_at=min(starts, default=None),
        ended_at=max(ends, default=None),
        children=children,
    )


# Most are nought, over and over.
@lru_cache(maxsize=4096)
def _numbers(name: str, text: str) -> Mapping[str, int]:
    """The numbers of a metric that the binding gives as text alone; none of ratios and skews.

    >>> _numbers("row_groups_pruned_statistics", "11 total → 8 matched")
    {'row_groups_pruned_statistics_total': 11, 'row_groups_pruned_statistics_matched': 8}
    >>> _numbers("build_mem_used", "256.2 KB"), _numbers("selectivity", "5% (2/40)")
    ({'build_mem_used': 262349}, {})
    """
    pair = _PAIR.fullmatch(text)
    if pair:
        total, total_unit, matched, matched_unit = pair.groups()
        return {
            f"{name}_total": round(float(total) * _COUNT_UNITS[total_unit]),
            f"{name}_matched": round(float(matched) * _COUNT_UNITS[matched_unit]),
        }
    size = _SIZE.fullmatch(text)
    if size:
        return {name: round(float(size[1]) * _SIZE_UNITS[size[2]])}
    count = _COUNT.fullmatch(text)
    return {name: round(float(count[1]) * _COUNT_UNITS[count[2]])} if count else {}


def _row_groups(sums: dict[str, int]) -> dict[str, int]:
    """How many row groups a scan of Parquet files skipped and did not: its means work one after the other."""
    considered = sums.get(f"{_ROW_GROUP_PAIRS[0]}_total")
    if considered is None:
        return {}
    pruned = sums.get(_ROW_GROUPS_PRUNED_WHILE_RUNNING, 0) + sum(
        sums.get(f"{name}_total", 0) - sums.get(f"{name}_matched", 0) for name in _ROW_GROUP_PAIRS
    )
    return {ROW_GROUPS_PRUNED: pruned, ROW_GROUPS_MATCHED: considered - pruned}


def _cpu_nanoseconds(name: str, sums: dict[str, int], children: Sequence[OperatorProfile]) -> int | None:
    # A scan of files leaves reading and decoding out of elapsed_compute: it is 0 for a CSV file of which the
    # decoding takes all of the query's time. time_elapsed_processing has it, and contains what
    # elapsed_compute counts (projections and filters evaluated in the scan).
    counted = [sums[metric] for metric in ("elapsed_compute", "time_elapsed_processing") if metric in sums]
    if not counted:
        return None
    of_inputs = sum(
        min(sums.get(metric, 0), _in_the_same_task(children[side]))
        for metric, side in _WITH_INPUT.get(name, ())
    )
    return max(0, max(counted) - of_inputs)


def _in_the_same_task(operator: OperatorProfile) -> int:
    """The nanoseconds that an operator and those below it spend in the task that asks it for rows."""
    own = operator.cpu_nanoseconds or 0
    if operator.name == "RepartitionExec":
        return own
    if operator.name in _MERGING and any(child.partitions > 1 for child in operator.children):
        return own
    return own + sum(map(_in_the_same_task, operator.children))
