"""A small shop whose orders are read day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets_tests.small_projects import write_project

DAYS = ("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01")
"""The keys of ``daily``."""

ORDERS: Sequence[tuple[str, int]] = [
    ("2024-02-27", 1),
    ("2024-02-27", 2),
    ("2024-02-28", 10),
    # nothing on the 29th
    ("2024-03-01", 100),
    ("2024-03-01", 200),
]

DAILY = """\
/* ---
partitions: {by: order_date, every: day, from: 2024-02-27, to: 2024-03-02}
--- */
select order_date, amount from orders
where order_date >= $partition_start and order_date < $partition_end
"""

WHOLE = "select count(*) as orders, sum(amount) as amount from daily"


def write_orders(folder: Path, orders: Sequence[tuple[str, int]] = ORDERS) -> None:
    """The source ``orders``: days and amounts."""
    days = pa.array([date.fromisoformat(day) for day, _ in orders], pa.date32())
    amounts = pa.array([amount for _, amount in orders], pa.int64())
    pq.write_table(pa.table({"order_date": days, "amount": amounts}), folder / "orders.parquet")


def write_daily(folder: Path, views: Mapping[str, str] | None = None, daily: str = DAILY) -> Path:
    """A project of the view ``daily``, others, and their source."""
    folder.mkdir(parents=True, exist_ok=True)
    write_orders(folder)
    texts = {"daily": daily, **(views or {})}
    return write_project(
        folder,
        {f"{name}.sql": sql for name, sql in texts.items()},
        {"orders": "orders.parquet"},
        engine={"target_partitions": 2},
    )
