"""A small bicycle hire company: tables, functions and rows that the planning tests share."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datafusion import Accumulator, SessionConfig, SessionContext, udaf, udf
from datafusion.catalog import Schema

from dfplan_assets.planning.function_collection import functions_of_modules

POINT = pa.struct([("lat", pa.float64()), ("lon", pa.float64())])
PART = pa.struct([("name", pa.string()), ("cost", pa.int32())])

TABLES: Mapping[str, pa.Schema] = {
    "stations": pa.schema(
        [
            ("id", pa.int64()),
            ("name", pa.string()),
            ("city", pa.string()),
            ("capacity", pa.int32()),
            ("opened", pa.date32()),
            ("location", POINT),
            ("tags", pa.list_(pa.string())),
        ]
    ),
    "rides": pa.schema(
        [
            ("id", pa.int64()),
            ("bike_id", pa.int64()),
            ("start_station", pa.int64()),
            ("end_station", pa.int64()),
            ("started", pa.timestamp("us")),
            ("ended", pa.timestamp("us")),
            ("fare", pa.decimal128(8, 2)),
            ("rider", pa.string()),
            ("rating", pa.int32()),
            ("notes", pa.string()),
        ]
    ),
    "bikes": pa.schema(
        [
            ("id", pa.int64()),
            ("model", pa.string()),
            ("bought", pa.date32()),
            ("weight", pa.float64()),
            ("parts", pa.list_(PART)),
        ]
    ),
    "weather": pa.schema(
        [("city", pa.string()), ("day", pa.date32()), ("temp", pa.float64()), ("rain", pa.bool_())]
    ),
    "Odd Names": pa.schema([("Mixed Case", pa.int64()), ("select", pa.string()), ("plain", pa.int64())]),
    "raw.events": pa.schema([("kind", pa.string()), ("at", pa.timestamp("ns", "UTC"))]),
}


def _rides() -> list[dict[str, object]]:
    start = dt.datetime(2024, 1, 5, 8)
    riders = ["ada", "bea", None, "cyd", "ada", "dee", "bea", "ada", "eve", "cyd", None, "dee"]
    ratings = [4, None, 5, 3, 4, 1, None, 5, 2, 3, 4, 5]
    return [
        {
            "id": i + 1,
            "bike_id": None if i == 7 else i % 4 + 1,
            "start_station": i % 5 + 1,
            "end_station": (i * 3) % 5 + 1,
            "started": start + dt.timedelta(hours=5 * i),
            "ended": start + dt.timedelta(hours=5 * i, minutes=7 + 11 * i % 60),
            "fare": None if i == 4 else Decimal(i * 7 % 10) / 2,
            "rider": riders[i],
            "rating": ratings[i],
            "notes": [None, "bell broken", "12", "fine", "r.id = o.id", "7"][i % 6],
        }
        for i in range(12)
    ]


ROWS: Mapping[str, list[dict[str, object]]] = {
    "stations": [
        {
            "id": i,
            "name": name,
            "city": city,
            "capacity": capacity,
            "opened": dt.date(2020, i, 1),
            "location": None if i == 4 else {"lat": 59.0 + i, "lon": 10.0 - i},
            "tags": tags,
        }
        for i, name, city, capacity, tags in [
            (1, "Harbour", "Oslo", 12, ["old", "sea"]),
            (2, "Market", "Oslo", 30, ["old"]),
            (3, "Library", "Bergen", 8, None),
            (4, "Park ", "Bergen", 25, []),
            (5, "Mill", "Tromso", None, ["old", "old", None]),
        ]
    ],
    "rides": _rides(),
    "bikes": [
        {
            "id": 1,
            "model": "Wren",
            "bought": dt.date(2022, 3, 4),
            "weight": 14.25,
            "parts": [{"name": "saddle", "cost": 9}, {"name": "bell", "cost": 3}],
        },
        {
            "id": 2,
            "model": "Finch",
            "bought": dt.date(2023, 7, 1),
            "weight": float("nan"),
            "parts": [{"name": "bell", "cost": 6}],
        },
        {"id": 3, "model": "Wren", "bought": dt.date(2024, 2, 9), "weight": 11.5, "parts": []},
        {"id": 6, "model": None, "bought": None, "weight": None, "parts": None},
    ],
    "weather": [
        {"city": city, "day": dt.date(2024, 1, day), "temp": temp, "rain": rain}
        for city, day, temp, rain in [
            ("Oslo", 5, 1.5, True),
            ("Oslo", 6, None, None),
            ("Bergen", 5, 6.25, True),
            ("Bergen", 6, 11.0, False),
            ("Narvik", 7, -8.0, False),
        ]
    ],
    "Odd Names": [{"Mixed Case": 1, "select": "x", "plain": 2}],
    "raw.events": [{"kind": "lock", "at": dt.datetime(2024, 1, 5, tzinfo=dt.timezone.utc)}],
}


def shorten(texts: pa.Array, length: pa.Array) -> pa.Array:
    """The first characters of each text."""
    return pc.utf8_slice_codeunits(texts.cast(pa.string()), 0, length[0].as_py())


class Spread(Accumulator):
    """Largest value minus smallest."""

    def __init__(self) -> None:
        """Start without a value."""
        self.low: int | None = None
        self.high: int | None = None

    def update(self, values: pa.Array) -> None:
        """Take in a batch."""
        low, high = pc.min(values).as_py(), pc.max(values).as_py()
        if low is not None:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)

    def merge(self, states: list[pa.Array]) -> None:
        """Take in the states of other partitions."""
        self.update(states[0])
        self.update(states[1])

    def state(self) -> list[pa.Scalar]:
        """Lowest and highest so far."""
        return [pa.scalar(self.low, pa.int64()), pa.scalar(self.high, pa.int64())]

    def evaluate(self) -> pa.Scalar:
        """The spread, None of no values."""
        return pa.scalar(None if self.low is None or self.high is None else self.high - self.low, pa.int64())


SHORTEN = udf(shorten, [pa.string(), pa.int64()], pa.string(), "immutable", "shorten")
SPREAD = udaf(Spread, pa.int64(), pa.int64(), [pa.int64(), pa.int64()], "immutable", "spread")
COMPANY_FUNCTIONS = functions_of_modules("tests", (sys.modules[__name__],))


def new_context(cores: int | None) -> SessionContext:
    """A session without tables, with the functions of the company."""
    config = SessionConfig().with_information_schema(True)
    if cores is not None:
        config = config.with_target_partitions(cores)
    ctx = SessionContext(config)
    ctx.catalog().register_schema("raw", Schema.memory_schema())
    COMPANY_FUNCTIONS.register(ctx)
    return ctx


def _reference(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def stand_in_context(
    tables: Mapping[str, pa.Schema] = TABLES, *, cores: int | None = None, backwards: bool = False
) -> SessionContext:
    """A session over tables that have a schema and no file."""
    ctx = new_context(cores)
    for name in sorted(tables, reverse=backwards):
        path = "file:///nowhere/"
        ctx.register_listing_table(_reference(name), path, schema=tables[name], file_extension=".parquet")
    return ctx


def real_context(folder: Path, cores: int = 2) -> SessionContext:
    """A session over Parquet files with a few rows, written to the folder unless they are there."""
    ctx = new_context(cores)
    for name, schema in TABLES.items():
        path = folder / f"{name}.parquet"
        if not path.exists():
            pq.write_table(pa.Table.from_pylist(ROWS[name], schema=schema), path)
        ctx.register_parquet(_reference(name), str(path))
    return ctx
