"""Two plans side by side: which line became which, with what did not change folded away."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dfplan_assets.planning.diff.lines import PlanLine

Change = Literal["same", "changed", "removed", "added", "folded"]

_MARKS = {"same": " ", "changed": "|", "removed": "<", "added": ">", "folded": " "}
_NEVER = 10.0


@dataclass(frozen=True)
class Pair:
    """A line of the plan before with the line it became; one of them is None where there is none."""

    before: PlanLine | None
    after: PlanLine | None

    @property
    def change(self) -> Change:
        """What became of the line."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "same" if self.before.key == self.after.key else "changed"


@dataclass(frozen=True)
class TreeRow:
    """A row of two trees side by side.

    ``depth_before`` and ``depth_after`` are levels below the root. A row ``folded`` stands for
    ``nodes`` unchanged nodes, all others for one.
    """

    change: Change
    before: str | None
    after: str | None
    depth_before: int
    depth_after: int
    nodes: int = 1


def align(before: Sequence[PlanLine], after: Sequence[PlanLine]) -> tuple[Pair, ...]:
    """The pairs of two plans in order, by the cheapest way to turn one into the other."""
    head = 0
    while head < min(len(before), len(after)) and before[head].key == after[head].key:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail].key == after[-1 - tail].key:
        tail += 1
    rows, columns = before[head : len(before) - tail], after[head : len(after) - tail]
    # costs[i][j]: the least for turning rows[i:] into columns[j:].
    costs = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    for i in range(len(rows), -1, -1):
        for j in range(len(columns), -1, -1):
            choices = []
            if i < len(rows) and j < len(columns):
                choices.append(costs[i + 1][j + 1] + _cost(rows[i], columns[j]))
            if i < len(rows):
                choices.append(costs[i + 1][j] + _gap(rows[i]))
            if j < len(columns):
                choices.append(costs[i][j + 1] + _gap(columns[j]))
            costs[i][j] = min(choices, default=0.0)
    pairs = [Pair(*both) for both in zip(before[:head], after[:head], strict=True)]
    i = j = 0
    while i < len(rows) or j < len(columns):
        here = costs[i][j]
        if i < len(rows) and j < len(columns) and here == costs[i + 1][j + 1] + _cost(rows[i], columns[j]):
            pairs.append(Pair(rows[i], columns[j]))
            i, j = i + 1, j + 1
        elif i < len(rows) and here == costs[i + 1][j] + _gap(rows[i]):
            pairs.append(Pair(rows[i], None))
            i += 1
        else:
            pairs.append(Pair(None, columns[j]))
            j += 1
    ends = zip(before[len(before) - tail :], after[len(after) - tail :], strict=True)
    return (*pairs, *(Pair(*both) for both in ends))


def is_join(kind: str) -> bool:
    """Whether a node of this kind joins, in a logical or a physical plan."""
    return kind.endswith((" Join", "JoinExec"))


def _gap(line: PlanLine) -> float:
    """What it costs to leave a line alone: a join keeps its place before the distribution of rows does."""
    if is_join(line.kind):
        return 2.0
    return 0.6 if line.kind.startswith(("Repartition", "Coalesce")) else 1.0


def _cost(before: PlanLine, after: PlanLine) -> float:
    if before.key == after.key:
        return 0.001 * abs(before.depth - after.depth)
    if before.kind != after.kind and not (is_join(before.kind) and is_join(after.kind)):
        return _NEVER
    words, others = set(before.exact.split()), set(after.exact.split())
    common = len(words & others) / max(len(words | others), 1)
    return 1.0 - 0.5 * common if before.kind == after.kind else 1.2 - 0.5 * common


def fold(pairs: Sequence[Pair]) -> tuple[TreeRow, ...]:
    """The rows of two trees: what changed with the node above it, and the root; the rest folded."""
    shown = {0}
    for number, pair in enumerate(pairs):
        if pair.change != "same":
            shown.add(number)
            shown.update(_parents(pairs, number))
    rows: list[TreeRow] = []
    waiting: list[TreeRow] = []

    def flush() -> None:
        if len(waiting) > 1:
            first = waiting[0]
            text = f"… {len(waiting)} unchanged nodes"
            rows.append(TreeRow("folded", text, text, first.depth_before, first.depth_after, len(waiting)))
        else:
            rows.extend(waiting)
        waiting.clear()

    for number, pair in enumerate(pairs):
        if number in shown:
            flush()
            rows.append(_row(pair))
        else:
            waiting.append(_row(pair))
    flush()
    return tuple(rows)


def _parents(pairs: Sequence[Pair], number: int) -> set[int]:
    found = set()
    for side in ("before", "after"):
        line: PlanLine | None = getattr(pairs[number], side)
        for above in range(number - 1, -1, -1):
            other: PlanLine | None = getattr(pairs[above], side)
            if line is not None and other is not None and other.depth < line.depth:
                found.add(above)
                break
    return found


def _row(pair: Pair) -> TreeRow:
    before, after = pair.before, pair.after
    text_before = None if before is None else before.text
    text_after = None if after is None else after.text
    if before is not None and after is not None and pair.change == "changed" and before.text == after.text:
        # They read alike and are not: 1 and 1.0, or columns of two tables.
        text_before, text_after = f"{before.kind}: {before.exact}", f"{after.kind}: {after.exact}"
    return TreeRow(
        pair.change,
        text_before,
        text_after,
        0 if before is None else before.depth,
        0 if after is None else after.depth,
    )


def side_by_side(rows: Sequence[TreeRow], width: int) -> str:
    """The rows as text of at most ``width`` columns: before, a mark, after.

    Marks: ``|`` changed, ``<`` removed, ``>`` added. What changed is wrapped, the rest cut.
    """
    column = max((width - 3) // 2, 20)
    lines: list[str] = []
    for row in rows:
        left = _cell(row.before, row.depth_before, column, whole=row.change != "same")
        right = _cell(row.after, row.depth_after, column, whole=row.change != "same")
        for number in range(max(len(left), len(right))):
            mark = _MARKS[row.change] if number == 0 else " "
            cells = [cell[number] if number < len(cell) else "" for cell in (left, right)]
            lines.append(f"{cells[0]:<{column}} {mark} {cells[1]}".rstrip())
    return "\n".join(lines)


def _cell(text: str | None, depth: int, width: int, *, whole: bool) -> list[str]:
    if text is None:
        return []
    # Deep plans would leave no room for their own text.
    indent = "  " * min(depth, (width - 16) // 2)
    if whole:
        return textwrap.wrap(
            text, width, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False
        )
    line = indent + text
    return [line if len(line) <= width else line[: width - 1] + "…"]
