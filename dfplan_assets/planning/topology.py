"""The physical plan as a graph: operators, how rows are divided among partitions, where they must wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from datafusion import ExecutionPlan

from dfplan_assets.planning.bundle import PhysicalOperator, Role, Scan

_SCANS = ("DataSourceExec", "EmptyExec", "PlaceholderRowExec", "LazyMemoryExec", "WorkTableExec")
_SORTS = ("SortExec", "PartialSortExec")
_BUILD_SIDE_FIRST = ("HashJoinExec", "NestedLoopJoinExec", "CrossJoinExec", "PiecewiseMergeJoinExec")
_FILE_GROUPS = re.compile(r"file_groups=\{\d+ groups?: \[(.*?)\]\]?\}")
_BYTE_RANGE = re.compile(r":(\d+)\.\.(\d+)$")


def topology(plan: ExecutionPlan) -> tuple[PhysicalOperator, ...]:
    """The operators of a physical plan in pre-order, the root first.

    An operator is a pipeline breaker where it must see all rows of an input before it gives any:
    a sort, a hash aggregate (but not one over sorted input), the build side of a join.
    """
    operators: list[PhysicalOperator] = []
    _add(plan, is_build_side=False, operators=operators)
    return tuple(operators)


def _add(plan: ExecutionPlan, is_build_side: bool, operators: list[PhysicalOperator]) -> int:
    index = len(operators)
    display = plan.display().strip()
    name = re.split(r"[:\s]", display, maxsplit=1)[0]
    role = _role(name, display, is_build_side)
    # Its place in pre-order is before its children, whose indexes it must name.
    operators.append(_operator(index, plan, name, display, role, ()))
    builds = name in _BUILD_SIDE_FIRST
    children = tuple(
        _add(child, builds and position == 0, operators) for position, child in enumerate(plan.children())
    )
    operators[index] = _operator(index, plan, name, display, role, children)
    return index


def _operator(
    index: int, plan: ExecutionPlan, name: str, display: str, role: Role, children: Sequence[int]
) -> PhysicalOperator:
    partitioning = plan.output_partitioning
    scheme: str = partitioning.scheme
    if partitioning.hash_expressions:
        scheme += f"({', '.join(map(str, partitioning.hash_expressions))})"
    return PhysicalOperator(
        index=index,
        name=name,
        display=display,
        partitions=plan.partition_count,
        partitioning=scheme,
        role=role,
        pipeline_breaker=role in ("sort", "hash aggregate", "join build side"),
        children=tuple(children),
        scan=_scan(display) if name == "DataSourceExec" else None,
    )


def _role(name: str, display: str, is_build_side: bool) -> Role:
    if is_build_side:
        return "join build side"
    if name == "RepartitionExec":
        return "hash repartition" if "partitioning=Hash" in display else "round-robin repartition"
    if name == "SortPreservingMergeExec":
        return "sort-preserving merge"
    if name == "CoalescePartitionsExec":
        return "coalesce"
    if name in _SORTS:
        return "sort"
    if name == "AggregateExec":
        return "other" if "ordering_mode=Sorted" in display else "hash aggregate"
    return "scan" if name in _SCANS else "other"


def _scan(display: str) -> Scan:
    """What a scan's own text says: its files and their bytes, columns, filters and pruning predicate."""
    files: dict[str, int | None] = {}
    groups = _FILE_GROUPS.search(display)
    for entry in re.split(r"\], \[|, ", groups.group(1).strip("[]")) if groups else ():
        span = _BYTE_RANGE.search(entry)
        path = entry[: span.start()] if span else entry
        known = files.get(path, 0)
        size = int(span.group(2)) - int(span.group(1)) if span else _file_bytes(path)
        files[path] = None if size is None or known is None else known + size
    sizes = list(files.values())
    projection = re.search(r"projection=\[(.*?)\](?:, |$)", display)
    return Scan(
        files=tuple(files),
        bytes=None if not sizes or None in sizes else sum(size for size in sizes if size is not None),
        projection=tuple(projection.group(1).split(", ")) if projection and projection.group(1) else (),
        filters=_clause(display, "predicate"),
        pruning=_clause(display, "pruning_predicate"),
    )


def _file_bytes(path: str) -> int | None:
    """The size of a file that is read whole; a scan prints local paths without the first slash."""
    file = Path("/") / path
    return file.stat().st_size if file.is_file() else None


def _clause(display: str, name: str) -> str | None:
    """A predicate of a scan, up to the next clause of its text."""
    found = re.search(rf"(?:, ){name}=(.*?)(?=, (?:\w+)=|$)", display, re.DOTALL)
    return found.group(1) if found else None
