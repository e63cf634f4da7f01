"""Column lineage as Dagster shows it: a sentence for each column, and Dagster's own type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from dfplan_assets.planning.lineage.model import ColumnOrigin, Kind

_NAMES_SHOWN = 8


def origin_sentence(origins: Sequence[ColumnOrigin]) -> str:
    """Where one column comes from, in words, with at most eight names of each kind.

    >>> price, name = ColumnOrigin("orders", "price", "direct"), ColumnOrigin("nation", "name", "indirect")
    >>> origin_sentence([price, name])
    'from orders.price (direct); rows decided by nation.name (indirect)'
    >>> origin_sentence([])
    'from no column'
    """
    parts = [
        f"{words} {_listed(names)} ({kind})"
        for kind, words in (("direct", "from"), ("indirect", "rows decided by"))
        if (names := [f"{origin.table}.{origin.column}" for origin in origins if origin.kind == kind])
    ]
    return "; ".join(parts) or "from no column"


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


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"
