"""A run record in the form that is stored and queued: explicit, versioned, content-addressed.

The operators of a profile become rows in pre-order; their displays, which repeat from run to run,
and all their metrics become two texts. A change of what is written needs a new ``FORMAT``; format 1
had an estimate beside the measurements, which was never filled, and not the figures of spilling and
scanning, which are in the metrics all the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timezone
from typing import Any, cast

from dfplan_assets.execution.analysis import Totals, totals
from dfplan_assets.execution.profile import InputSize, OperatorProfile, RunProfile, known_total
from dfplan_assets.store.content import hash_of, json_text, text_bytes, text_of
from dfplan_assets.store.record import RunRecord, Status

FORMAT = 2
READABLE_FORMATS = (1, 2)

_DROPPED_IN_2 = ("estimated_seconds", "estimate_source")

# Seconds that are not a number have no place in SQL: SQLite would store NULL without a word.
_NAN = float("nan")


@dataclass(frozen=True)
class OperatorRow:
    """One operator; ``parent`` is the position of its parent in pre-order, None for the root."""

    position: int
    parent: int | None
    name: str
    partitions: int
    output_rows: int | None
    cpu_nanoseconds: int | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class RunRow:
    """All of a run record that is neither text nor operator; the names are those of the table."""

    view: str
    status: str
    attempt: int
    started_at: datetime
    bundle: str | None
    fingerprint: str | None
    publication_version: str | None
    partition_key: str | None
    dagster_run_id: str | None
    cores: int | None
    peak_memory_bytes: int | None
    input_rows: int | None
    input_bytes: int | None
    executed_at: datetime | None
    wall_seconds: float | None
    cpu_seconds: float | None
    output_rows: int | None
    output_bytes: int | None
    partitions: int | None
    spilled_bytes: int | None
    bytes_scanned: int | None
    row_groups_pruned: int | None
    row_groups_matched: int | None
    displays: str | None
    metrics: str | None
    inputs: str
    failure: str | None


@dataclass(frozen=True)
class EncodedRun:
    """A run ready to be stored; ``key`` covers all of it, so the same run twice is one row.

    ``format`` is that of the key; an older one may have waited in a queue.
    """

    key: str
    format: int
    row: RunRow
    operators: tuple[OperatorRow, ...]
    texts: Mapping[str, bytes]


def run_key(row: RunRow, operators: Sequence[OperatorRow]) -> str:
    """The content hash of a run in this format; the texts are in it by their hashes."""
    return _key(FORMAT, _plain(row), [_plain(each) for each in operators])


def encode_run(record: RunRecord) -> EncodedRun:
    """Take a run record apart; ``ValueError`` for a moment without a time zone or another view's profile."""
    texts: dict[str, bytes] = {}

    def keep_text(text: str) -> str:
        payload = text_bytes(text)
        sha256 = hash_of(payload)
        texts[sha256] = payload
        return sha256

    profile = record.profile
    if profile is not None and profile.view != record.view:
        raise ValueError(f"the profile is of view {profile.view}, the run of view {record.view}")
    nodes = [] if profile is None else list(_pre_order(profile.root))
    operators = tuple(
        OperatorRow(
            position=position,
            parent=parent,
            name=node.name,
            partitions=node.partitions,
            output_rows=node.output_rows,
            cpu_nanoseconds=node.cpu_nanoseconds,
            started_at=_optional_utc(node.started_at),
            ended_at=_optional_utc(node.ended_at),
        )
        for position, parent, node in nodes
    )
    row = RunRow(
        view=record.view,
        status=record.status,
        attempt=record.attempt,
        started_at=utc(record.started_at),
        bundle=record.bundle_key,
        fingerprint=record.fingerprint,
        publication_version=record.publication_version,
        partition_key=record.partition_key,
        dagster_run_id=record.dagster_run_id,
        cores=record.cores,
        peak_memory_bytes=record.peak_memory_bytes,
        input_rows=known_total(each.rows for each in record.inputs),
        input_bytes=known_total(each.bytes for each in record.inputs),
        executed_at=None if profile is None else utc(profile.started_at),
        wall_seconds=None if profile is None else number(profile.wall_seconds),
        cpu_seconds=None if profile is None else number(profile.cpu_seconds),
        output_rows=None if profile is None else profile.output_rows,
        output_bytes=None if profile is None else profile.output_bytes,
        partitions=max((node.partitions for _, _, node in nodes), default=None),
        **_figures([node.metrics for _, _, node in nodes]),
        displays=keep_text(json_text([node.display for _, _, node in nodes])) if nodes else None,
        metrics=keep_text(json_text([dict(node.metrics) for _, _, node in nodes])) if nodes else None,
        inputs=json_text([astuple(each) for each in record.inputs]),
        failure=None if record.failure is None else keep_text(record.failure),
    )
    return EncodedRun(run_key(row, operators), FORMAT, row, operators, texts)


def decode_run(row: RunRow, operators: Sequence[OperatorRow], texts: Mapping[str, bytes]) -> RunRecord:
    """Put a run record together; ``KeyError`` names a text that is missing."""
    profile = None
    if row.executed_at is not None and row.displays is not None and row.metrics is not None:
        displays = json.loads(text_of(texts[row.displays]))
        metrics = json.loads(text_of(texts[row.metrics]))
        profile = RunProfile(
            view=row.view,
            started_at=row.executed_at,
            wall_seconds=_known(row.wall_seconds),
            cpu_seconds=_known(row.cpu_seconds),
            output_rows=cast(int, row.output_rows),
            output_bytes=cast(int, row.output_bytes),
            root=_tree(operators, displays, metrics),
        )
    return RunRecord(
        view=row.view,
        status=cast(Status, row.status),
        started_at=row.started_at,
        attempt=row.attempt,
        profile=profile,
        bundle_key=row.bundle,
        fingerprint=row.fingerprint,
        publication_version=row.publication_version,
        partition_key=row.partition_key,
        dagster_run_id=row.dagster_run_id,
        inputs=tuple(InputSize(*each) for each in json.loads(row.inputs)),
        cores=row.cores,
        peak_memory_bytes=row.peak_memory_bytes,
        failure=None if row.failure is None else text_of(texts[row.failure]),
    )


def run_to_json(run: EncodedRun) -> dict[str, Any]:
    """A run as a JSON object, for the queue; moments are ISO 8601."""
    fields = RunRow.__dataclass_fields__
    row = dict(zip(fields, _plain(run.row), strict=True))
    return {"row": row, "operators": [_plain(each) for each in run.operators]}


def run_of_json(value: Mapping[str, Any], version: int, texts: Mapping[str, bytes]) -> EncodedRun:
    """What ``run_to_json`` of this format wrote; ``KeyError``, ``TypeError`` or ``ValueError`` for others."""
    row = dict(value["row"])
    key = _key(version, list(row.values()), value["operators"])
    for name in ("started_at", "executed_at"):
        row[name] = _moment(row[name])
    if version == 1:
        for name in _DROPPED_IN_2:
            del row[name]
        metrics = row["metrics"]
        row |= _figures([] if metrics is None else json.loads(text_of(texts[metrics])))
    operators = tuple(OperatorRow(*each[:6], *map(_moment, each[6:])) for each in value["operators"])
    # The key stays that of its own format: the store may have the run already.
    return EncodedRun(key, version, RunRow(**row), operators, texts)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; ``ValueError`` when it has no time zone, or none within the calendar."""
    if moment.tzinfo is None:
        raise ValueError(f"the moment {moment.isoformat()} has no time zone")
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"the moment {moment.isoformat()} has no equal in UTC") from error


def number(seconds: float | None) -> float | None:
    """Seconds, or None for those that are no finite number."""
    return None if seconds is None or not math.isfinite(seconds) else float(seconds)


def _known(seconds: float | None) -> float:
    """Seconds as stored, NaN for those that are not known; others than the writer can store an infinity."""
    found = number(seconds)
    return _NAN if found is None else found


def _optional_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else utc(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _key(version: int, row: Sequence[Any], operators: Sequence[Sequence[Any]]) -> str:
    return hash_of(text_bytes(json_text([version, row, operators])))


def _figures(metrics: Sequence[Mapping[str, int]]) -> dict[str, int | None]:
    """The sums over all operators that ``RunSummary`` has; all unknown where there are no operators."""
    return dict(vars(totals(metrics))) if metrics else dict.fromkeys(Totals.__dataclass_fields__)


def _plain(row: RunRow | OperatorRow) -> list[Any]:
    values = (getattr(row, name) for name in row.__dataclass_fields__)
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def _pre_order(root: OperatorProfile) -> Iterator[tuple[int, int | None, OperatorProfile]]:
    """Each operator with its position and its parent's; a loop, since plans can be deep."""
    stack: list[tuple[OperatorProfile, int | None]] = [(root, None)]
    position = 0
    while stack:
        node, parent = stack.pop()
        yield position, parent, node
        stack.extend((child, position) for child in reversed(node.children))
        position += 1


def _tree(
    operators: Sequence[OperatorRow], displays: Sequence[str], metrics: Sequence[Mapping[str, int]]
) -> OperatorProfile:
    """The root of the tree; children come after their parents, so it is built from the end."""
    children: dict[int | None, list[OperatorProfile]] = {}
    for row, display, numbers in zip(reversed(operators), reversed(displays), reversed(metrics), strict=True):
        node = OperatorProfile(
            name=row.name,
            display=display,
            partitions=row.partitions,
            output_rows=row.output_rows,
            cpu_nanoseconds=row.cpu_nanoseconds,
            metrics=numbers,
            started_at=row.started_at,
            ended_at=row.ended_at,
            children=tuple(reversed(children.pop(row.position, []))),
        )
        children.setdefault(row.parent, []).append(node)
    return children[None][0]
