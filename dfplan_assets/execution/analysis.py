"""Where the time of a run went, what it scanned and spilled, and where the planner misjudged its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dfplan_assets.execution.profile import (
    ESTIMATED_ROWS,
    ROW_GROUPS_MATCHED,
    ROW_GROUPS_PRUNED,
    OperatorProfile,
)

_NANOSECONDS_PER_SECOND = 1e9


@dataclass(frozen=True)
class Totals:
    """Sums over all operators of a run.

    ``bytes_scanned``, ``row_groups_pruned`` and ``row_groups_matched`` (those that were not skipped) are None
    where no scan counts them, as those of CSV and JSON files.
    """

    spilled_bytes: int
    bytes_scanned: int | None
    row_groups_pruned: int | None
    row_groups_matched: int | None


@dataclass(frozen=True)
class OperatorTime:
    """One operator with the time that is its own.

    ``number`` is its place in pre-order, ``depth`` how far below the root it is, both from 0.
    ``exclusive_seconds`` is the time spent in its own code, without that of the operators that feed it,
    summed over its partitions; ``share`` is its part of the sum over all operators. None where the operator
    does not record it. ``after_inputs_seconds`` is wall time: from when the last operator that feeds it had
    nothing more to give to its own end (for a leaf, from its start); None where no moments are recorded.
    """

    number: int
    depth: int
    operator: OperatorProfile
    exclusive_seconds: float | None
    share: float | None
    after_inputs_seconds: float | None


@dataclass(frozen=True)
class Misestimate:
    """An operator that gave other numbers of rows than the planner expected.

    ``factor`` is how many times too many or too few: max(estimated / actual, actual / estimated) with
    numbers of at least 1, the q-error of Moerkotte, Neumann and Steidl, "Preventing Bad Plans by Bounding
    the Impact of Cardinality Estimation Errors", VLDB 2009.
    """

    number: int
    operator: OperatorProfile
    estimated_rows: int
    actual_rows: int
    factor: float


def walk(root: OperatorProfile) -> Iterator[OperatorProfile]:
    """All operators of a tree in pre-order."""
    return (operator for _, operator in _with_depth(root))


def cpu_seconds(root: OperatorProfile) -> float:
    """The CPU time of a whole plan, in seconds: the sum over those operators that record it."""
    return sum(operator.cpu_nanoseconds or 0 for operator in walk(root)) / _NANOSECONDS_PER_SECOND


def widest(root: OperatorProfile) -> int:
    """The partitions of the operator that has most."""
    return max(operator.partitions for operator in walk(root))


def totals(metrics: Iterable[Mapping[str, int]]) -> Totals:
    """The sums over the metrics of all operators of a run."""
    found: dict[str, int] = {}
    for operator in metrics:
        for name in ("spilled_bytes", "bytes_scanned", ROW_GROUPS_PRUNED, ROW_GROUPS_MATCHED):
            if name in operator:
                found[name] = found.get(name, 0) + operator[name]
    return Totals(
        # An operator that cannot spill does not count what it spilled.
        spilled_bytes=found.get("spilled_bytes", 0),
        bytes_scanned=found.get("bytes_scanned"),
        row_groups_pruned=found.get(ROW_GROUPS_PRUNED),
        row_groups_matched=found.get(ROW_GROUPS_MATCHED),
    )


def operator_times(root: OperatorProfile) -> tuple[OperatorTime, ...]:
    """All operators in pre-order with the time that is their own."""
    total = cpu_seconds(root)
    found = []
    for number, (depth, operator) in enumerate(_with_depth(root)):
        nanoseconds = operator.cpu_nanoseconds
        seconds = None if nanoseconds is None else nanoseconds / _NANOSECONDS_PER_SECOND
        share = None if seconds is None or not total else seconds / total
        found.append(OperatorTime(number, depth, operator, seconds, share, _after_inputs_seconds(operator)))
    return tuple(found)


def top_operators(root: OperatorProfile, count: int) -> tuple[OperatorTime, ...]:
    """The operators with most exclusive time, the costliest first, at most ``count`` of them."""
    recorded = [each for each in operator_times(root) if each.exclusive_seconds]
    return tuple(sorted(recorded, key=lambda each: -(each.exclusive_seconds or 0.0))[:count])


def misestimates(root: OperatorProfile, least_factor: float = 2.0) -> tuple[Misestimate, ...]:
    """The operators whose rows were misjudged by ``least_factor`` or more, the worst first.

    Where an operator only passes on what was misjudged below it, that is told once. None where no
    estimates were recorded, as in runs of older versions.
    """
    found = []
    for number, operator in enumerate(walk(root)):
        estimated, actual = _judged(operator)
        if estimated is None or actual is None or _judged(operator) in map(_judged, operator.children):
            continue
        larger, smaller = max(estimated, actual, 1), max(min(estimated, actual), 1)
        if larger >= least_factor * smaller:
            found.append(Misestimate(number, operator, estimated, actual, larger / smaller))
    return tuple(sorted(found, key=lambda each: -each.factor))


def _judged(operator: OperatorProfile) -> tuple[int | None, int | None]:
    return operator.metrics.get(ESTIMATED_ROWS), operator.output_rows


def _after_inputs_seconds(operator: OperatorProfile) -> float | None:
    if operator.started_at is None or operator.ended_at is None:
        return None
    ends = [child.ended_at for child in operator.children]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return None
    since = max(known, default=operator.started_at)
    return max(0.0, (operator.ended_at - since).total_seconds())


def _with_depth(root: OperatorProfile) -> Iterator[tuple[int, OperatorProfile]]:
    """All operators in pre-order; a loop, since plans can be deep."""
    pending = [(0, root)]
    while pending:
        depth, operator = pending.pop()
        yield depth, operator
        pending.extend((depth + 1, child) for child in reversed(operator.children))
