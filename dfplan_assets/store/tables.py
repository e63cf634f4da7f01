"""The tables of the plan artifact store, as SQLAlchemy Core sees them.

    dfplan_view         every view that ever had a bundle or a run
    dfplan_bundle       one row per distinct bundle; texts by hash, see ``explain`` and ``content``
    dfplan_explain      the plan texts of a bundle and the rules that changed it, in order
    dfplan_environment  the parts of a planning environment, once however many bundles share it
    dfplan_topology     figures of a physical plan's graph, once however many bundles share it
    dfplan_run          one row per run of a view
    dfplan_operator     the metrics of the operators of a run, in pre-order
    dfplan_schedule     the order of each Dagster run: how long it was to take, and took
    dfplan_prediction   what a schedule expected of each view, and what came of it
    dfplan_acceptance   the plans that somebody took as the right ones
    dfplan_content      every text and message, compressed, once by the SHA-256 of its bytes

All times are UTC. Rows refer to ``dfplan_content`` by hash without a foreign key: a writer adds
content and the rows that need it in one transaction, and only the collector removes any.
The migrations in ``store/migrations`` make these tables; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime, timezone

import sqlalchemy as sa

VERSION = 2
"""The schema this code reads and writes: the number of the last migration."""

VERSION_TABLE = "dfplan_version"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, kept in UTC with microseconds; refuses one without a time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The moment as the driver takes it: SQLite keeps no zone, so it gets none."""
        if value is None:
            return None
        moment = value.astimezone(timezone.utc)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The moment in UTC, whatever the zone of the database session."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


metadata = sa.MetaData()

_Hash = sa.String(64)

version = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))

content = sa.Table(
    "dfplan_content",
    metadata,
    sa.Column("sha256", _Hash, primary_key=True),
    sa.Column("codec", sa.String(8), nullable=False),  # zlib or raw
    sa.Column("size_bytes", sa.BigInteger, nullable=False),  # before compression
    sa.Column("data", sa.LargeBinary, nullable=False),
)

view = sa.Table(
    "dfplan_view",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
)

environment = sa.Table(
    "dfplan_environment",
    metadata,
    sa.Column("key", _Hash, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content", _Hash, nullable=False),
)

topology = sa.Table(
    "dfplan_topology",
    metadata,
    sa.Column("key", _Hash, primary_key=True),  # also the hash of its content: the graph as JSON
    sa.Column("operators", sa.Integer, nullable=False),
    sa.Column("hash_repartitions", sa.Integer, nullable=False),
    sa.Column("round_robin_repartitions", sa.Integer, nullable=False),
    sa.Column("sort_preserving_merges", sa.Integer, nullable=False),
    sa.Column("pipeline_breakers", sa.Integer, nullable=False),
    sa.Column("scans", sa.Integer, nullable=False),
    sa.Column("scan_files", sa.BigInteger, nullable=False),
    sa.Column("scan_bytes", sa.BigInteger),  # null when the bytes of one scan are unknown
    sa.Column("output_partitions", sa.Integer, nullable=False),
)

bundle = sa.Table(
    "dfplan_bundle",
    metadata,
    sa.Column("key", _Hash, primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("view", sa.ForeignKey(view.c.name), nullable=False),
    sa.Column("first_planned_at", UtcDateTime, nullable=False),
    sa.Column("last_planned_at", UtcDateTime, nullable=False),
    sa.Column("planning_seconds", sa.Double),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("complete", sa.Text, nullable=False),
    sa.Column("parts", sa.Text, nullable=False),  # JSON object: part of the identity -> hash
    sa.Column("volatile_functions", sa.Text, nullable=False),  # JSON array
    sa.Column("parameters", sa.Text, nullable=False),  # JSON array of [name, type, value]
    sa.Column("sql", _Hash, nullable=False),
    sa.Column("schema", _Hash, nullable=False),  # an Arrow IPC schema message
    sa.Column("lineage", _Hash, nullable=False),
    sa.Column("substrait", _Hash),
    sa.Column("substrait_detail", sa.Text, nullable=False),  # JSON: refusal, extension nodes, reason
    sa.Column("validation", sa.Text, nullable=False),
    sa.Column("verbose", sa.Boolean, nullable=False),  # the rules are known, even if none fired
    sa.Column("topology", sa.ForeignKey(topology.c.key), nullable=False),
    sa.Column("environment", _Hash, nullable=False),
    sa.Index("dfplan_bundle_by_view", "view", "last_planned_at"),
)

explain = sa.Table(
    "dfplan_explain",
    metadata,
    sa.Column("bundle", sa.ForeignKey(bundle.c.key), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text),
    sa.Column("content", _Hash, nullable=False),
)

run = sa.Table(
    "dfplan_run",
    metadata,
    # SQLite numbers rows by itself only in a column of type INTEGER.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", _Hash, nullable=False, unique=True),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("view", sa.ForeignKey(view.c.name), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("bundle", _Hash),  # no foreign key: a run outlives a bundle that was collected
    sa.Column("fingerprint", sa.Text),
    sa.Column("publication_version", sa.Text),
    sa.Column("partition_key", sa.Text),
    sa.Column("dagster_run_id", sa.Text),
    sa.Column("cores", sa.Integer),
    sa.Column("peak_memory_bytes", sa.BigInteger),
    sa.Column("input_rows", sa.BigInteger),
    sa.Column("input_bytes", sa.BigInteger),
    sa.Column("executed_at", UtcDateTime),  # null, as all below, when there is no profile
    sa.Column("wall_seconds", sa.Double),
    sa.Column("cpu_seconds", sa.Double),
    sa.Column("output_rows", sa.BigInteger),
    sa.Column("output_bytes", sa.BigInteger),
    sa.Column("partitions", sa.Integer),  # the widest operator's
    sa.Column("spilled_bytes", sa.BigInteger),
    sa.Column("bytes_scanned", sa.BigInteger),  # null, as the next two, when no scan counted them
    sa.Column("row_groups_pruned", sa.BigInteger),
    sa.Column("row_groups_matched", sa.BigInteger),
    sa.Column("displays", _Hash),  # JSON array: the display of each operator
    sa.Column("metrics", _Hash),  # JSON array: all metrics of each operator
    sa.Column("inputs", sa.Text, nullable=False),  # JSON array of [table, rows, bytes]
    sa.Column("failure", _Hash),
    sa.Index("dfplan_run_by_view", "view", "started_at", "id"),
    sa.Index("dfplan_run_by_fingerprint", "fingerprint", "started_at"),
    sa.Index("dfplan_run_by_dagster_run", "dagster_run_id"),
)

operator = sa.Table(
    "dfplan_operator",
    metadata,
    sa.Column("run", sa.ForeignKey(run.c.id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),  # in pre-order, the root being 0
    sa.Column("parent", sa.Integer),  # position of the parent, null for the root
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("partitions", sa.Integer, nullable=False),
    sa.Column("output_rows", sa.BigInteger),
    sa.Column("cpu_nanoseconds", sa.BigInteger),
    sa.Column("started_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
)

schedule = sa.Table(
    "dfplan_schedule",
    metadata,
    sa.Column("dagster_run_id", sa.Text, primary_key=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("workers", sa.Integer, nullable=False),
    sa.Column("views", sa.Integer, nullable=False),
    sa.Column("predicted_makespan_seconds", sa.Double),
    sa.Column("lower_bound_seconds", sa.Double),
    sa.Column("actual_makespan_seconds", sa.Double),  # null until the run has ended
    sa.Column("note", sa.Text),
    sa.Index("dfplan_schedule_by_start", "started_at"),
)

prediction = sa.Table(
    "dfplan_prediction",
    metadata,
    sa.Column("dagster_run_id", sa.ForeignKey(schedule.c.dagster_run_id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    # No foreign key: a view may be scheduled before it ever had a bundle or a run.
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("partition_key", sa.Text),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("estimated_seconds", sa.Double),
    sa.Column("low_seconds", sa.Double),
    sa.Column("high_seconds", sa.Double),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("bottom_level_seconds", sa.Double),
    sa.Column("slack_seconds", sa.Double),
    sa.Column("predicted_start_seconds", sa.Double),
    sa.Column("predicted_end_seconds", sa.Double),
    sa.Column("actual_start_seconds", sa.Double),
    sa.Column("actual_end_seconds", sa.Double),
    sa.Column("attempt", sa.Integer),
)

acceptance = sa.Table(
    "dfplan_acceptance",
    metadata,
    sa.Column("key", _Hash, primary_key=True),  # of all that follows
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("complete", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("accepted_at", UtcDateTime, nullable=False),
    sa.Column("accepted_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("dfplan_acceptance_by_view", "view", "accepted_at"),
)
