"""Any bundle and any run record that the types allow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import pyarrow as pa
from hypothesis import strategies as st

from dfplan_assets.execution.profile import OperatorProfile, RunProfile
from dfplan_assets.planning.bundle import (
    BoundParameter,
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
from dfplan_assets.store import InputSize, PredictionRecord, RunRecord, ScheduleRecord

Made = TypeVar("Made")

# Names go into columns of the database; neither takes NUL, nor half a surrogate pair.
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
# Texts are stored as bytes; file names that are no UTF-8 show as these surrogates.
texts = st.text(
    st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),
    max_size=60,
)
hashes = st.binary(max_size=3).map(lambda payload: hashlib.sha256(payload).hexdigest())
counts = st.integers(min_value=0, max_value=(1 << 31) - 1)
sizes = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)
seconds = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(
    min_value=datetime(1970, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=-9, minutes=-30))]),
)


def tuples(values: st.SearchStrategy[Made]) -> st.SearchStrategy[tuple[Made, ...]]:
    """Tuples of up to three values."""
    return st.lists(values, max_size=3).map(tuple)


def of(make: Callable[..., Made], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Made]:
    """Objects with these fields; all fields have to be given, those with defaults too."""
    known = set(make.__dataclass_fields__)  # type: ignore[attr-defined]
    assert set(fields) == known, f"{make.__name__}: {set(fields) ^ known}"
    return st.builds(make, **fields)


data_types = st.sampled_from(
    [
        pa.int64(),
        pa.string_view(),
        pa.decimal128(38, 9),
        pa.timestamp("us", "Europe/Vienna"),
        pa.dictionary(pa.int32(), pa.string()),
        pa.list_(pa.struct([pa.field("a", pa.float32(), nullable=False), pa.field("b", pa.binary_view())])),
        pa.map_(pa.string(), pa.month_day_nano_interval()),
    ]
)
metadata = st.none() | st.dictionaries(names, names, max_size=2)
fields = st.builds(pa.field, names, data_types, st.booleans(), metadata) | st.builds(
    pa.field, names, st.just(pa.null())
)
schemas = st.builds(pa.schema, st.lists(fields, max_size=4), metadata)

lineages = of(
    Lineage,
    tables=tuples(texts),
    unused_tables=tuples(texts),
    columns=st.dictionaries(
        texts,
        tuples(of(ColumnOrigin, table=texts, column=texts, kind=st.sampled_from(["direct", "indirect"]))),
        max_size=3,
    ),
    required_columns=st.dictionaries(texts, tuples(texts), max_size=3),
    functions=tuples(texts),
)
substrait_plans = of(
    SubstraitPlan,
    message=st.none() | st.binary(max_size=200),
    refusal=st.none() | texts,
    extension_nodes=tuples(texts),
    validation=of(
        Validation,
        outcome=st.sampled_from(["matches", "differs", "cannot be decoded", "not validated"]),
        reason=texts,
    ),
)
scans = of(
    Scan,
    files=tuples(texts),
    bytes=st.none() | st.integers(min_value=0, max_value=1 << 60),
    projection=tuples(texts),
    filters=st.none() | texts,
    pruning=st.none() | texts,
)
physical_operators = of(
    PhysicalOperator,
    index=counts,
    name=texts,
    display=texts,
    partitions=counts,
    partitioning=texts,
    role=st.sampled_from(
        [
            "hash repartition",
            "round-robin repartition",
            "sort-preserving merge",
            "coalesce",
            "sort",
            "hash aggregate",
            "join build side",
            "scan",
            "other",
        ]
    ),
    pipeline_breaker=st.booleans(),
    children=tuples(counts),
    scan=st.none() | scans,
)
rule_effects = of(
    RuleEffect,
    phase=st.sampled_from(["analyzer", "optimizer", "physical optimizer"]),
    rule=names,
    diff=texts,
)


@st.composite
def _environment_parts(draw: st.DrawFn) -> EnvironmentPart:
    content = draw(texts)
    payload = content.encode("utf-8", "surrogatepass")
    return EnvironmentPart(draw(names), content, hashlib.sha256(payload).hexdigest())


bundles = of(
    PlanBundle,
    view=names,
    sql=texts,
    lineage=lineages,
    schema=schemas,
    logical_plan=texts,
    optimized_plan=texts,
    substrait=substrait_plans,
    parameters=tuples(of(BoundParameter, name=texts, type=texts, value=st.none() | texts)),
    physical_plan=texts,
    topology=tuples(physical_operators),
    tree=texts,
    rules=st.none() | tuples(rule_effects),
    environment=tuples(_environment_parts()),
    identity=of(
        Identity,
        parts=st.dictionaries(texts, hashes, max_size=4),
        fingerprint=hashes,
        complete=hashes,
        volatile_functions=tuples(texts),
    ),
    planning_seconds=seconds,
    tree_refusal=st.none() | texts,
)

_operator_fields: dict[str, st.SearchStrategy[Any]] = {
    "name": names,
    "display": texts,
    "partitions": counts,
    "output_rows": st.none() | sizes,
    "cpu_nanoseconds": st.none() | sizes,
    "metrics": st.dictionaries(texts, st.integers(), max_size=3),
    "started_at": st.none() | moments,
    "ended_at": st.none() | moments,
}
operators = st.recursive(
    of(OperatorProfile, children=st.just(()), **_operator_fields),
    lambda children: of(OperatorProfile, children=tuples(children), **_operator_fields),
    max_leaves=5,
)


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    """Any run record, with a profile of the same view or none."""
    view = draw(names)
    profiles = of(
        RunProfile,
        view=st.just(view),
        started_at=moments,
        wall_seconds=seconds,
        cpu_seconds=seconds,
        output_rows=sizes,
        output_bytes=sizes,
        root=operators,
    )
    half = st.integers(min_value=0, max_value=1 << 60)
    return draw(
        of(
            RunRecord,
            view=st.just(view),
            status=st.sampled_from(["succeeded", "failed", "canceled", "cached", "profiled"]),
            started_at=moments,
            attempt=counts,
            profile=st.none() | profiles,
            bundle_key=st.none() | hashes,
            fingerprint=st.none() | hashes,
            publication_version=st.none() | names,
            partition_key=st.none() | names,
            dagster_run_id=st.none() | names,
            inputs=tuples(of(InputSize, table=texts, rows=st.none() | half, bytes=st.none() | half)),
            cores=st.none() | counts,
            peak_memory_bytes=st.none() | sizes,
            failure=st.none() | texts,
        )
    )


_maybe_seconds = st.none() | seconds


@st.composite
def schedules(draw: st.DrawFn) -> ScheduleRecord:
    """Any schedule, its predictions by position."""
    predictions = [
        draw(
            of(
                PredictionRecord,
                view=names,
                partition_key=st.none() | names,
                position=st.just(position),
                priority=counts,
                estimated_seconds=seconds,
                low_seconds=seconds,
                high_seconds=seconds,
                source=names,
                bottom_level_seconds=seconds,
                slack_seconds=seconds,
                predicted_start_seconds=_maybe_seconds,
                predicted_end_seconds=_maybe_seconds,
                actual_start_seconds=_maybe_seconds,
                actual_end_seconds=_maybe_seconds,
                attempt=st.none() | counts,
            )
        )
        for position in range(draw(st.integers(min_value=0, max_value=3)))
    ]
    return draw(
        of(
            ScheduleRecord,
            dagster_run_id=names,
            started_at=moments,
            mode=names,
            workers=counts,
            views=counts,
            predicted_makespan_seconds=_maybe_seconds,
            lower_bound_seconds=_maybe_seconds,
            actual_makespan_seconds=_maybe_seconds,
            note=st.none() | names,
            predictions=st.just(tuple(predictions)),
        )
    )
