"""Other processes for the tests: ``python -m dfplan_assets_tests.execution.processes ROLE FOLDER …``.

Each tells on its standard output how far it is, and goes on when it is sent a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Stage, Warehouse
from dfplan_assets.project.model import Engine
from dfplan_assets_tests.execution.projects import plan_project, run

REPOSITORY = Path(__file__).parents[2]
ROWS_OF_NUMBER = 7919


def start(role: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a process in one of the roles below."""
    command = [sys.executable, "-m", "dfplan_assets_tests.execution.processes", role, *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hear(process: subprocess.Popen[str]) -> str:
    """The next line that a process says; fails with what it wrote to standard error where it ended."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    return line.strip()


def tell(process: subprocess.Popen[str], line: str = "") -> None:
    """Let a process go on."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def rows_of(number: int) -> int:
    """How many rows the result with this number has: never the same for two numbers in a row."""
    return 1 + number * ROWS_OF_NUMBER % 5000


def write_number(stage: Stage, number: int) -> int:
    """Write a result that can be checked: its rows all hold the number, and the number tells how many."""
    rows = rows_of(number)
    pq.write_table(pa.table({"number": [number] * rows}), stage.folder / "part-0.parquet", row_group_size=500)
    return rows


def check_number(publication: Publication) -> int:
    """Read a result with ``write_number``'s content; gives its number, raises where it is not whole."""
    [file] = publication.files
    values = pq.read_table(file)["number"].to_pylist()
    number: int = values[0]
    assert set(values) == {number}
    assert len(values) == publication.rows == rows_of(number)
    assert Path(file).stat().st_size == publication.bytes
    return number


def _hold(folder: str, view: str, number: str) -> None:
    """Hold a stage with a complete file in it until told to publish it."""
    warehouse = Warehouse(Path(folder), keep_results=2)
    with warehouse.stage(view) as stage:
        rows = write_number(stage, int(number))
        print("staged", flush=True)
        input()
        print(warehouse.publish(stage, rows).version, flush=True)


def _copy_for_ever(folder: str) -> None:
    """Materialise a view that writes rows as long as it is let."""
    many = "generate_series(1, 1000000)"
    plan = plan_project(
        Path(folder), {"v": f"select a.value as a, b.value as b from {many} a cross join {many} b"}
    )
    print("starting", flush=True)
    run(plan)


def _spill(folder: str, numbers: str) -> None:
    """Hold a sort open that has spilled."""
    engine = Engine(1, 10 * 2**20, {"datafusion.execution.sort_spill_reservation_bytes": "1000000"})
    with open_runtime(engine, Warehouse(Path(folder) / "warehouse", keep_results=1)) as runtime:
        ctx = runtime.session()
        ctx.register_parquet("numbers", numbers)
        stream = ctx.sql("select n, key from numbers order by key").execute_stream()
        next(iter(stream))
        print("spilled", flush=True)
        input()


def _publish_many(folder: str, view: str, first: str, count: str) -> None:
    """Publish so many results in a row; the versions as JSON at the end."""
    warehouse = Warehouse(Path(folder), keep_results=1000)
    print("ready", flush=True)
    input()
    versions = []
    for number in range(int(first), int(first) + int(count)):
        with warehouse.stage(view) as stage:
            versions.append(warehouse.publish(stage, write_number(stage, number)).version)
    print(json.dumps(versions), flush=True)


def _read_until(folder: str, view: str, last: str) -> None:
    """Ask for the last result and read it, again and again, until it is the one with this number.

    Each result is read once more one round later, when newer ones may have been published.
    """
    warehouse = Warehouse(Path(folder), keep_results=1)
    print("ready", flush=True)
    before: Publication | None = None
    numbers: list[int] = []
    while not numbers or numbers[-1] != int(last):
        publication = warehouse.current(view)
        assert publication is not None
        numbers.append(check_number(publication))
        if before is not None:
            check_number(before)
        before = publication
    print(json.dumps(numbers), flush=True)


_ROLES: dict[str, Callable[..., None]] = {
    "hold": _hold,
    "copy-for-ever": _copy_for_ever,
    "spill": _spill,
    "publish-many": _publish_many,
    "read-until": _read_until,
}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](*sys.argv[2:])
