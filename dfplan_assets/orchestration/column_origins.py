"""Column lineage as Dagster shows it: a sentence for each column, and Dagster's own type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import dagster as dg

from dfplan_assets.planning.lineage.model import ColumnOrigin, Kind

_NAMES_SHOWN = 8


def origin_sentence(origins: Sequence[ColumnOrigin], of_rows: Collection[ColumnOrigin] = ()) -> str:
    """Where one column comes from, in words, with at most eight names of each kind; without what holds for
    all rows, which is said once for the view.

    >>> price, name = ColumnOrigin("orders", "price", "direct"), ColumnOrigin("nation", "name", "indirect")
    >>> origin_sentence([price, name])
    'from orders.price (direct); decided by nation.name (indirect)'
    >>> origin_sentence([price, name], of_rows=[name])
    'from orders.price (direct)'
    >>> origin_sentence([])
    'from no column'
    """
    parts = [
        f"{words} {names_of(named)} ({kind})"
        for kind, words in (("direct", "from"), ("indirect", "decided by"))
        if (named := [each for each in origins if each.kind == kind and each not in of_rows])
    ]
    return "; ".join(parts) or "from no column"


def names_of(origins: Sequence[ColumnOrigin]) -> str:
    """The columns by name, at most eight of them."""
    names = [f"{origin.table}.{origin.column}" for origin in origins]
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def column_lineage(
    columns: Mapping[str, Sequence[ColumnOrigin]],
    kinds: frozenset[Kind],
    key_of: Callable[[str], dg.AssetKey],
) -> dg.TableColumnLineage:
    """The origins of the given kinds in Dagster's own type, which knows no kinds: each column once."""
    keys: dict[str, dg.AssetKey] = {}
    for origins in columns.values():
        for origin in origins:
            keys.setdefault(origin.table, key_of(origin.table))
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=keys[table], column_name=name)
                for table, name in dict.fromkeys(
                    (origin.table, origin.column) for origin in origins if origin.kind in kinds
                )
            ]
            for column, origins in columns.items()
        }
    )
