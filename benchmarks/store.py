"""How fast the plan artifact store is, on SQLite and, with a URL, on PostgreSQL.

    python -m benchmarks.store [--postgresql URL] [--views 1000] [--runs 10] [--format text|json]

The bundles carry the real ``information_schema`` of DataFusion (0.8 MB) and plans of 30 operators.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import datafusion
import pyarrow as pa

from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.planning.bundle import (
    EnvironmentPart,
    Identity,
    PhysicalOperator,
    PlanBundle,
    RuleEffect,
    Scan,
    SubstraitPlan,
    Validation,
)
from dfplan_assets.planning.lineage.model import ColumnOrigin, Lineage
from dfplan_assets.store import InputSize, RunRecord, Store, open_store

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_OPERATORS = 30


@dataclass(frozen=True)
class Figure:
    """One measurement: median and 95th percentile over ``samples``, and the bar, in milliseconds."""

    database: str
    what: str
    median_ms: float
    p95_ms: float
    bar_ms: float | None
    samples: int


def real_environment(mark: str = "") -> tuple[EnvironmentPart, ...]:
    """The parts of a session's information_schema; another ``mark`` makes all of them new."""
    session = datafusion.SessionContext(datafusion.SessionConfig().with_information_schema(True))
    parts = []
    for name in ("df_settings", "tables", "columns", "views", "routines", "parameters"):
        rows = session.sql(f"SELECT * FROM information_schema.{name}").to_arrow_table().to_pylist()
        content = json.dumps([mark, *rows])
        parts.append(EnvironmentPart(name, content, sha256(content.encode()).hexdigest()))
    return tuple(parts)


def make_bundle(view: str, number: int, environment: tuple[EnvironmentPart, ...]) -> PlanBundle:
    """A plan as large as those of TPC-DS, of which every text depends on ``number``."""
    scan = Scan((f"data/part-{number}.parquet",), 1_000_000, ("a", "b", "c"), f"a > {number}", None)
    lines = [
        f"{'  ' * (step % 12)}HashJoinExec: mode=Partitioned, on=[(key_{step}@0, k_{number}@1)]"
        for step in range(_OPERATORS)
    ]
    plan = "\n".join(lines)
    topology = tuple(
        PhysicalOperator(
            index=step,
            name="HashJoinExec",
            display=line.strip(),
            partitions=4,
            partitioning=f"Hash([key_{step}@0], 4)",
            role="scan" if step == _OPERATORS - 1 else "join build side",
            pipeline_breaker=step % 3 == 0,
            children=() if step == _OPERATORS - 1 else (step + 1,),
            scan=scan if step == _OPERATORS - 1 else None,
        )
        for step, line in enumerate(lines)
    )
    columns = {
        f"c{column}": tuple(ColumnOrigin("orders", f"column_{each}", "direct") for each in range(5))
        for column in range(12)
    }
    parts = {name: sha256(f"{name} {number}".encode()).hexdigest() for name in ("meaning", "physical")}
    return PlanBundle(
        view=view,
        sql=f"select {number}, {', '.join(columns)} from orders\n" * 20,
        lineage=Lineage(("orders",), (), columns, {"orders": tuple(columns)}, ("sum", f"f{number}")),
        schema=pa.schema([pa.field(name, pa.float64()) for name in columns], {"number": str(number)}),
        logical_plan=f"logical {number}\n{plan}",
        optimized_plan=f"optimized {number}\n{plan}",
        substrait=SubstraitPlan(
            plan.encode(), None, (), Validation("not validated", "planning.validate: off")
        ),
        parameters=(),
        physical_plan=f"physical {number}\n{plan}",
        topology=topology,
        tree=f"tree {number}\n" + plan * 4,
        rules=tuple(
            RuleEffect("optimizer", f"rule_{each}", f"{number} {each}\n{plan}") for each in range(15)
        ),
        environment=environment,
        identity=Identity(parts, parts["meaning"], parts["physical"], ()),
        planning_seconds=0.02,
    )


def make_run(view: str, number: int, bundle_key: str | None = None) -> RunRecord:
    """A successful run of that plan, with the metrics of each operator."""
    started_at = _START + timedelta(minutes=number)
    metrics = {f"metric_{each}": 1_000_003 * each + number for each in range(12)}
    node: OperatorProfile | None = None
    for step in range(_OPERATORS):
        node = OperatorProfile(
            name="HashJoinExec",
            display=f"HashJoinExec: mode=Partitioned, on=[(key_{step}@0, k@1)]",
            partitions=4,
            output_rows=1_000 * step,
            cpu_nanoseconds=1_000_000 + number,
            metrics=metrics,
            started_at=started_at,
            ended_at=started_at + timedelta(seconds=1),
            children=() if node is None else (node,),
        )
    assert node is not None
    return RunRecord(
        view=view,
        status="succeeded",
        started_at=started_at,
        profile=RunProfile(view, started_at, 1.0 + number / 100, 1.5, 1_000, 64_000, node),
        bundle_key=bundle_key,
        fingerprint=sha256(view.encode()).hexdigest(),
        inputs=(InputSize("orders", 1_500_000, 64_000_000),),
        cores=4,
    )


def timed(action: Callable[[int], object], times: int, *, warm: int = 2) -> list[float]:
    """Milliseconds of each of ``times`` calls with ever new numbers, the first ones left out."""
    for number in range(warm):
        action(number)
    taken = []
    for number in range(warm, warm + times):
        start = time.perf_counter()
        action(number)
        taken.append((time.perf_counter() - start) * 1_000)
    return taken


def figure(database: str, what: str, taken: list[float], bar_ms: float | None = None) -> Figure:
    """The summary of some measurements."""
    p95 = sorted(taken)[int(len(taken) * 0.95)]
    return Figure(database, what, round(statistics.median(taken), 3), round(p95, 3), bar_ms, len(taken))


def measure_bundles(database: str, store: Store) -> Iterator[Figure]:
    """Storing a bundle when nothing is new, when the plan is, and when the environment is too."""
    environment = real_environment()
    known = make_bundle("known", 0, environment)
    planned = [make_bundle("planned", number, environment) for number in range(42)]
    whole = [make_bundle("whole", 100 + number, real_environment(str(number))) for number in range(22)]
    taken = timed(lambda number: store.put_bundle(known, at=_START + timedelta(seconds=number)), 100)
    yield figure(database, "store a bundle, nothing new", taken, 5.0)
    taken = timed(lambda number: store.put_bundle(planned[number], at=_START), 40)
    yield figure(database, "store a bundle, the plan is new", taken, 15.0)
    taken = timed(lambda number: store.put_bundle(whole[number], at=_START), 20)
    yield figure(database, "store a bundle, the environment is new too", taken, 15.0)
    key = store.put_bundle(known, at=_START)
    yield figure(database, "read a whole bundle", timed(lambda _: store.bundle(key), 20))


def measure_runs(database: str, store: Store, views: int, runs: int) -> Iterator[Figure]:
    """Storing a run, and reading the latest of each view."""
    names = [f"view_{number}" for number in range(views)]
    records = [make_run(name, number) for number in range(runs) for name in names]
    taken = timed(lambda number: store.put_run(records[number]), len(records) - 2)
    yield figure(database, f"store a run of {_OPERATORS} operators", taken)
    found = store.latest_runs(names)
    assert [found[name].started_at for name in names] == [_START + timedelta(minutes=runs - 1)] * views
    what = f"read the latest run of each of {views} views"
    yield figure(database, what, timed(lambda _: store.latest_runs(names), 20), 200.0)
    what = f"read the latest successful run of each of {views} views"
    taken = timed(lambda _: store.latest_runs(names, status="succeeded"), 20)
    yield figure(database, what, taken, 200.0)
    yield figure(database, "read the history of a view", timed(lambda _: store.runs("view_1"), 20))


def measure_opening(database: str, url: str) -> Iterator[Figure]:
    """Opening a store that exists, in a process that has imported what it needs."""
    yield figure(database, "open a store", timed(lambda _: open_store(url).close(), 20))


def measure(url: str, views: int, runs: int) -> Iterator[Figure]:
    """All measurements on one database, which should be empty before."""
    database = url.split(":", 1)[0]
    with open_store(url) as store:
        yield from measure_bundles(database, store)
        yield from measure_runs(database, store, views, runs)
    yield from measure_opening(database, url)


@contextmanager
def sqlite_url() -> Iterator[str]:
    """A place for a store that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'plans.db'}"


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--postgresql", metavar="URL", help="an empty database to measure as well")
    parser.add_argument("--views", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=10, help="of each view")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args(arguments)
    with sqlite_url() as url:
        urls = [url, *([options.postgresql] if options.postgresql else [])]
        figures = [each for url in urls for each in measure(url, options.views, options.runs)]
    if options.format == "json":
        print(json.dumps([asdict(each) for each in figures], indent=2))
        return
    for each in figures:
        bar = "" if each.bar_ms is None else f"  bar {each.bar_ms:g}"
        print(f"{each.database:11} {each.what:52} {each.median_ms:9.2f} ms  p95 {each.p95_ms:9.2f}{bar}")


if __name__ == "__main__":
    main(sys.argv[1:])
