"""A view's partitions as Dagster has them, and the run that asks for some of them."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from dfplan_assets.project.partitions import Partitions, TimePartitions

_CRON = {"hour": "0 * * * *", "day": "0 0 * * *", "month": "0 0 1 * *"}
_DAYS = "%Y-%m-%d"
_HOURS = "%Y-%m-%d-%H:%M"


def partitions_definition(partitions: Partitions) -> dg.PartitionsDefinition[str]:
    """The same partitions in Dagster, with the same keys."""
    if not isinstance(partitions, TimePartitions):
        return dg.StaticPartitionsDefinition(list(partitions.values))
    form = _HOURS if partitions.every == "hour" else _DAYS
    weekday = (partitions.start.weekday() + 1) % 7  # cron counts from Sunday
    return dg.TimeWindowPartitionsDefinition(
        start=partitions.start,
        end=partitions.end,
        fmt=form,
        timezone=partitions.zone,
        cron_schedule=f"0 0 * * {weekday}" if partitions.every == "week" else _CRON[partitions.every],
    )


def partition_mapping(reader: Partitions | None, upstream: Partitions | None) -> dg.PartitionMapping | None:
    """How partitions are mapped to those upstream: as the execution reads them."""
    if upstream is None:
        return None
    if reader is None:
        return dg.AllPartitionMapping()
    if isinstance(reader, TimePartitions) and isinstance(upstream, TimePartitions):
        return dg.TimeWindowPartitionMapping()
    return dg.IdentityPartitionMapping()


def asked_partitions(context: dg.AssetExecutionContext) -> tuple[str, ...]:
    """The keys that a run asks for of the asset that runs; none where the run names none."""
    return (
        tuple(context.partition_keys) if context.has_partition_key or context.has_partition_key_range else ()
    )


def run_tags(first: str, last: str | None = None) -> Mapping[str, str]:
    """The tags of a run for one partition, or for all from the first to the last."""
    if last is None:
        return {PARTITION_NAME_TAG: first}
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def asked_range(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The partition that a run is for, by its tags, or the first and the last; None where it names none."""
    if PARTITION_NAME_TAG in tags:
        return tags[PARTITION_NAME_TAG], None
    return tags.get(ASSET_PARTITION_RANGE_START_TAG), tags.get(ASSET_PARTITION_RANGE_END_TAG)
