"""All views of a process share one memory limit, and spill where leftovers are swept."""

from __future__ import annotations

import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfplan_assets.execution.analysis import walk
from dfplan_assets.execution.runtime import open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.project.model import Engine
from dfplan_assets_tests.execution.processes import hear, start
from dfplan_assets_tests.execution.projects import parquet, plan_project, run, staged

ROWS = 1_000_000
SORT = "select n, key from numbers order by key"


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """The numbers below ROWS in an order of their own: the key is a permutation of n."""
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": range(ROWS), "key": [n * 7919 % ROWS for n in range(ROWS)]}), path)
    return path


def spilling(megabytes: float) -> Engine:
    settings = {"datafusion.execution.sort_spill_reservation_bytes": "1000000"}
    return Engine(target_partitions=1, memory_limit_bytes=int(megabytes * 2**20), settings=settings)


def test_a_sort_that_needs_more_memory_than_there_is_spills_and_is_right(
    tmp_path: Path, numbers: Path
) -> None:
    plan = plan_project(tmp_path, {"v": SORT}, {"numbers": parquet("numbers", numbers)}, engine=spilling(10))
    made = run(plan)
    [sort] = [operator for operator in walk(made.profile.root) if operator.name == "SortExec"]
    assert sort.metrics["spill_count"] > 0
    assert sort.metrics["spilled_bytes"] > 0
    assert pq.read_table(made.publication.files[0])["key"].to_pylist() == list(range(ROWS))
    assert staged(tmp_path / "warehouse") == []


def test_spilling_stays_inside_the_staging_area_of_the_output(tmp_path: Path, numbers: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1)
    with open_runtime(spilling(10), warehouse) as runtime:
        ctx = runtime.session()
        ctx.register_parquet("numbers", str(numbers))
        # Held open: what a query spilled goes with its stream.
        stream = ctx.sql(SORT).execute_stream()
        next(iter(stream))
        [place] = staged(warehouse.output)
        assert any(path.is_file() for path in place.glob("content/datafusion-*/*"))
        warehouse.sweep([])
        assert staged(warehouse.output) == [place]
        del stream
    assert staged(warehouse.output) == []


def test_what_a_killed_process_spilled_is_swept(tmp_path: Path, numbers: Path) -> None:
    output = tmp_path / "warehouse"
    process = start("spill", tmp_path, numbers)
    assert hear(process) == "spilled"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [place] = staged(output)
    assert list(place.glob("content/datafusion-*/*"))
    run(plan_project(tmp_path, {"v": "select 1 as a"}))
    assert staged(output) == []


def test_the_memory_limit_holds_for_all_sessions_together(tmp_path: Path, numbers: Path) -> None:
    # The build side of this join takes more than half of the memory, and keeps it while the stream is open.
    join = "select a.n, b.key from numbers a join numbers b on a.n = b.key"
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1)
    with open_runtime(spilling(20), warehouse) as runtime:
        streams = []
        for _ in range(2):
            ctx = runtime.session()
            ctx.register_parquet("numbers", str(numbers))
            streams.append(ctx.sql(join).execute_stream())
        first, second = streams
        next(iter(first))
        with pytest.raises(Exception, match="Resources exhausted"):
            next(iter(second))
        del first, second, streams
        ctx = runtime.session()
        ctx.register_parquet("numbers", str(numbers))
        next(iter(ctx.sql(join).execute_stream()))


def test_without_a_memory_limit_nothing_is_prepared(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse", keep_results=1)
    with open_runtime(Engine(None, None, {}), warehouse) as runtime:
        assert runtime.environment is None
        assert not warehouse.output.exists()


def test_settings_and_partitions_reach_the_sessions(tmp_path: Path) -> None:
    engine = Engine(3, None, {"datafusion.execution.batch_size": "17"})
    with open_runtime(engine, Warehouse(tmp_path, keep_results=1)) as runtime:
        series = runtime.session().sql("select value from generate_series(1, 100)")
        assert [batch.to_pyarrow().num_rows for batch in series.execute_stream()] == [17] * 5 + [15]
        grouped = runtime.session().sql("select value, count(*) from generate_series(1, 9) group by value")
        assert grouped.execution_plan().partition_count == 3
