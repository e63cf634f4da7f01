"""Which operators of a plan are drawn one by one, and which are folded into one row with others.

What is cheap and linear goes first: neighbours in a chain that took next to no time, and whole branches. Then
what is cheap goes into the row of the operator above it. What spilled or was misjudged is folded last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dfplan_assets.execution.analysis import OperatorTime, operator_times
from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.visual.operator_words import spilled_bytes

# Shares of the whole plan's time up to which operators are folded, tried one after the other: first among
# themselves alone, then into the operator above as well.
_CHEAP = (0.0005, 0.002, 0.005, 0.01)
_LESS_CHEAP = (0.01, 0.03, 0.1)
_INPUTS_OF_A_JOIN = 2


@dataclass(frozen=True)
class Row:
    """One operator, or several that hang together folded into one.

    ``operators`` are those it stands for, in pre-order; ``lane`` is how many columns to the right of the
    root's it is drawn, ``parent`` the place among the rows of the row that its rows go to, None for the root.
    ``is_named``: it is the row of its first operator, beside which the others count little.
    """

    operators: tuple[OperatorTime, ...]
    lane: int
    parent: int | None
    is_named: bool

    @property
    def folded(self) -> int:
        """How many operators are not to be seen in it."""
        return len(self.operators) - 1 if self.is_named else len(self.operators)

    @property
    def first(self) -> OperatorTime:
        """The operator whose rows leave it."""
        return self.operators[0]

    @cached_property
    def seconds(self) -> float:
        """The time of its operators, in seconds, summed over partitions."""
        return sum(each.exclusive_seconds or 0.0 for each in self.operators)

    @cached_property
    def share(self) -> float:
        """Its part of the whole plan's time."""
        return sum(each.share or 0.0 for each in self.operators)

    @cached_property
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
    """A plan as lists by an operator's number, and which operator's row each is in."""

    def __init__(self, root: OperatorProfile, marked: frozenset[int]) -> None:
        self.times = operator_times(root)
        count = len(self.times)
        self.children: list[list[int]] = [[] for _ in range(count)]
        self.parent = [0] * count  # of the root itself
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
            self.size[above] += self.size[number]
            self.cost[above] += self.cost[number]
            self.marks[above] += self.marks[number]
        self.drawn = count
        self._above_in_row = list(range(count))  # a way to the first operator of the row, which has itself

    def fold(self, most: int) -> None:
        """Folds until there are no more than ``most`` rows."""
        for share in _CHEAP:
            self._fold_chains(most, share)
            self._fold_branches(most, self._by_cost(share))
        for share in _LESS_CHEAP:
            self._fold_chains(most, share)
            self._fold_branches(most, self._by_cost(share))
            self._fold_upwards(most, share)
        everything = range(len(self.times))
        self._fold_branches(
            most, sorted(everything, key=lambda each: (self.marks[each], self.cost[each], self.size[each]))
        )

    def _by_cost(self, share: float) -> list[int]:
        """The operators that took at most a share with all below them, none of it marked; inputs first."""
        cheap = [
            number
            for number in range(1, len(self.times))
            if self.cost[number] <= share and not self.marks[number]
        ]
        return sorted(cheap, key=lambda number: (self.cost[number], self.size[number]))

    def _is_link(self, number: int, share: float) -> bool:
        return (
            number > 0
            and len(self.children[number]) == 1
            and self.share[number] <= share
            and not self.marked[number]
        )

    def _fold_chains(self, most: int, share: float) -> None:
        """Folds neighbours that have one input each and took no more than a share."""
        if self.drawn <= most:
            return
        for number in range(1, len(self.times)):
            if self._is_link(number, share) and self._is_link(self.parent[number], share):
                self._into_row_above(number)

    def _fold_branches(self, most: int, numbers: Iterable[int]) -> None:
        """Folds operators, each of which comes after its inputs, with all that is below them."""
        for number in numbers:
            if self.drawn <= most:
                return
            for child in self.children[number]:  # with all below it, since it came before
                self._into_row_above(child)

    def _fold_upwards(self, most: int, share: float) -> None:
        """Folds cheap branches, and what else is cheap and linear, into the row above.

        Of what is linear all or nothing, so that what is alike looks alike.
        """
        for number in self._by_cost(share):
            if self.drawn <= most:
                return
            self._into_row_above(number)
        if self.drawn > most:
            for number in range(1, len(self.times)):
                if self._is_link(number, share):
                    self._into_row_above(number)

    def _into_row_above(self, number: int) -> None:
        """Puts the row that an operator is in into that of the operator above it."""
        first, above = self._first_in_row(number), self._first_in_row(self.parent[number])
        if first != above:
            self._above_in_row[first] = above
            self.drawn -= 1

    def _first_in_row(self, number: int) -> int:
        first = number
        while self._above_in_row[first] != first:
            first = self._above_in_row[first]
        while self._above_in_row[number] != first:  # the way is short the next time
            self._above_in_row[number], number = first, self._above_in_row[number]
        return first

    def _is_named(self, members: Sequence[int]) -> bool:
        first, share = members[0], sum(self.share[number] for number in members)
        return len(members) == 1 or self.marked[first] or self.share[first] >= max(share / 2, _CHEAP[-1])

    def rows(self) -> Iterator[Row]:
        """The rows from the root down."""
        members: dict[int, list[int]] = {}
        below: dict[int, list[int]] = {}
        for number in range(len(self.times)):
            first = self._first_in_row(number)
            members.setdefault(first, []).append(number)
            below.setdefault(first, [])
            if first == number > 0:
                below[self._first_in_row(self.parent[number])].append(number)
        heights = dict.fromkeys(members, 1)
        for first in reversed(members):
            heights[first] += sum(heights[child] for child in below[first])
        placed = 0
        pending: list[tuple[int, int, int | None]] = [(0, 0, None)]
        while pending:
            first, lane, parent = pending.pop()
            operators = tuple(self.times[number] for number in members[first])
            yield Row(operators, lane, parent, self._is_named(members[first]))
            children = sorted(below[first], key=lambda child: (heights[child], child), reverse=True)
            side_by_side = len(children) > _INPUTS_OF_A_JOIN
            for place, child in enumerate(children):  # the last one pushed is the next one drawn
                pending.append((child, lane if place == 0 and not side_by_side else lane + 1, placed))
            placed += 1
