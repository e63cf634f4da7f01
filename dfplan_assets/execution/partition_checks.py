"""That a partition may be made, and that what was made for it belongs to it."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pyarrow.parquet as pq

from dfplan_assets.errors import ExecutionError, InputError
from dfplan_assets.project.model import View
from dfplan_assets.project.partitions import Partition, Partitions, TimePartitions


def partition_to_run(view: View, key: str | None, now: datetime | None = None) -> Partition | None:
    """The partition of a view that is asked for, None for the whole of a view without partitions.

    Raises InputError where a view has partitions and none is asked for, or the other way round, and where
    its partitions have no such key ``now``.
    """
    partitions = view.partitions
    if partitions is None and key is None:
        return None
    if partitions is None:
        raise InputError(
            view.where,
            f"it has no partitions, but partition {key} is asked for",
            "Run it without a partition, or declare partitions: in its front matter.",
        )
    at = now or datetime.now(timezone.utc)
    if key is None:
        raise InputError(
            view.where,
            f"it has partitions ({partitions.title}), and none is asked for",
            f"Say which: {range_in_words(partitions, at)}.",
        )
    if not partitions.has(key, at):
        raise InputError(
            view.where,
            f"it has no partition {key}",
            f"Choose another one: {range_in_words(partitions, at)}.",
        )
    return Partition(partitions, key)


def range_in_words(partitions: Partitions, now: datetime) -> str:
    """The first and the last key of partitions, in words."""
    if not isinstance(partitions, TimePartitions):
        return f"it has {', '.join(partitions.values)}"
    keys = partitions.keys(now)
    if not keys:
        return f"none is over yet, the first begins at {partitions.start} ({partitions.zone})"
    return f"the first is {keys[0]}, the last that is over is {keys[-1]}"


def check_within(footer: pq.FileMetaData, view: View, partition: Partition) -> None:
    """Raise ExecutionError where a written file has rows that do not belong to its partition.

    A reader of all partitions would have them several times. What tells is the footer: the smallest and the
    largest value of the partition column, and how often it is null. A file without these is taken as it is.
    """
    column = footer.schema.to_arrow_schema().get_field_index(partition.of.by)
    for group in range(footer.num_row_groups):
        chunk = _chunk(footer.row_group(group), partition.of.by)
        statistics = None if chunk is None else chunk.statistics
        if column < 0 or statistics is None:
            continue
        if statistics.has_null_count and statistics.null_count:
            raise _outside(view, partition, f"{statistics.null_count:,} rows in which it is null")
        if statistics.has_min_max:
            for value in (statistics.min, statistics.max):
                if not _belongs(value, partition, view):
                    raise _outside(view, partition, f"one with {value}")


def _chunk(group: pq.RowGroupMetaData, name: str) -> pq.ColumnChunkMetaData | None:
    for index in range(group.num_columns):
        chunk: pq.ColumnChunkMetaData = group.column(index)
        if chunk.path_in_schema == name:
            return chunk
    return None


def _belongs(value: object, partition: Partition, view: View) -> bool:
    if not isinstance(partition.of, TimePartitions):
        # Long texts are cut in a footer.
        return not isinstance(value, str) or value == partition.key
    params = view.params
    start, end = params["partition_start"], params["partition_end"]
    if isinstance(value, datetime) and isinstance(start, datetime) and isinstance(end, datetime):
        first, last = _utc(start), _utc(end)
        return first <= _utc(value) < last
    if isinstance(value, date) and isinstance(start, date) and isinstance(end, date):
        return start <= value < end
    return True


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def _outside(view: View, partition: Partition, found: str) -> ExecutionError:
    names = (
        "$partition_key" if "partition_start" not in view.params else "$partition_start and $partition_end"
    )
    return ExecutionError(
        view.where,
        f"rows of its partition {partition.key} lie outside of it, by {partition.of.by}: {found}",
        f"Let the query keep only the rows of its partition: compare {partition.of.by} with {names}.",
    )
