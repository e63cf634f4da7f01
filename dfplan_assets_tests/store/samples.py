"""Bundles and runs as a small shop has them. The store file of the first schema holds them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone

import pyarrow as pa

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

MORNING = datetime(2026, 3, 1, 6, 30, 15, 123456, tzinfo=timezone.utc)


def sha256(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def environment(engine: str = "55.0.0", settings: int = 155) -> tuple[EnvironmentPart, ...]:
    """Parts as ``information_schema`` gives them, with as many settings as wanted."""
    rows = [
        {"name": f"datafusion.setting_{number}", "value": str(number * 7919)} for number in range(settings)
    ]
    parts = {
        "df_settings": json.dumps(rows),
        "tables": json.dumps([{"table_name": "orders"}, {"table_name": "nation"}]),
        "versions": json.dumps({"datafusion": engine, "dfplan-assets": "0.1.0"}),
    }
    return tuple(EnvironmentPart(name, content, sha256(content)) for name, content in parts.items())


def identity(**parts: str) -> Identity:
    """An identity whose parts are the hashes of the given texts."""
    hashes = {name: sha256(text) for name, text in parts.items()}
    results = [value for name, value in sorted(hashes.items()) if name != "physical"]
    return Identity(
        parts=hashes,
        fingerprint=sha256(" ".join(results)),
        complete=sha256(" ".join([*results, hashes.get("physical", "")])),
        volatile_functions=(),
    )


def bundle(
    view: str = "revenue",
    *,
    year: int = 1994,
    engine: str = "55.0.0",
    path: str = "data/orders.parquet",
    planning_seconds: float = 0.021,
    verbose: bool = True,
    settings: int = 155,
) -> PlanBundle:
    """The plan of a query over orders and nations; each argument changes what its name says."""
    sql = (
        "select n.name, sum(o.price) as total from orders o join nation n on o.nation_key = n.key\n"
        f"where o.year >= {year} group by n.name"
    )
    scan = f"TableScan: orders projection=[price, nation_key, year], filters=[orders.year >= Int64({year})]"
    logical = f"Aggregate: groupBy=[[n.name]], aggr=[[sum(o.price)]]\n  Filter: o.year >= Int64({year})"
    physical = (
        "AggregateExec: mode=FinalPartitioned\n  RepartitionExec: partitioning=Hash([name@0], 2)\n"
        f"    DataSourceExec: file_groups={{1 group: [[{path}]]}}"
    )
    return PlanBundle(
        view=view,
        sql=sql,
        lineage=Lineage(
            tables=("nation", "orders"),
            unused_tables=("region",),
            columns={
                "name": (ColumnOrigin("nation", "name", "direct"),),
                "total": (
                    ColumnOrigin("orders", "price", "direct"),
                    ColumnOrigin("orders", "year", "indirect"),
                ),
            },
            required_columns={"nation": ("key", "name"), "orders": ("price", "nation_key", "year")},
            functions=("sum",),
        ),
        schema=pa.schema(
            [pa.field("name", pa.string_view()), pa.field("total", pa.decimal128(25, 2), nullable=False)],
            metadata={"made by": "a shop"},
        ),
        logical_plan=logical,
        optimized_plan=f"{logical}\n    {scan}",
        substrait=SubstraitPlan(
            message=f"\x0a\x12{sql}".encode(),
            refusal=None,
            extension_nodes=(),
            validation=Validation("matches", "schema and canonical bytes are equal after decoding"),
        ),
        parameters=(BoundParameter("min_year", "Int64", str(year)), BoundParameter("token", "Utf8", None)),
        physical_plan=physical,
        topology=(
            PhysicalOperator(
                0, "AggregateExec", "mode=Final", 2, "Hash([name@0], 2)", "hash aggregate", True, (1,), None
            ),
            PhysicalOperator(
                1, "RepartitionExec", "Hash([name@0], 2)", 2, "Hash", "hash repartition", False, (2,), None
            ),
            PhysicalOperator(
                2,
                "DataSourceExec",
                f"file_groups=[{path}]",
                1,
                "UnknownPartitioning(1)",
                "scan",
                False,
                (),
                Scan((path,), 123_456, ("price", "nation_key", "year"), f"year >= {year}", None),
            ),
        ),
        tree="┌───────────────┐\n│ AggregateExec │\n└───────────────┘",
        rules=(
            RuleEffect("analyzer", "type_coercion", f"-{logical}\n+{logical}"),
            RuleEffect("optimizer", "push_down_filter", f"+    {scan}"),
        )
        if verbose
        else None,
        environment=environment(engine, settings),
        identity=identity(
            meaning=sql, parameters=str(year), inputs="orders nation", engine=engine, physical=physical
        ),
        planning_seconds=planning_seconds,
    )


def profile(
    view: str = "revenue", *, started_at: datetime = MORNING, wall_seconds: float = 0.5
) -> RunProfile:
    """An execution of that plan: a sink over an aggregate over a join with two sides."""
    ended_at = started_at + timedelta(seconds=wall_seconds)

    def operator(name: str, rows: int | None, *children: OperatorProfile) -> OperatorProfile:
        return OperatorProfile(
            name=name,
            display=f"{name}: of {view}",
            partitions=2,
            output_rows=rows,
            cpu_nanoseconds=None if rows is None else rows * 1_000,
            metrics={} if rows is None else {"output_rows": rows, "elapsed_compute": rows * 1_000},
            started_at=None if rows is None else started_at,
            ended_at=None if rows is None else ended_at,
            children=children,
        )

    join = operator("HashJoinExec", 1_500, operator("DataSourceExec", 25), operator("DataSourceExec", 1_500))
    return RunProfile(
        view=view,
        started_at=started_at,
        wall_seconds=wall_seconds,
        cpu_seconds=wall_seconds * 1.5,
        output_rows=25,
        output_bytes=2_048,
        root=operator("DataSinkExec", None, operator("AggregateExec", 25, join)),
    )


def run(
    view: str = "revenue",
    *,
    started_at: datetime = MORNING,
    wall_seconds: float = 0.5,
    bundle_key: str | None = None,
    partition_key: str | None = None,
) -> RunRecord:
    """A successful run of that view."""
    return RunRecord(
        view=view,
        status="succeeded",
        started_at=started_at,
        profile=profile(view, started_at=started_at, wall_seconds=wall_seconds),
        bundle_key=bundle_key,
        fingerprint=sha256(view),
        publication_version=f"{started_at:%Y%m%dT%H%M%S%f}",
        partition_key=partition_key,
        dagster_run_id="0f4a6a9e-0000-4000-8000-1c9a5d1c7a11",
        inputs=(InputSize("nation", 25, 2_199), InputSize("orders", 1_500, 123_456)),
        cores=2,
        peak_memory_bytes=64 * 1024 * 1024,
    )


def failed_run(view: str = "revenue", *, started_at: datetime = MORNING, attempt: int = 1) -> RunRecord:
    """A run that ended in an error, and so has no profile."""
    return RunRecord(
        view=view,
        status="failed",
        started_at=started_at,
        attempt=attempt,
        failure="Arrow error: Divide by zero error",
        inputs=(InputSize("orders", None, 123_456),),
    )


def schedule(
    dagster_run_id: str = "run", *, started_at: datetime = MORNING, views: int = 2
) -> ScheduleRecord:
    """Views of half a second each, one after the other on one worker."""
    return ScheduleRecord(
        dagster_run_id=dagster_run_id,
        started_at=started_at,
        mode="measured",
        workers=1,
        views=views,
        predicted_makespan_seconds=views * 0.5,
        lower_bound_seconds=views * 0.5,
        predictions=tuple(
            PredictionRecord(
                view=f"view_{position}",
                position=position,
                priority=views - position,
                estimated_seconds=0.5,
                low_seconds=0.25,
                high_seconds=0.75,
                source="history n=7",
                bottom_level_seconds=(views - position) * 0.5,
                slack_seconds=0.0,
                predicted_start_seconds=position * 0.5,
                predicted_end_seconds=position * 0.5 + 0.5,
            )
            for position in range(views)
        ),
    )
