"""What is known of the rows and columns of a relation while a plan is walked from its leaves."""

from __future__ import annotations

from dataclasses import dataclass

# Columns of direct dependencies, as (table, column) pairs.
Origins = frozenset[tuple[str, str]]
NONE: Origins = frozenset()


@dataclass(frozen=True)
class Use:
    """The columns that an expression uses: as values, to decide, or merely needed to run."""

    direct: Origins = NONE
    indirect: Origins = NONE
    needed: Origins = NONE

    @property
    def any(self) -> Origins:
        """All columns that can change the expression's value."""
        return self.direct | self.indirect


@dataclass(frozen=True)
class Column:
    """An output column of a node: the names it can be called by, and where its values come from."""

    qualifier: str | None
    name: str
    direct: Origins
    indirect: Origins

    @property
    def any(self) -> Origins:
        """All columns that can change this column's values."""
        return self.direct | self.indirect


@dataclass(frozen=True)
class Relation:
    """The output of a node.

    ``rows``: columns that decide which rows there are, or in which groups; they are indirect
    origins of every column. ``order``: columns that the rows are sorted by here; they decide rows
    once a limit cuts. ``needed``: columns the query needs without being an origin of anything
    (a sort that no limit cuts). ``duplicates``: columns that decide how often a row occurs
    (DISTINCT, set operations, unnesting); where such a column is no part of the result, it is an
    indirect origin of every column, since it can be seen in no other way.
    """

    columns: tuple[Column, ...]
    rows: Origins = NONE
    order: Origins = NONE
    needed: Origins = NONE
    duplicates: Origins = NONE

    @property
    def values(self) -> Origins:
        """All columns that can change a value of any column."""
        return NONE.union(*(column.any for column in self.columns))

    @property
    def visible(self) -> Origins:
        """The columns whose values stand in the output."""
        return NONE.union(*(column.direct for column in self.columns))

    @property
    def hidden_duplicates(self) -> Origins:
        """The columns that decide how often rows occur and are no origin of any column yet."""
        return self.duplicates - self.values
