"""What lineage says about one view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["direct", "indirect"]


@dataclass(frozen=True, order=True)
class ColumnOrigin:
    """A column of a direct dependency that an output column comes from.

    ``direct``: values flow into the output column. ``indirect``: the column decides which rows,
    groups or branch the value comes from. A column that is both is listed once for each kind.
    """

    table: str
    column: str
    kind: Kind


@dataclass(frozen=True)
class Lineage:
    """Where a view's rows and columns come from.

    ``tables``: direct dependencies (sources and views), sorted.
    ``unused_tables``: tables that the planner resolved but the plan never reads (an unused CTE).
    ``columns``: for each output column, in output order, its origins, sorted.
    ``required_columns``: per table of ``tables`` the columns the query needs, in table order;
    empty for a table of which only the rows count.
    ``functions``: names of the functions called, sorted.
    """

    tables: tuple[str, ...]
    unused_tables: tuple[str, ...]
    columns: Mapping[str, tuple[ColumnOrigin, ...]]
    required_columns: Mapping[str, tuple[str, ...]]
    functions: tuple[str, ...]

    @property
    def row_origins(self) -> tuple[ColumnOrigin, ...]:
        """The indirect origins of every output column, sorted: what decides which rows there are."""
        indirect = [
            {each for each in origins if each.kind == "indirect"} for origins in self.columns.values()
        ]
        return tuple(sorted(set.intersection(*indirect))) if indirect else ()
