"""A run and its profile as ``dfplan show`` and ``dfplan profile`` print them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from dfplan_assets.cli.output import isoformat, number_or_none
from dfplan_assets.cli.sections import facts, lines
from dfplan_assets.execution.analysis import (
    Misestimate,
    OperatorTime,
    Totals,
    misestimates,
    operator_times,
    top_operators,
    totals,
    walk,
    widest,
)
from dfplan_assets.execution.profile import ESTIMATED_ROWS, InputSize, OperatorProfile, RunProfile
from dfplan_assets.store import RunRecord

_TOP_OPERATORS = 10
_MILLISECONDS_PER_SECOND = 1000


def run_document(run: RunRecord) -> dict[str, Any]:
    """All of a run; of its operators the tree, the costliest, and those whose rows were misjudged."""
    return {
        "status": run.status,
        "started_at": isoformat(run.started_at),
        "attempt": run.attempt,
        "dagster_run_id": run.dagster_run_id,
        "publication_version": run.publication_version,
        "partition_key": run.partition_key,
        "cores": run.cores,
        "peak_memory_bytes": run.peak_memory_bytes,
        "inputs": [vars(each) for each in run.inputs],
        "failure": run.failure,
        "profile": None if run.profile is None else _profile_document(run.profile),
    }


def run_facts(run: RunRecord) -> RenderableType:
    """The figures of a run as a whole."""
    profile = run.profile
    measured = [] if profile is None else _measured(profile)
    return facts(
        [
            ("status", run.status),
            ("started", isoformat(run.started_at)),
            *measured,
            ("peak memory", _bytes(run.peak_memory_bytes)),
            ("inputs", "\n".join(map(_input, run.inputs))),
            ("cores", "" if run.cores is None else str(run.cores)),
            ("attempt", "" if run.attempt == 1 else str(run.attempt)),
            ("Dagster run", run.dagster_run_id or ""),
            ("failure", run.failure or ""),
        ]
    )


def operator_tree(profile: RunProfile, inside: Callable[[str], str]) -> Iterator[RenderableType]:
    """All operators in pre-order, each with its number and the time that is its own."""
    rows = [
        (
            str(each.number),
            _count(each.operator.output_rows),
            _milliseconds(each.exclusive_seconds),
            _percent(each.share),
            str(each.operator.partitions),
            "  " * each.depth + inside(each.operator.display),
        )
        for each in operator_times(profile.root)
    ]
    yield lines(("", "rows", "own ms", "share", "partitions", "operator"), rows, right=(0, 1, 2, 3, 4))


def costliest(profile: RunProfile, inside: Callable[[str], str]) -> Iterator[RenderableType]:
    """The operators in which most of the time was spent."""
    rows = [
        (
            str(each.number),
            _milliseconds(each.exclusive_seconds),
            _percent(each.share),
            _milliseconds(each.after_inputs_seconds),
            _count(each.operator.output_rows),
            _count(each.operator.metrics.get(ESTIMATED_ROWS)),
            inside(each.operator.display),
        )
        for each in top_operators(profile.root, _TOP_OPERATORS)
    ]
    headings = ("", "own ms", "share", "after inputs ms", "rows", "expected", "operator")
    yield lines(headings, rows, right=(0, 1, 2, 3, 4, 5))
    yield Text(
        "own: in the operator's code, over all partitions; after inputs: wall time since it had all its rows",
        style="dim",
    )


def misjudged(profile: RunProfile, inside: Callable[[str], str]) -> Iterator[RenderableType]:
    """The operators that gave at least twice or at most half the rows that the planner expected."""
    found = misestimates(profile.root)
    if not found:
        expected = any(ESTIMATED_ROWS in each.metrics for each in walk(profile.root))
        yield Text("None." if expected else "The planner has no statistics to expect rows by.")
        return
    rows = [
        (
            str(each.number),
            f"{each.factor:,.1f} ×",
            f"{each.estimated_rows:,}",
            f"{each.actual_rows:,}",
            inside(each.operator.display),
        )
        for each in found
    ]
    yield lines(("", "off by", "expected", "rows", "operator"), rows, right=(0, 1, 2, 3))


def _profile_document(profile: RunProfile) -> dict[str, Any]:
    times = operator_times(profile.root)
    sums = _totals(profile)
    return {
        "wall_seconds": number_or_none(profile.wall_seconds),
        "cpu_seconds": number_or_none(profile.cpu_seconds),
        "rows": profile.output_rows,
        "bytes": profile.output_bytes,
        "partitions": widest(profile.root),
        **vars(sums),
        "top_operators": [_time_document(each) for each in top_operators(profile.root, _TOP_OPERATORS)],
        "misestimates": [_misestimate_document(each) for each in misestimates(profile.root)],
        "operators": _operator_document(profile.root, iter(times)),
    }


def _operator_document(operator: OperatorProfile, times: Iterator[OperatorTime]) -> dict[str, Any]:
    own = next(times)
    return {
        "number": own.number,
        "name": operator.name,
        "display": operator.display,
        "partitions": operator.partitions,
        "rows": operator.output_rows,
        "cpu_nanoseconds": operator.cpu_nanoseconds,
        "started_at": isoformat(operator.started_at),
        "ended_at": isoformat(operator.ended_at),
        "metrics": dict(operator.metrics),
        "children": [_operator_document(child, times) for child in operator.children],
    }


def _time_document(time: OperatorTime) -> dict[str, Any]:
    return {
        "number": time.number,
        "name": time.operator.name,
        "display": time.operator.display,
        "exclusive_seconds": time.exclusive_seconds,
        "share": time.share,
        "after_inputs_seconds": time.after_inputs_seconds,
        "rows": time.operator.output_rows,
        "estimated_rows": time.operator.metrics.get(ESTIMATED_ROWS),
    }


def _misestimate_document(found: Misestimate) -> dict[str, Any]:
    return {
        "number": found.number,
        "name": found.operator.name,
        "display": found.operator.display,
        "estimated_rows": found.estimated_rows,
        "rows": found.actual_rows,
        "factor": found.factor,
    }


def _measured(profile: RunProfile) -> list[tuple[str, str]]:
    sums = _totals(profile)
    pruned, matched = sums.row_groups_pruned, sums.row_groups_matched
    return [
        ("wall seconds", f"{profile.wall_seconds:,.3f}"),
        ("CPU seconds", f"{profile.cpu_seconds:,.3f}"),
        ("rows", f"{profile.output_rows:,}"),
        ("bytes", f"{profile.output_bytes:,}"),
        ("partitions", str(widest(profile.root))),
        ("bytes scanned", "" if sums.bytes_scanned is None else f"{sums.bytes_scanned:,}"),
        (
            "row groups",
            "" if pruned is None or matched is None else f"{matched:,} read, {pruned:,} skipped",
        ),
        ("spilled", _bytes(sums.spilled_bytes) if sums.spilled_bytes else "nothing"),
    ]


def _totals(profile: RunProfile) -> Totals:
    return totals(operator.metrics for operator in walk(profile.root))


def _input(size: InputSize) -> str:
    known = [f"{_count(size.rows)} rows"] if size.rows is not None else []
    known += [_bytes(size.bytes)] if size.bytes is not None else []
    return f"{size.table}: {', '.join(known) or 'size not known'}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _bytes(number: int | None) -> str:
    return "" if number is None else f"{number:,} bytes"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * _MILLISECONDS_PER_SECOND:,.3f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
