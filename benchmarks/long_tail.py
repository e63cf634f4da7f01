"""A real run with a long tail, materialised in turns with ``scheduling: off`` and ``measured``.

Forty views over one generated table: a chain of four that take long and whose names sort last, and 36
short ones of different lengths. Every view runs on one partition, so that a view that runs alone leaves
a core idle; two run at once. A first run, which is not counted, makes the history. The makespan is from
the first step's start to the last one's end, as Dagster's events have them; the lower bound is
max(work / 2, longest path) of the very same run's steps.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.orchestration.assets import op_names
from dfplan_assets.orchestration.instance import open_instance
from dfplan_assets.orchestration.runs import run_views
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.project.model import Scheduling
from dfplan_assets.scheduling.graph import TaskGraph

ROUNDS = 5
WORKERS = 2
SHORT_VIEWS = 36
CHAIN = 4

SHORT = """
select k % {groups} as g, count(*) as n, sum(x * y) as total, stddev(x) as spread
from (select k, x, y from facts where k % 100 < {percent}) t group by k % {groups}
"""
LONG = """
select k, x, y from (
    select k, y as x, x + y / 2 as y, row_number() over (partition by k % 97 order by y, x, k) as place
    from {above}
) t where place % 20 <> 0
"""


class _Silent:
    def on_selected(self, views: tuple[str, ...]) -> None:
        """Says nothing."""

    def on_order(self, line: str) -> None:
        """Says nothing."""

    def on_start(self, view: str) -> None:
        """Says nothing."""

    def on_outcome(self, outcome: object) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class _Run:
    makespan_seconds: float
    lower_bound_seconds: float

    @property
    def ratio(self) -> float:
        return self.makespan_seconds / self.lower_bound_seconds


def main() -> None:
    """Prints both makespans of each round, and their ratios to the lower bound."""
    os.environ.pop("DAGSTER_HOME", None)
    rows = int(os.environ.get("DFPLAN_LONG_TAIL_ROWS", "400000"))
    with tempfile.TemporaryDirectory() as folder:
        write_long_tail(Path(folder), rows)
        plan = plan_project(load_project(Path(folder)))
        orders = {order: _ordered(plan, order) for order in ("off", "measured")}
        _run(orders["off"])
        print(f"{len(plan.views)} views with a long tail over {rows:,} rows, {WORKERS} at once")
        print("         off                            measured")
        print("  round  makespan s  bound s  ratio     makespan s  bound s  ratio")
        found: dict[str, list[_Run]] = {order: [] for order in orders}
        for number in range(1, ROUNDS + 1):
            # The order within a round changes, so that what drifts over time favours neither.
            for order in list(orders) if number % 2 else list(reversed(orders)):
                found[order].append(_run(orders[order]))
            off, measured = found["off"][-1], found["measured"][-1]
            print(f"  {number:5}  {_columns(off)}     {_columns(measured)}")
        medians = {
            order: statistics.median(run.makespan_seconds for run in runs) for order, runs in found.items()
        }
        ratios = {order: statistics.median(run.ratio for run in runs) for order, runs in found.items()}
        print(f"  median makespan: off {medians['off']:.2f} s, measured {medians['measured']:.2f} s")
        print(f"  median ratio to the bound: off {ratios['off']:.3f}, measured {ratios['measured']:.3f}")


def write_long_tail(folder: Path, rows: int) -> None:
    """The project: a generated table, the short views, and the chain ``z1`` to ``z4``."""
    chance = random.Random(7)
    (folder / "views").mkdir()
    (folder / "data").mkdir()
    table = {
        "k": list(range(rows)),
        "x": [chance.random() for _ in range(rows)],
        "y": [chance.gauss(0.0, 1.0) for _ in range(rows)],
    }
    pq.write_table(pa.table(table), folder / "data" / "facts.parquet")
    views = {
        f"a{number:02}": SHORT.format(groups=chance.randint(10, 5_000), percent=chance.randint(5, 100))
        for number in range(SHORT_VIEWS)
    }
    views |= {
        f"z{number}": LONG.format(above="facts" if number == 1 else f"z{number - 1}")
        for number in range(1, CHAIN + 1)
    }
    for name, sql in views.items():
        (folder / "views" / f"{name}.sql").write_text(sql, encoding="utf-8")
    document = {
        "name": "long_tail",
        "sources": {"facts": "data/facts.parquet"},
        "engine": {"target_partitions": 1},
    }
    (folder / "dfplan.yaml").write_text(json.dumps(document), encoding="utf-8")


def _ordered(plan: ProjectPlan, order: str) -> ProjectPlan:
    scheduling = Scheduling(order="off" if order == "off" else "measured", max_concurrent=WORKERS)
    return replace(plan, project=replace(plan.project, scheduling=scheduling))


def _run(plan: ProjectPlan) -> _Run:
    report = run_views(plan, None, _Silent())
    assert report.success
    with open_instance(plan.project.root) as instance:
        steps = {stats.step_key: stats for stats in instance.get_run_step_stats(report.run_id)}
    view_of_step = {step: view for view, step in op_names(plan.all_views).items()}
    seconds, starts, ends = {}, [], []
    for key, stats in steps.items():
        assert stats.start_time is not None
        assert stats.end_time is not None
        seconds[view_of_step[key]] = stats.end_time - stats.start_time
        starts.append(stats.start_time)
        ends.append(stats.end_time)
    graph = TaskGraph.of({view: plan.tables_of(view) for view in seconds})
    levels = graph.bottom_levels([seconds[name] for name in graph.names])
    return _Run(max(ends) - min(starts), max(sum(seconds.values()) / WORKERS, max(levels)))


def _columns(run: _Run) -> str:
    return f"{run.makespan_seconds:10.2f}  {run.lower_bound_seconds:7.2f}  {run.ratio:5.3f}"


if __name__ == "__main__":
    main()
