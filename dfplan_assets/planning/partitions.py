"""What partitions mean to a query: the values of their parameters, the column that tells them apart.

A partitioned view is planned once, with the values of a sample partition. Its identity and the plan that
is shown have the names of the parameters in their place: one plan serves all partitions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pyarrow as pa

from dfplan_assets.errors import PlanningError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.project.model import ParameterValue, View
from dfplan_assets.project.partitions import (
    PARTITION_PARAMETERS,
    Partition,
    Partitions,
    TimePartitions,
    unmappable,
)
from dfplan_assets.project.suggestions import did_you_mean

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def partition_parameters(partition: Partition, column: pa.DataType | None) -> dict[str, ParameterValue]:
    """The values of a partition's parameters, for a ``by`` column of a type (None: not known).

    ``partition_start`` and ``partition_end`` (exclusive) are dates for a column of dates, and moments for one
    of timestamps: with the zone UTC where the column has a zone, else as a clock in UTC shows them, which
    is what DataFusion takes timestamps without a zone for. Values have a ``partition_key`` alone.
    """
    partitions, key = partition.of, partition.key
    if not isinstance(partitions, TimePartitions):
        return {"partition_key": key}
    window = partitions.window(key)
    if column is not None and pa.types.is_timestamp(column):
        zone = None if column.tz is None else timezone.utc
        bounds = [moment.replace(tzinfo=zone) for moment in (window.start, window.end)]
        start, end = bounds
        return {"partition_start": start, "partition_end": end, "partition_key": key}
    if partitions.every == "hour":
        moments = [moment.replace(tzinfo=None) for moment in (window.start, window.end)]
        return {"partition_start": moments[0], "partition_end": moments[1], "partition_key": key}
    return {
        "partition_start": partitions.day_of(window.start),
        "partition_end": partitions.day_of(window.end),
        "partition_key": key,
    }


def with_sample(view: View, planned: pa.Schema) -> View:
    """A view with the parameters of its first partition, or of what would be that.

    ``planned`` is the schema of its query with placeholders for parameters. Other views are as they are.
    """
    partitions = view.partitions
    if partitions is None:
        return view
    if isinstance(partitions, TimePartitions):
        start = partitions.start.replace(tzinfo=None)
        key = start.strftime("%Y-%m-%d-%H:%M" if partitions.every == "hour" else "%Y-%m-%d")
    else:
        key = partitions.values[0]
    index = planned.get_field_index(partitions.by)
    kind = planned.field(index).type if index >= 0 else None
    return _with_parameters(view, Partition(partitions, key), kind)


def at_partition(plan: ProjectPlan, view: str, key: str) -> ProjectPlan:
    """The plan of a project in which a view has the parameters of one of its partitions."""
    view_plan = plan.views[view]
    partitions = view_plan.view.partitions
    assert partitions is not None
    kind = view_plan.schema.field(partitions.by).type
    declared = _with_parameters(view_plan.view, Partition(partitions, key), kind)
    project = replace(plan.project, views={**plan.project.views, view: declared})
    return replace(plan, project=project, views={**plan.views, view: replace(view_plan, view=declared)})


def _with_parameters(view: View, partition: Partition, kind: pa.DataType | None) -> View:
    return replace(view, params={**view.params, **partition_parameters(partition, kind)})


def check_partition_column(view: View, schema: pa.Schema) -> None:
    """Raise PlanningError where a partitioned view's result has no column that tells its partitions apart."""
    partitions = view.partitions
    if partitions is None:
        return
    index = schema.get_field_index(partitions.by)
    if index < 0:
        raise PlanningError(
            view.where,
            f"it is partitioned by {partitions.by}, but its result has no such column",
            did_you_mean(partitions.by, schema.names, "columns"),
        )
    kind = schema.field(index).type
    if not isinstance(partitions, TimePartitions):
        return
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise PlanningError(
            view.where,
            f"it is partitioned by {partitions.by} into one part every {partitions.every}, but this column "
            f"is {kind}",
            "Partition by a column of dates or timestamps, or cast it in the query.",
        )
    if partitions.every == "hour" and pa.types.is_date(kind):
        raise PlanningError(
            view.where,
            f"it is partitioned by {partitions.by} into one part every hour, but this column is {kind}: it "
            "has no hours",
            "Partition by a column of timestamps, or by day.",
        )


def check_mappings(plan: ProjectPlan) -> None:
    """Raise PlanningError for the first view that reads partitions which its own cannot be mapped to."""
    for name, view_plan in plan.views.items():
        own = view_plan.view.partitions
        if own is None:
            continue
        for table in plan.stored_tables(name):
            upstream = partitions_of(plan, table)
            problem = None if upstream is None else unmappable(own, upstream)
            if problem is not None:
                raise PlanningError(
                    view_plan.view.where,
                    f"it reads the partitioned view {table}: {problem}",
                    "Give both the same time zone or values, or take partitions: out of one of them.",
                )


def partitions_of(plan: ProjectPlan, table: str) -> Partitions | None:
    """The partitions of a table, None for sources and views without any."""
    view = plan.project.views.get(table)
    return None if view is None else view.partitions


def partition_hider(view: View) -> Callable[[str], str]:
    """A function that puts ``$name`` in the place of the values of a partition's parameters in a plan's text.

    They are the literals of the view's own parameters, in the forms in which DataFusion prints them. Texts
    of views without partitions stay as they are.
    """
    if view.partitions is None:
        return str
    patterns = [
        (re.compile("|".join(forms)), name)
        for name in PARTITION_PARAMETERS
        if (forms := _printed(view.params, name))
    ]

    def hide(text: str) -> str:
        for pattern, name in patterns:
            text = pattern.sub(f"${name}", text)
        return text

    return hide


def _printed(params: Mapping[str, ParameterValue], name: str) -> list[str]:
    value = params.get(name)
    if isinstance(value, str):
        return [rf'(?<=Utf8\("){re.escape(value)}(?="\))', rf'(?<=Utf8View\("){re.escape(value)}(?="\))']
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        day = moment.strftime("%Y-%m-%d")
    elif value is not None:
        assert not isinstance(value, (bool, int, float))
        day = value.isoformat()
        moment = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
    else:
        return []
    microseconds = (moment - _EPOCH) // _MICROSECOND
    seconds = str(microseconds // 1_000_000)
    days = microseconds // 86_400_000_000
    forms = [rf"(?<!\d){seconds}(?:0{{3}}|0{{6}}|0{{9}})(?!\d)", rf"(?<=Second\(){seconds}(?=,)"]
    written = rf"{day}[ T]{moment:%H:%M:%S}(?:Z|\+00:00)?"
    if moment.time() == datetime.min.time():
        forms += [written, rf"(?<!\d){day}(?![\dT]| \d)", rf"(?<=Date32\(){days}(?=\))"]
    else:
        forms.append(written)
    return forms
