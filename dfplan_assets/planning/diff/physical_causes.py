"""What changed in how the engine runs a query, in words: from the pairs of its two physical plans."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from dfplan_assets.planning.diff.alignment import Pair, is_join
from dfplan_assets.planning.diff.facts import PlanFacts
from dfplan_assets.planning.diff.query_causes import joined_tables
from dfplan_assets.planning.plan_tree import Node, parse_tree

_JOINS = {
    "HashJoinExec": "hash join",
    "NestedLoopJoinExec": "nested loop",
    "SortMergeJoinExec": "sort merge join",
    "CrossJoinExec": "cross join",
    "SymmetricHashJoinExec": "symmetric hash join",
    "PiecewiseMergeJoinExec": "piecewise merge join",
}
_MODES = {"CollectLeft": "one build side for all", "Partitioned": "partitioned by key"}


def physical_causes(before: PlanFacts, after: PlanFacts, pairs: Sequence[Pair]) -> list[str]:
    """The changes of a physical plan, joins first. Both sides have one."""
    joins, counted = [], Counter[str]()
    partitions: tuple[str, str] | None = None
    position = -1
    tables = _tables_of_joins(after)
    for pair in pairs:
        position += pair.after is not None
        if pair.before is None or pair.after is None:
            line = pair.after or pair.before
            assert line is not None
            counted[line.kind] += 1 if pair.before is None else -1
        elif is_join(pair.after.kind) and pair.change == "changed":
            what = f"join of {tables[position]}" if position in tables else "a join"
            kinds = [_JOINS.get(line.kind, line.kind) for line in (pair.before, pair.after)]
            modes = [_mode(line.exact) for line in (pair.before, pair.after)]
            if kinds[0] != kinds[1]:
                joins.append(f"{what} turned from {kinds[0]} to {kinds[1]}")
            elif modes[0] != modes[1]:
                joins.append(f"{what}: {modes[0]} → {modes[1]}")
            elif pair.before.exact != pair.after.exact:
                joins.append(f"{what} has its sides or keys in another order")
        elif pair.change == "changed" and partitions is None:
            numbers = [_partitions(line.exact) for line in (pair.before, pair.after)]
            if numbers[0] and numbers[1] and numbers[0] != numbers[1]:
                partitions = numbers[0], numbers[1]
    causes = list(dict.fromkeys(joins))
    if partitions is not None:
        causes.append(f"partitions: {partitions[0]} → {partitions[1]}")
    for verb, sign in (("new", 1), ("gone", -1)):
        kinds = [f"{abs(number)} {kind}" for kind, number in sorted(counted.items()) if number * sign > 0]
        if kinds:
            causes.append(f"{verb}: {', '.join(kinds)}")
    if not causes:
        changed = [pair.after.kind for pair in pairs if pair.change == "changed" and pair.after is not None]
        causes.append(f"the physical plan differs in {', '.join(dict.fromkeys(changed)) or 'its details'}")
    return causes


def scanned_tables(facts: PlanFacts) -> list[str | None]:
    """The tables that a physical plan's scans read, in order; None for one that is not clear."""
    found: list[str | None] = []

    def visit(node: Node) -> None:
        if node.kind == "DataSourceExec":
            found.append(_table(node.detail, facts))
        for child in node.children:
            visit(child)

    visit(parse_tree((facts.physical_plan or "").rstrip("\n")))
    return found


def _mode(detail: str) -> str:
    found = re.search(r"mode=(\w+)", detail)
    return _MODES.get(found.group(1), found.group(1)) if found else ""


def _partitions(detail: str) -> str:
    """The number of partitions that a repartition makes."""
    found = re.search(r"partitioning=\w+\((?:\[.*\], )?(\d+)\)", detail)
    return found.group(1) if found else ""


def _tables_of_joins(facts: PlanFacts) -> dict[int, str]:
    """The tables under each join of a physical plan, by its position in pre-order; known ones only."""
    assert facts.physical_plan is not None
    found: dict[int, str] = {}
    position = -1

    def visit(node: Node) -> list[str | None]:
        nonlocal position
        position += 1
        own = position
        if node.kind == "DataSourceExec":
            return [_table(node.detail, facts)]
        below = [table for child in node.children for table in visit(child)]
        if is_join(node.kind) and below and None not in below:
            found[own] = joined_tables([table for table in dict.fromkeys(below) if table is not None])
        return below

    visit(parse_tree(facts.physical_plan.rstrip("\n")))
    return found


def _table(scan: str, facts: PlanFacts) -> str | None:
    """The table that a scan reads: by its file's path, else by the columns it reads; None if unclear."""
    first = re.search(r"file_groups=\{[^\[]*\[\[([^,\]]*)", scan)
    path = PurePosixPath(re.sub(r":\d+\.\.\d+$", "", first.group(1)) if first else "")
    names = {*path.parts, path.stem}
    by_path = [table for table in facts.lineage.tables if table in names or table.rpartition(".")[2] in names]
    if len(by_path) == 1:
        return by_path[0]
    columns = re.search(r"projection=\[(.*?)\](?:, |$)", scan)
    read = set(columns.group(1).split(", ")) if columns else set()
    by_columns = [
        table for table, required in facts.lineage.required_columns.items() if set(required) == read
    ]
    return by_columns[0] if len(by_columns) == 1 else None
