"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelled out, and not taken from ``tables.py``: the first schema stays what it was.
_HASH = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "dfplan_content",
        sa.Column("sha256", _HASH, primary_key=True),
        sa.Column("codec", sa.String(8), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dfplan_view",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "dfplan_environment",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content", _HASH, nullable=False),
    )
    op.create_table(
        "dfplan_topology",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("operators", sa.Integer, nullable=False),
        sa.Column("hash_repartitions", sa.Integer, nullable=False),
        sa.Column("round_robin_repartitions", sa.Integer, nullable=False),
        sa.Column("sort_preserving_merges", sa.Integer, nullable=False),
        sa.Column("pipeline_breakers", sa.Integer, nullable=False),
        sa.Column("scans", sa.Integer, nullable=False),
        sa.Column("scan_files", sa.BigInteger, nullable=False),
        sa.Column("scan_bytes", sa.BigInteger),
        sa.Column("output_partitions", sa.Integer, nullable=False),
    )
    op.create_table(
        "dfplan_bundle",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("view", sa.Text, sa.ForeignKey("dfplan_view.name"), nullable=False),
        sa.Column("first_planned_at", _MOMENT, nullable=False),
        sa.Column("last_planned_at", _MOMENT, nullable=False),
        sa.Column("planning_seconds", sa.Double),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("complete", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("volatile_functions", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("sql", _HASH, nullable=False),
        sa.Column("schema", _HASH, nullable=False),
        sa.Column("lineage", _HASH, nullable=False),
        sa.Column("substrait", _HASH),
        sa.Column("substrait_detail", sa.Text, nullable=False),
        sa.Column("validation", sa.Text, nullable=False),
        sa.Column("verbose", sa.Boolean, nullable=False),
        sa.Column("topology", _HASH, sa.ForeignKey("dfplan_topology.key"), nullable=False),
        sa.Column("environment", _HASH, nullable=False),
    )
    op.create_index("dfplan_bundle_by_view", "dfplan_bundle", ["view", "last_planned_at"])
    op.create_table(
        "dfplan_explain",
        sa.Column("bundle", _HASH, sa.ForeignKey("dfplan_bundle.key"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text),
        sa.Column("content", _HASH, nullable=False),
    )
    op.create_table(
        "dfplan_run",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("key", _HASH, nullable=False, unique=True),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("view", sa.Text, sa.ForeignKey("dfplan_view.name"), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("bundle", _HASH),
        sa.Column("fingerprint", sa.Text),
        sa.Column("publication_version", sa.Text),
        sa.Column("partition_key", sa.Text),
        sa.Column("dagster_run_id", sa.Text),
        sa.Column("cores", sa.Integer),
        sa.Column("peak_memory_bytes", sa.BigInteger),
        sa.Column("input_rows", sa.BigInteger),
        sa.Column("input_bytes", sa.BigInteger),
        sa.Column("estimated_seconds", sa.Double),
        sa.Column("estimate_source", sa.Text),
        sa.Column("executed_at", _MOMENT),
        sa.Column("wall_seconds", sa.Double),
        sa.Column("cpu_seconds", sa.Double),
        sa.Column("output_rows", sa.BigInteger),
        sa.Column("output_bytes", sa.BigInteger),
        sa.Column("partitions", sa.Integer),
        sa.Column("displays", _HASH),
        sa.Column("metrics", _HASH),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("failure", _HASH),
    )
    op.create_index("dfplan_run_by_view", "dfplan_run", ["view", "started_at", "id"])
    op.create_index("dfplan_run_by_fingerprint", "dfplan_run", ["fingerprint", "started_at"])
    op.create_index("dfplan_run_by_dagster_run", "dfplan_run", ["dagster_run_id"])
    op.create_table(
        "dfplan_operator",
        sa.Column("run", _ROW_ID, sa.ForeignKey("dfplan_run.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("partitions", sa.Integer, nullable=False),
        sa.Column("output_rows", sa.BigInteger),
        sa.Column("cpu_nanoseconds", sa.BigInteger),
        sa.Column("started_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
    )
