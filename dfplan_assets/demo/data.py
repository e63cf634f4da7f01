"""The demo's data: a retailer's orders, parts and suppliers, with its web shop and its targets.

    python -m dfplan_assets.demo.data [--project DIR]

The tables of TPC-H come from the command ``tpchgen-cli``; what a retailer has beside them (categories,
quarterly targets, web sessions) is derived from those tables with fixed seeds, so that one scale always
gives the same data. One setting chooses the scale: the environment variable ``DFPLAN_DEMO_SCALE``
(TPC-H's scale factor, 0.1 by default; 1 is about 6 million order lines).

    data/customer.parquet, orders.parquet, part.parquet, partsupp.parquet, supplier.parquet
    data/lineitem/*.parquet     four files
    data/region.csv, nation.csv
    data/categories.csv         product categories as a tree: metal, finish, range
    data/targets.arrow          revenue targets by region and quarter (Arrow IPC)
    data/events/*.jsonl         web sessions, one JSON object a line, one file a year
    data/manifest.json          the scale and every file with its size, written last

The data is made beside ``data/`` and moved into place when it is whole: an interrupted run leaves what was
there before, or nothing, never a part. Where the data of that scale is already there, nothing is done.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from dfplan_assets.errors import DfplanError, ExecutionError, InputError

SCALE_VARIABLE = "DFPLAN_DEMO_SCALE"
DEFAULT_SCALE = "0.1"
COMMAND = "tpchgen-cli"
EXTRA = "dfplan-assets[demo]"

_RECIPE = 1  # raised when the same scale gives other data than before
_MANIFEST = "manifest.json"
_PARTS_OF_LINEITEM = 4
_SESSIONS_PER_SCALE = 50_000
_FIRST_DAY, _LAST_DAY = datetime.date(1992, 1, 1), datetime.date(1998, 8, 2)  # of TPC-H's orders
_FIRST_DRAFT_QUARTER = datetime.date(1998, 7, 1)

_PAGES = ("/home", "/search", "/category", "/product", "/reviews", "/help")
_DEVICES = (
    ("phone", "android", 390, 844),
    ("phone", "ios", 393, 852),
    ("tablet", "ios", 820, 1180),
    ("desktop", "windows", 1920, 1080),
    ("desktop", "macos", 1728, 1117),
)
_CHANNELS = ("search", "email", "direct", "social", "affiliate")
_SEARCH_TERMS = ("brass", "copper", "nickel", "steel", "tin", "sale", "gift", "small", "large")


class _Manifest(TypedDict):
    recipe: int
    scale: str
    files: dict[str, int]  # bytes by path below the data folder


@dataclass(frozen=True)
class DemoData:
    """The data of one scale in ``folder``; ``made`` is False where it was already there."""

    folder: Path
    scale: str
    file_count: int
    total_bytes: int
    made: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data, talking to standard error; 0 when it is there, 1 when that failed, 2 for wrong input."""
    parser = argparse.ArgumentParser(
        prog="python -m dfplan_assets.demo.data",
        description=f"Make the demo's data. {SCALE_VARIABLE} chooses the scale ({DEFAULT_SCALE} by default).",
    )
    parser.add_argument(
        "--project",
        metavar="DIR",
        type=Path,
        default=Path(__file__).parent,
        help="the project folder that gets the data/ folder (default: the demo inside the package)",
    )
    project: Path = parser.parse_args(arguments).project
    started = time.perf_counter()
    try:
        data = make(project, scale_from_environment())
    except DfplanError as error:
        _say(f"error: {error}")
        return 2 if isinstance(error, InputError) else 1
    size = f"{data.file_count} files, {data.total_bytes / 1e6:.1f} MB"
    took = f"in {time.perf_counter() - started:.1f} s" if data.made else "already there"
    _say(f"scale {data.scale}: {size} in {data.folder}, {took}")
    return 0


def scale_from_environment() -> str:
    """The scale that ``DFPLAN_DEMO_SCALE`` chooses, in its shortest form; InputError if it is none."""
    text = os.environ.get(SCALE_VARIABLE, "").strip() or DEFAULT_SCALE
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.001 <= scale <= 1000:
        raise InputError(
            f"environment variable {SCALE_VARIABLE}",
            f"{text!r} is no scale.",
            "Give a number from 0.001 to 1000, such as 0.1.",
        )
    return f"{scale:g}"


def make(project: Path, scale: str) -> DemoData:
    """Make the data of ``scale`` in ``project/data``, unless it is already there and complete.

    Raises InputError when ``project`` is no folder, its ``data`` is not of this making, or ``tpchgen-cli`` is
    missing; ExecutionError when that command fails or the folder cannot be written.
    """
    if not project.is_dir():
        raise InputError(str(project), "This is no folder.", "Give the project's folder with --project.")
    project = project.resolve()
    target = project / "data"
    present = _present(target, scale)
    if present is not None:
        return present
    command = _command()
    try:
        with _only_one(project):
            # Another process may have made it while this one waited.
            return _present(target, scale) or _make(command, target, scale)
    except OSError as error:
        raise ExecutionError(
            str(project),
            f"The data cannot be written: {error}.",
            "If that folder is not yours to write in, copy it to a place of your own and give --project.",
        ) from error


def _make(command: Path, target: Path, scale: str) -> DemoData:
    partial, previous = target.with_name(".data.partial"), target.with_name(".data.previous")
    for leftover in (partial, previous):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir()
    try:
        _say(f"making TPC-H tables at scale {scale} with {COMMAND}")
        _generate_tables(command, partial, scale)
        _say("deriving categories and targets")
        _write_geography(partial)
        _write_categories(partial)
        _write_targets(partial)
        _say("deriving web sessions")
        _write_sessions(partial, round(_SESSIONS_PER_SCALE * float(scale)))
        _write_manifest(partial, scale)
        if target.exists():
            target.rename(previous)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if previous.exists():
        shutil.rmtree(previous)
    made = _present(target, scale)
    if made is None:
        raise ExecutionError(
            str(target), "The folder changed while it was made.", "Remove it and run this again."
        )
    return DemoData(made.folder, made.scale, made.file_count, made.total_bytes, made=True)


def _say(text: str) -> None:
    print(f"demo data: {text}", file=sys.stderr, flush=True)


@contextmanager
def _only_one(project: Path) -> Iterator[None]:
    # The folder itself is locked: a lock file of our own would have to stay behind.
    descriptor = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _command() -> Path:
    # The scripts folder of the running Python comes first: a virtual environment need not be activated.
    places = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
    found = shutil.which(COMMAND, path=places)
    if found is None:
        raise InputError(
            "the demo's data",
            f"The command {COMMAND}, which generates the tables, is not installed.",
            f"Install it with: pip install '{EXTRA}'",
        )
    return Path(found)


# --- what is there ---------------------------------------------------------------------------------


def _present(target: Path, scale: str) -> DemoData | None:
    """The data in ``target`` if it is whole and of this scale and recipe."""
    manifest = _manifest(target)
    if manifest is None or (manifest["scale"], manifest["recipe"]) != (scale, _RECIPE):
        return None
    sizes: dict[str, int] = manifest["files"]
    if any(not (target / path).is_file() or (target / path).stat().st_size != sizes[path] for path in sizes):
        return None
    return DemoData(target, scale, len(sizes), sum(sizes.values()), made=False)


def _manifest(target: Path) -> _Manifest | None:
    """What ``target`` should hold; None where nothing is. InputError for a folder of other origin."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    try:
        manifest = json.loads((target / _MANIFEST).read_text("utf-8"))
        return _Manifest(recipe=manifest["recipe"], scale=manifest["scale"], files=manifest["files"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            str(target),
            f"It has no readable {_MANIFEST}: this command did not make it and will not replace it.",
            "Move it away, or give another project with --project.",
        ) from error


def _write_manifest(folder: Path, scale: str) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    content: _Manifest = {"recipe": _RECIPE, "scale": scale, "files": sizes}
    (folder / _MANIFEST).write_text(json.dumps(content, indent=1) + "\n", "utf-8")


# --- the tables ------------------------------------------------------------------------------------


def _generate_tables(command: Path, folder: Path, scale: str) -> None:
    whole = ("region", "nation", "customer", "supplier", "part", "partsupp", "orders")
    _run(command, folder, scale, "--tables", ",".join(whole))
    _run(command, folder, scale, "--tables", "lineitem", "--parts", str(_PARTS_OF_LINEITEM))


def _run(command: Path, folder: Path, scale: str, *options: str) -> None:
    call = [str(command), "parquet", "--scale-factor", scale, "--output-dir", str(folder), "--quiet"]
    call += options
    done = subprocess.run(call, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or "nothing"
        raise ExecutionError(
            " ".join(call),
            f"The command failed with exit code {done.returncode} and said: {said}.",
            "Check that the disk has room, and that this command runs by itself.",
        )


def _write_geography(folder: Path) -> None:
    for name in ("region", "nation"):
        made = folder / f"{name}.parquet"
        csv.write_csv(_plain_strings(pq.read_table(made)), folder / f"{name}.csv")
        made.unlink()


def _plain_strings(table: pa.Table) -> pa.Table:
    # tpchgen-cli writes string views, which PyArrow's CSV writer and comparisons do not all take.
    views = {field.name for field in table.schema if field.type == pa.string_view()}
    fields = [field.with_type(pa.string()) if field.name in views else field for field in table.schema]
    return table.cast(pa.schema(fields))


# --- what a retailer has beside the tables ---------------------------------------------------------


def _write_categories(folder: Path) -> None:
    """A tree from the product types: "SMALL PLATED TIN" lies under "PLATED TIN", that under "TIN"."""
    types = _plain_strings(pq.read_table(folder / "part.parquet", columns=["p_type"]))["p_type"]
    names: set[tuple[str, ...]] = {()}
    for product_type in pc.unique(types).to_pylist():
        size, finish, metal = product_type.split(" ")
        names |= {(metal,), (metal, finish), (metal, finish, size)}
    ordered = sorted(names, key=lambda name: (len(name), name))
    keys = {name: key for key, name in enumerate(ordered, start=1)}
    columns = {
        "category_key": pa.array(list(keys.values()), pa.int64()),
        "parent_key": pa.array([keys[name[:-1]] if name else None for name in ordered], pa.int64()),
        "category_name": [" ".join(reversed(name)) or "ALL PRODUCTS" for name in ordered],
    }
    csv.write_csv(pa.table(columns), folder / "categories.csv")


def _write_targets(folder: Path) -> None:
    """For each region and quarter the value of its orders, times a factor a planner might have chosen."""
    nations = csv.read_csv(folder / "nation.csv").to_pylist()
    region_of_nation = {nation["n_nationkey"]: nation["n_regionkey"] for nation in nations}
    customers = pq.read_table(folder / "customer.parquet", columns=["c_custkey", "c_nationkey"])
    orders = pq.read_table(folder / "orders.parquet", columns=["o_custkey", "o_orderdate", "o_totalprice"])
    nation_keys = customers["c_nationkey"].take(pc.index_in(orders["o_custkey"], customers["c_custkey"]))
    quarters = pc.floor_temporal(orders["o_orderdate"], unit="quarter")
    totals = (
        pa.table({"nation": nation_keys, "quarter": quarters, "total": orders["o_totalprice"]})
        .group_by(["nation", "quarter"])
        .aggregate([("total", "sum")])
        .to_pylist()
    )
    values: dict[tuple[datetime.date, int], Decimal] = {}
    for row in totals:
        where = (row["quarter"], region_of_nation[row["nation"]])
        values[where] = values.get(where, Decimal(0)) + row["total_sum"]
    chance = random.Random("targets")
    rows = [
        {
            "region_key": region,
            "quarter_start": quarter,
            "target_revenue": (value * Decimal(85 + int(chance.random() * 30)) / 100).quantize(
                Decimal("0.01"), ROUND_HALF_UP
            ),
            "is_draft": quarter >= _FIRST_DRAFT_QUARTER,
        }
        for (quarter, region), value in sorted(values.items())
    ]
    schema = pa.schema(
        {
            "region_key": pa.int64(),
            "quarter_start": pa.date32(),
            "target_revenue": pa.decimal128(18, 2),
            "is_draft": pa.bool_(),
        }
    )
    with ipc.new_file(folder / "targets.arrow", schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))


def _write_sessions(folder: Path, count: int) -> None:
    """Web sessions with nested pages, carts and devices: a third of them ends in an order that exists."""
    orders = pq.read_table(folder / "orders.parquet", columns=["o_orderkey", "o_custkey", "o_orderdate"])
    chance = random.Random("sessions")
    # By session number; two sessions that draw the same order leave it to the later one.
    session_of_row = {
        _below(chance, orders.num_rows): number for number in range(1, count + 1) if chance.random() < 0.35
    }
    chosen = orders.take(pa.array(list(session_of_row), pa.int64()))
    bought = dict(zip(session_of_row.values(), chosen.to_pylist(), strict=True))
    carts = _carts(folder, chosen["o_orderkey"])
    customer_count = pq.read_metadata(folder / "customer.parquet").num_rows
    part_count = pq.read_metadata(folder / "part.parquet").num_rows

    events = folder / "events"
    events.mkdir()
    lines: dict[int, list[str]] = {year: [] for year in range(_FIRST_DAY.year, _LAST_DAY.year + 1)}
    for number in range(1, count + 1):
        order = bought.get(number)
        if order is None:
            day = _FIRST_DAY + datetime.timedelta(days=_below(chance, (_LAST_DAY - _FIRST_DAY).days + 1))
            customer = 1 + _below(chance, customer_count) if chance.random() < 0.6 else None
            cart = [
                {"product_key": 1 + _below(chance, part_count), "quantity": 1 + _below(chance, 20)}
                for _ in range(_below(chance, 4))
            ]
        else:
            day, customer, cart = order["o_orderdate"], order["o_custkey"], carts[order["o_orderkey"]]
        order_key = None if order is None else order["o_orderkey"]
        session = _session(chance, number, day)
        session |= {"customer_key": customer, "order_key": order_key, "cart": cart}
        lines[day.year].append(json.dumps(session, separators=(",", ":")))
    for year, of_year in lines.items():
        (events / f"{year}.jsonl").write_text("".join(f"{line}\n" for line in of_year), "utf-8")


def _session(chance: random.Random, number: int, day: datetime.date) -> dict[str, object]:
    kind, system, width, height = _DEVICES[_below(chance, len(_DEVICES))]
    pages = ["/home", *(_PAGES[_below(chance, len(_PAGES))] for _ in range(_below(chance, 7)))]
    seconds_of_day = 6 * 3600 + _below(chance, 17 * 3600)
    started = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(seconds=seconds_of_day)
    return {
        "session_id": f"S{number:08d}",
        "started_at": started.isoformat(),
        "channel": _CHANNELS[_below(chance, len(_CHANNELS))],
        "device": {"kind": kind, "system": system, "screen": {"width": width, "height": height}},
        "pages": [{"path": path, "seconds": 3 + _below(chance, 240)} for path in pages],
        "search_terms": [_SEARCH_TERMS[_below(chance, len(_SEARCH_TERMS))] for _ in range(_below(chance, 3))],
    }


def _carts(folder: Path, order_keys: pa.ChunkedArray) -> dict[int, list[dict[str, int]]]:
    columns = ["l_orderkey", "l_linenumber", "l_partkey", "l_quantity"]
    lines = pq.read_table(folder / "lineitem", columns=columns)
    lines = lines.filter(pc.is_in(lines["l_orderkey"], value_set=order_keys.combine_chunks()))
    carts: dict[int, list[dict[str, int]]] = {}
    for line in lines.sort_by([("l_orderkey", "ascending"), ("l_linenumber", "ascending")]).to_pylist():
        item = {"product_key": line["l_partkey"], "quantity": int(line["l_quantity"])}
        carts.setdefault(line["l_orderkey"], []).append(item)
    return carts


def _below(chance: random.Random, end: int) -> int:
    # Only random() itself is promised to give the same numbers in every Python release.
    return int(chance.random() * end)


if __name__ == "__main__":
    sys.exit(main())
