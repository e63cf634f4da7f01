"""Which operators of a plan are drawn one by one, and which are folded into one row with others.

What is cheap and linear goes first: neighbours in a chain that took next to no time. Then whole cheap
branches. What spilled or was misjudged stays as long as there is room for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dfplan_assets.execution.analysis import OperatorTime, operator_times
from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.visual.operator_words import spilled_bytes

# Shares of the whole plan's time up to which operators are folded, tried one after the other.
_SHARES = (0.002, 0.01, 0.03, 0.1, 1.0)
_TWO = 2


@dataclass(frozen=True)
class Row:
    """One operator, or several folded into one: a chain, or a branch with all that is below it.

    ``operators`` are those it stands for, in pre-order; ``lane`` is how many columns to the right of the
    root's it is drawn, ``parent`` the place among the rows of the row that its rows go to, None for the root.
    """

    operators: tuple[OperatorTime, ...]
    lane: int
    parent: int | None

    @property
    def is_fold(self) -> bool:
        """Whether it stands for more than one operator."""
        return len(self.operators) > 1

    @property
    def first(self) -> OperatorTime:
        """The operator whose rows leave it."""
        return self.operators[0]

    @property
    def seconds(self) -> float:
        """The time of its operators, in seconds, summed over partitions."""
        return sum(each.exclusive_seconds or 0.0 for each in self.operators)

    @property
    def share(self) -> float:
        """Its part of the whole plan's time."""
        return sum(each.share or 0.0 for each in self.operators)

    @property
    def spilled_bytes(self) -> int:
        """What its operators wrote to disk since their memory did not suffice."""
        return sum(spilled_bytes(each.operator) for each in self.operators)


def rows_of(root: OperatorProfile, marked: frozenset[int], most: int) -> tuple[Row, ...]:
    """The rows of a plan from its root down, at most ``most`` of them (at least one).

    Each row comes after the one that its rows go to. ``marked`` are the numbers of operators that are to
    be seen where possible. The largest branch of a join comes last and keeps its lane, so that joins of n
    operators take no more than 1 + log2(n) lanes; the inputs of a union stand side by side in the next one.
    """
    tree = _Tree(root, marked)
    tree.fold(max(1, most))
    return tuple(tree.rows())


class _Tree:
    """A plan as lists by an operator's number, and where it is folded."""

    def __init__(self, root: OperatorProfile, marked: frozenset[int]) -> None:
        self.times = operator_times(root)
        count = len(self.times)
        self.children: list[list[int]] = [[] for _ in range(count)]
        self.parent: list[int | None] = [None] * count
        path: list[int] = []
        for each in self.times:
            del path[each.depth :]
            if path:
                self.children[path[-1]].append(each.number)
                self.parent[each.number] = path[-1]
            path.append(each.number)
        self.share = [each.share or 0.0 for each in self.times]
        self.marked = [each.number in marked or spilled_bytes(each.operator) > 0 for each in self.times]
        # Of each operator with all below it.
        self.size, self.cost, self.marks = [1] * count, list(self.share), list(map(int, self.marked))
        for number in range(count - 1, 0, -1):
            above = self.parent[number]
            assert above is not None
            self.size[above] += self.size[number]
            self.cost[above] += self.cost[number]
            self.marks[above] += self.marks[number]
        self.branches: set[int] = set()  # the uppermost operators of folded branches
        self.inside = [False] * count  # folded into a branch, and not its uppermost
        self.chain_head: list[int | None] = [None] * count

    def fold(self, most: int) -> None:
        drawn = len(self.times)
        for share in _SHARES:
            if drawn <= most:
                return
            drawn = self._fold_chains(share)
            drawn = self._fold_branches(drawn, most, share, with_marks=False)
        if drawn > most:
            self._fold_branches(drawn, most, float("inf"), with_marks=True)

    def _fold_chains(self, share: float) -> int:
        """Folds neighbours with one input each that took at most a share; how many rows there are then."""
        drawn = 0
        for number, above in enumerate(self.parent):
            if self.inside[number]:
                continue
            self.chain_head[number] = number
            drawn += 1
            if above is None or not (self._is_link(number, share) and self._is_link(above, share)):
                continue
            self.chain_head[number] = self.chain_head[above]
            drawn -= 1
        return drawn

    def _is_link(self, number: int, share: float) -> bool:
        return (
            number > 0
            and len(self.children[number]) == 1
            and self.share[number] <= share
            and not self.marked[number]
            and number not in self.branches
        )

    def _fold_branches(self, drawn: int, most: int, share: float, *, with_marks: bool) -> int:
        candidates = [
            number
            for number in range(1, len(self.times))
            if self.size[number] > 1
            and self.cost[number] <= share
            and not self.inside[number]
            and (with_marks or not self.marks[number])
        ]
        for number in sorted(
            candidates, key=lambda each: (self.marks[each], self.cost[each], self.size[each])
        ):
            if drawn <= most:
                break
            if self.inside[number]:
                continue
            below = range(number + 1, number + self.size[number])
            drawn -= sum(1 for each in below if self._is_drawn(each))
            if not self._is_drawn(number):  # it leaves the chain that it was folded into
                drawn += 1
            self.chain_head[number] = number
            self.branches.difference_update(below)
            self.branches.add(number)
            for each in below:
                self.inside[each] = True
        return drawn

    def _is_drawn(self, number: int) -> bool:
        return not self.inside[number] and self.chain_head[number] in (None, number)

    def rows(self) -> Iterator[Row]:
        """The rows from the root down."""
        members: dict[int, list[int]] = {}
        for number in range(len(self.times)):
            if self.inside[number]:
                continue
            head = self.chain_head[number]
            members.setdefault(number if head is None else head, []).append(number)
        below: dict[int, Sequence[int]] = {}
        for head, chain in members.items():
            if head in self.branches:
                members[head] = list(range(head, head + self.size[head]))
                below[head] = ()
            else:
                below[head] = self.children[chain[-1]]
        heights = dict.fromkeys(members, 1)
        for head in reversed(members):
            heights[head] += sum(heights[child] for child in below[head])
        placed = 0
        pending: list[tuple[int, int, int | None]] = [(0, 0, None)]
        while pending:
            head, lane, parent = pending.pop()
            yield Row(tuple(self.times[number] for number in members[head]), lane, parent)
            children = sorted(below[head], key=lambda child: heights[child])
            many = len(children) > _TWO
            for place, child in enumerate(reversed(children)):
                pending.append((child, lane if place == 0 and not many else lane + 1, placed))
            placed += 1
