"""Views as tasks: what each waits for, how much it reads, and what its plan shows of its work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timezone

from dfplan_assets.forecast.sizes import TableSizes
from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.project.model import View
from dfplan_assets.project.partitions import Partition
from dfplan_assets.scheduling.model import PlanShape, Task

_NODE = re.compile(r"^ *(\w+(?: Join)?(?: ALL)?)", re.MULTILINE)
_JOINS = frozenset({"CrossJoin", "Subquery"})  # a subquery in an expression becomes a join
_AGGREGATES = frozenset({"Aggregate", "Distinct", "DistinctOn"})
_SCANS = frozenset({"TableScan", "Values", "EmptyRelation"})
# What only renames or wraps does no work of its own.
_NO_WORK = frozenset({"SubqueryAlias", "Subquery"})


def tasks_of(
    plan: ProjectPlan,
    views: Collection[str],
    partition_key: str | None = None,
    last_key: str | None = None,
) -> tuple[Task, ...]:
    """The stored ones of these views as tasks, in the order of the plan, without their shapes.

    Through those that are not stored, which never run, a task waits for what these read.

    ``partition_key`` is that for which those with partitions run, with ``last_key`` the first of those, None
    where none is asked for.

    ``input_bytes`` are those of the files that a view reads as they are now, None where one of them
    does not exist yet or is not on this machine.
    """
    sizes = TableSizes(plan)
    asked = frozenset(views)
    return tuple(
        _task(plan, view, sizes, partition_key, last_key)
        for view in plan.all_views
        if view in asked and not plan.is_virtual(view)
    )


def _task(
    plan: ProjectPlan, view: str, sizes: TableSizes, partition_key: str | None, last_key: str | None
) -> Task:
    tables = plan.stored_tables(view) if view in plan.views else plan.tables_of(view)
    # Of a range the last one stands for all: the first may lie before what was measured.
    partition = _partition(plan.project.views[view], last_key or partition_key)
    times = 1 if partition is None or last_key is None else _keys_between(partition, partition_key)
    planned = plan.views.get(view)
    return Task(
        name=view,
        upstream=tuple(table for table in tables if table in plan.project.views),
        fingerprint=None if planned is None else planned.identity.fingerprint,
        input_bytes=sizes.total(tables, partition),
        shape=None,
        user_priority=plan.project.views[view].priority,
        partition_key=None if partition is None or times != 1 else partition.key,
        times=times,
    )


def _keys_between(last: Partition, first: str | None) -> int:
    """How many partitions there are from the first to the last."""
    keys = last.of.keys(datetime.now(timezone.utc))
    return keys.index(last.key) - keys.index(first) + 1 if first in keys else 1


def _partition(view: View, key: str | None) -> Partition | None:
    partitions = view.partitions
    if partitions is None or key is None or not partitions.has(key, datetime.now(timezone.utc)):
        return None  # a key that is none makes the view fail, which is not for its forecast to say
    return Partition(partitions, key)


def with_shapes(plan: ProjectPlan, tasks: Sequence[Task], cores: int) -> tuple[Task, ...]:
    """The tasks with the shapes of those that are planned views.

    They are counted in the plans as written: a view that was never run has no other.
    """
    partitions = plan.project.engine.target_partitions or cores
    return tuple(
        task.of_shape(plan_shape(plan.views[task.name], task.input_bytes, partitions))
        if task.name in plan.views
        else task
        for task in tasks
    )


def plan_shape(plan: ViewPlan, scan_bytes: int | None, partitions: int) -> PlanShape:
    """What a plan as written shows of its work.

    Joins include subqueries in expressions, aggregates DISTINCT. With more than one partition the
    engine divides the rows anew once for each aggregate and window and twice for each join.
    """
    nodes = Counter(_NODE.findall(plan.logical_plan))
    joins = sum(count for node, count in nodes.items() if node.endswith(" Join") or node in _JOINS)
    aggregates = sum(nodes[node] for node in _AGGREGATES)
    return PlanShape(
        scan_bytes=scan_bytes,
        scans=sum(nodes[node] for node in _SCANS),
        joins=joins,
        sorts=nodes["Sort"],
        aggregates=aggregates,
        windows=nodes["WindowAggr"],
        repartitions=2 * joins + aggregates + nodes["WindowAggr"] if partitions > 1 else 0,
        operators=sum(nodes.values()) - sum(nodes[node] for node in _NO_WORK),
        partitions=partitions,
    )
