"""What handing a view's result to a Python asset costs in memory, against the table that it gets.

Each way of reading runs in a process of its own. What counts is the most memory that the process held while
it read (VmHWM), less what it held before, over ``pyarrow.Table.nbytes``: 1.00 is the table and nothing else.
``DFPLAN_BENCH_BYTES`` is how large the table is to be, 200 MB by default, of which the 30 MB or so that
decoding takes are more than of 1 GB, for which the bound of 1.10 is.
PyArrow's own readers are there for comparison. Theirs hold text as views, several of which share a buffer
that ``nbytes`` then counts more than once: so they are measured against the same table, of plain text.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import datafusion
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from dfplan_assets.execution.handing import read_table

BOUND, BOUND_BYTES = 1.10, 1_000_000_000
ROUNDS = 3
_BYTES_PER_ROW = 58
_SMALL_ROWS = 20_000
_QUERY = """
select
    value as id,
    random() as price,
    'customer number ' || cast(cast(random() * 1000000 as bigint) as varchar) as name,
    value % 2 = 0 as even,
    cast(value as timestamp) as at,
    case when value % 3 = 0 then null else value end as part
from generate_series(1, {rows})
"""

READERS: Mapping[str, Callable[[str], pa.Table]] = {
    "handed to an asset": lambda file: read_table([file]),
    "pyarrow.parquet.read_table": pq.read_table,
    "pyarrow.dataset.to_table": lambda file: ds.dataset(file).to_table(),
}


def main() -> None:
    """Prints peak over size for each way, the median and worst of some rounds."""
    asked = int(os.environ.get("DFPLAN_BENCH_BYTES", "200000000"))
    with tempfile.TemporaryDirectory() as folder:
        file, small = Path(folder) / "part-0.parquet", Path(folder) / "small.parquet"
        for path, rows in ((file, asked // _BYTES_PER_ROW), (small, _SMALL_ROWS)):
            query = _QUERY.format(rows=rows)
            datafusion.SessionContext().sql(f"copy ({query}) to '{path}' stored as parquet").collect()
        size = _measure("handed to an asset", file, small)[1]
        print(
            f"handing {size / 1e6:,.0f} MB as Arrow, from a file of {file.stat().st_size / 1e6:,.0f} MB: "
            "peak memory over the table's size"
        )
        for way in READERS:
            rounds = sorted(_measure(way, file, small) for _ in range(ROUNDS))
            ratios = [peak / size for peak, _, _ in rounds]
            seconds = sorted(taken for _, _, taken in rounds)[len(rounds) // 2]
            print(f"  {way:28} {ratios[len(ratios) // 2]:.3f}, at most {ratios[-1]:.3f}; {seconds:.2f} s")
            if way == "handed to an asset" and size >= BOUND_BYTES:
                print(f"  {'within' if ratios[-1] <= BOUND else 'beyond'} the bound of {BOUND:.2f}")


def _measure(way: str, file: Path, small: Path) -> tuple[int, int, float]:
    """Peak bytes, bytes of the table and seconds, of a process that reads the file in this way."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.handing", way, str(file), str(small)],
        check=True,
        capture_output=True,
        text=True,
    )
    peak, size, seconds = done.stdout.split()
    return int(peak), int(size), float(seconds)


def _child(way: str, file: str, small: str) -> None:
    READERS[way](small)  # what reading needs once and for all is no part of the cost: code, thread pools
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    started = time.perf_counter()
    table = READERS[way](file)
    print(_status("VmHWM") - before, table.nbytes, time.perf_counter() - started)


def _status(name: str) -> int:
    """A figure of this process in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    _child(*sys.argv[1:])
