"""What checks cost: eight of them on a view of many rows, against the view alone and against a full scan.

The bar: those that share a scan read no more than one scan of the result does. A full scan reads every column
of the same published file, batch by batch, in the same engine. ``unique`` and
``relationships`` have queries of their own over their columns, whose figures stand apart.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dfplan_assets.execution.analysis import totals, walk
from dfplan_assets.execution.data_checks import Finding, evaluate
from dfplan_assets.execution.materialise import materialise
from dfplan_assets.execution.metrics import profile_operators
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime, open_runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_queries import plan_checks
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.planning.sources import register_result
from dfplan_assets.project import load_project

ROUNDS = 5
VIEW = """\
/* ---
checks:
  - not_null: [id, customer]
  - not_null: status
  - accepted_values: {column: status, values: [open, shipped, returned, lost]}
  - row_count: {min: 1}
  - expression: price >= 0
  - expression: discount between 0 and 1 and length(remark) > 0
  - unique: id
  - relationships: {column: customer, to: customers, field: id}
--- */
select id, customer, status, price, discount, remark from orders
"""


def main() -> None:
    """Prints the times of each round and the medians of the rounds' ratios."""
    rows = int(os.environ.get("DFPLAN_BENCH_ROWS", "3000000"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root, rows)
        plan = plan_project(load_project(root))
        warehouse = Warehouse.of(plan.project)
        planned = plan_checks(plan, "sales")
        print(f"eight checks on a view of {rows:,} rows")
        scan_ratios, all_ratios, run_ratios = [], [], []
        with open_runtime(plan.project.engine, warehouse) as runtime:
            publication = materialise(plan, "sales", warehouse, runtime).publication
            findings = evaluate(plan, planned, publication, warehouse, runtime)
            assert all(finding.passed for finding in findings), findings
            together = planned.only(each.check.name for each in findings if each.shared_by > 1)
            _print_bytes(findings, publication.bytes, _full_scan(plan, publication, runtime))
            for number in range(ROUNDS):
                run = _cpu_seconds(lambda: materialise(plan, "sales", warehouse, runtime))
                scan = _cpu_seconds(lambda: _full_scan(plan, publication, runtime))
                shared = _cpu_seconds(lambda: evaluate(plan, together, publication, warehouse, runtime))
                checks = _cpu_seconds(lambda: evaluate(plan, planned, publication, warehouse, runtime))
                scan_ratios.append(shared / scan)
                all_ratios.append(checks / scan)
                run_ratios.append((run + checks) / run)
                print(
                    f"  round {number + 1}, CPU seconds: view {run:.2f}, full scan {scan:.2f}, checks in the "
                    f"shared scan {shared:.2f}, all checks {checks:.2f}"
                )
        print(f"  shared scan against a full scan: median {statistics.median(scan_ratios):.2f}")
        print(f"  all eight checks against a full scan: median {statistics.median(all_ratios):.2f}")
        print(f"  view with its checks against the view alone: median {statistics.median(run_ratios):.2f}")


def _cpu_seconds(work: Callable[[], object]) -> float:
    """What all threads of this process took: whatever else runs on the machine does not count."""
    before = os.times()
    work()
    after = os.times()
    return after.user + after.system - before.user - before.system


def _write(root: Path, rows: int) -> None:
    ids = pa.array(range(rows))
    states = ["open", "shipped", "returned", "lost"]
    orders = pa.table(
        {
            "id": ids,
            "customer": pa.array([(number * 7919) % 100_000 for number in range(rows)]),
            "status": pa.array([states[number % 4] for number in range(rows)]),
            "price": pa.array([(number % 9973) / 7 for number in range(rows)]),
            "discount": pa.array([(number % 100) / 100 for number in range(rows)]),
            "remark": pa.array([f"remark {(number * 104729) % 1_000_003}" for number in range(rows)]),
        }
    )
    pq.write_table(orders, root / "orders.parquet")
    pq.write_table(pa.table({"id": pa.array(range(100_000))}), root / "customers.parquet")
    (root / "views").mkdir()
    (root / "views" / "sales.sql").write_text(VIEW)
    (root / "dfplan.yaml").write_text(
        "sources: {orders: orders.parquet, customers: customers.parquet}\nplanning: {validate: 'off'}\n"
    )


def _full_scan(plan: ProjectPlan, publication: Publication, runtime: Runtime) -> int:
    """Reads every column of a result; gives the bytes that this took."""
    ctx = runtime.session()
    register_result(ctx, publication.view, publication.files, plan.views[publication.view].schema)
    frame = ctx.sql(f"SELECT * FROM {publication.view}")
    rows = sum(batch.to_pyarrow().num_rows for batch in frame.execute_stream())
    assert rows == publication.rows
    root = profile_operators(frame.execution_plan())
    return totals(operator.metrics for operator in walk(root)).bytes_scanned or 0


def _print_bytes(findings: tuple[Finding, ...], published: int, scanned: int) -> None:
    print(f"  the result has {published:,} bytes, a full scan reads {scanned:,}")
    for finding in findings:
        if finding.bytes_scanned is None:
            print(f"    {finding.check.name}: reads nothing")
        else:
            shared = f", one scan for {finding.shared_by} checks" if finding.shared_by > 1 else ""
            print(f"    {finding.check.name}: {finding.bytes_scanned:,} bytes{shared}")


if __name__ == "__main__":
    main()
