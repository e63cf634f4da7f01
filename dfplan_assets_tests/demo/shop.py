"""The demo's raw data as plain Python values, read with PyArrow and the standard library alone."""

from __future__ import annotations

import csv
import datetime
import json
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow.ipc as ipc
import pyarrow.parquet as pq

FIRST_DAY = datetime.date(1993, 1, 1)
LAST_DAY = datetime.date(1998, 8, 2)


@dataclass(frozen=True)
class Line:
    """One order line; ``net`` is the price after discount and before tax."""

    order: int
    number: int
    product: int
    supplier: int
    quantity: int
    net: Decimal
    cost: Decimal
    returned: bool
    late: bool


@dataclass(frozen=True)
class Order:
    """One order with its lines by number."""

    key: int
    customer: int
    day: datetime.date
    priority: str
    billed: Decimal
    lines: tuple[Line, ...]

    @property
    def net(self) -> Decimal:
        """What all lines cost together."""
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def late_lines(self) -> int:
        """How many lines came after the day they were promised for."""
        return sum(line.late for line in self.lines)


@dataclass(frozen=True)
class Shop:
    """Everything; ``orders`` are those from the first reported year on, which is 1993."""

    orders: tuple[Order, ...]
    customers: dict[int, dict[str, object]]
    nations: dict[int, tuple[str, str]]  # nation and region by key
    offers: dict[int, list[dict[str, object]]]  # by product
    sessions: tuple[dict[str, object], ...]
    targets: tuple[dict[str, object], ...]

    @classmethod
    def read(cls, folder: Path) -> Shop:
        """Read the folder that ``dfplan_assets.demo.data`` made."""
        offers: dict[int, list[dict[str, object]]] = defaultdict(list)
        unit_costs: dict[tuple[int, int], Decimal] = {}
        for offer in pq.read_table(folder / "partsupp.parquet").to_pylist():
            offers[offer["ps_partkey"]].append(offer)
            unit_costs[offer["ps_partkey"], offer["ps_suppkey"]] = offer["ps_supplycost"]
        lines: dict[int, list[Line]] = defaultdict(list)
        for row in pq.read_table(folder / "lineitem").to_pylist():
            quantity = int(row["l_quantity"])
            line = Line(
                order=row["l_orderkey"],
                number=row["l_linenumber"],
                product=row["l_partkey"],
                supplier=row["l_suppkey"],
                quantity=quantity,
                net=row["l_extendedprice"] * (1 - row["l_discount"]),
                cost=quantity * unit_costs[row["l_partkey"], row["l_suppkey"]],
                returned=row["l_returnflag"] == "R",
                late=row["l_receiptdate"] > row["l_commitdate"],
            )
            lines[line.order].append(line)
        orders = tuple(
            Order(
                key=row["o_orderkey"],
                customer=row["o_custkey"],
                day=row["o_orderdate"],
                priority=row["o_orderpriority"],
                billed=row["o_totalprice"],
                lines=tuple(sorted(lines[row["o_orderkey"]], key=lambda line: line.number)),
            )
            for row in pq.read_table(folder / "orders.parquet").to_pylist()
            if row["o_orderdate"] >= FIRST_DAY
        )
        regions = {int(row["r_regionkey"]): row["r_name"].title() for row in _csv(folder / "region.csv")}
        return cls(
            orders=orders,
            customers={
                row["c_custkey"]: row for row in pq.read_table(folder / "customer.parquet").to_pylist()
            },
            nations={
                int(row["n_nationkey"]): (row["n_name"].title(), regions[int(row["n_regionkey"])])
                for row in _csv(folder / "nation.csv")
            },
            offers=offers,
            sessions=tuple(
                json.loads(line)
                for path in sorted((folder / "events").iterdir())
                for line in path.read_text("utf-8").splitlines()
            ),
            targets=tuple(ipc.open_file(folder / "targets.arrow").read_all().to_pylist()),
        )

    @property
    def lines(self) -> list[Line]:
        """The lines of all reported orders."""
        return [line for order in self.orders for line in order.lines]

    @property
    def net(self) -> Decimal:
        """What all reported orders cost together."""
        return sum((order.net for order in self.orders), Decimal(0))

    def orders_of(self) -> dict[int, list[Order]]:
        """The orders of each customer who has any, oldest first."""
        orders: dict[int, list[Order]] = defaultdict(list)
        for order in sorted(self.orders, key=lambda order: (order.day, order.key)):
            orders[order.customer].append(order)
        return orders

    def market_of(self, customer: int) -> tuple[str, str]:
        """The nation and region of a customer."""
        key = self.customers[customer]["c_nationkey"]
        assert isinstance(key, int)
        return self.nations[key]


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
