"""The text of a physical plan without what changes from planning to planning though the plan does not."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FILE_GROUPS = re.compile(r"file_groups=\{\d+ groups?: (.*?\]\]?)\}")
_PARTITION_VALUE = re.compile(r"=[^/]*")
_UNIONS = ("UnionExec", "InterleaveExec")


def normalised_physical_plan(text: str, *, folded: bool) -> str:
    """A physical plan's text without counters, paths and byte ranges, and with a partitioned table's
    partitions as one.

    ``folded``: the query calls ``now()`` or the like, and the planner wrote the moment of planning
    into the expressions; then operators and partitioning alone are kept.
    """
    text = _with_partitions_as_one(text)
    text = re.sub(r"file_groups=\{(\d+) groups?: .*?\]\]?\}", r"file_groups=\1", text)
    numbers: dict[str, int] = {}
    text = re.sub(
        r"(__common_expr_|__correlated_sq_|__scalar_sq_)(\d+)",
        lambda match: f"{match.group(1)}{numbers.setdefault(match.group(), len(numbers) + 1)}",
        text,
    )
    if not folded:
        return text
    kept = r"(?:mode|join_type|partitioning|input_partitions|file_groups|file_type)=[^,\[]*"
    return "\n".join(" ".join([line.split(":", 1)[0], *re.findall(kept, line)]) for line in text.split("\n"))


def _with_partitions_as_one(text: str) -> str:
    """The plan with each run of branches of a union that read partitions of one folder as one branch.

    A Delta table is read as a union of its partitions: one more tomorrow is no other plan. Partitions
    are told by folders that differ in the values of ``name=value`` alone. Of the one branch only the
    operators are kept, since the values stand in all else.
    """
    lines = text.rstrip("\n").split("\n")
    kept = _merged(lines)
    joined = "\n".join(kept) + text[len(text.rstrip("\n")) :]
    return (
        joined if len(kept) == len(lines) else re.sub(r"input_partitions=\d+", "input_partitions=…", joined)
    )


def _merged(tree: Sequence[str]) -> list[str]:
    """The lines of a subtree, its partitions as one."""
    kept = [tree[0]]
    is_union = _operator(tree[0]) in _UNIONS
    before = None
    start = 1
    while start < len(tree):
        end = _end_of_subtree(tree, start)
        branch = tree[start:end]
        shape = _shape_of_partition(branch) if is_union else None
        if shape is None:
            kept += _merged(branch)
        elif shape != before:
            kept += [line.split(":", 1)[0] for line in branch]
        before, start = shape, end
    return kept


def _end_of_subtree(lines: Sequence[str], start: int) -> int:
    depth = _depth(lines[start])
    end = start + 1
    while end < len(lines) and _depth(lines[end]) > depth:
        end += 1
    return end


def _operator(line: str) -> str:
    return line.split(":", 1)[0].strip()


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shape_of_partition(branch: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """The operators of a branch and the folders it reads, without values; None unless it reads partitions."""
    folders: set[str] = set()
    for line in branch:
        if _operator(line) in _UNIONS:
            return None
        groups = _FILE_GROUPS.search(line)
        if groups is not None:
            files = re.split(r"\], \[|, ", groups.group(1).strip("[]"))
            folders.update(_PARTITION_VALUE.sub("=", file.rpartition("/")[0]) for file in files)
    if not folders or not all(folder.endswith("=") for folder in folders):
        return None
    return tuple(line.split(":", 1)[0] for line in branch), frozenset(folders)
