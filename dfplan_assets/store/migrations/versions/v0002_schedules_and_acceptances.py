"""Schedules, acceptances of plans, and figures of a run that tell why it got slower.

A run's estimate was never written; its place is the prediction of a schedule.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_HASH = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_RUNS_AT_ONCE = 1_000


def upgrade() -> None:
    """Add and remove columns of runs, fill the new ones, and make the new tables."""
    with op.batch_alter_table("dfplan_run") as runs:
        runs.drop_column("estimated_seconds")
        runs.drop_column("estimate_source")
        for name in ("spilled_bytes", "bytes_scanned", "row_groups_pruned", "row_groups_matched"):
            runs.add_column(sa.Column(name, sa.BigInteger))
    _fill_figures(op.get_bind())
    op.create_table(
        "dfplan_schedule",
        sa.Column("dagster_run_id", sa.Text, primary_key=True),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("workers", sa.Integer, nullable=False),
        sa.Column("views", sa.Integer, nullable=False),
        sa.Column("predicted_makespan_seconds", sa.Double),
        sa.Column("lower_bound_seconds", sa.Double),
        sa.Column("actual_makespan_seconds", sa.Double),
        sa.Column("note", sa.Text),
    )
    op.create_index("dfplan_schedule_by_start", "dfplan_schedule", ["started_at"])
    op.create_table(
        "dfplan_prediction",
        sa.Column(
            "dagster_run_id", sa.Text, sa.ForeignKey("dfplan_schedule.dagster_run_id"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
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
    op.create_table(
        "dfplan_acceptance",
        sa.Column("key", _HASH, primary_key=True),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("complete", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("accepted_at", _MOMENT, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("dfplan_acceptance_by_view", "dfplan_acceptance", ["view", "accepted_at"])


def _fill_figures(connection: sa.Connection) -> None:
    """Sum what the operators of each run have spilled and scanned; the pruning was not kept then."""
    update = sa.text(
        "UPDATE dfplan_run SET spilled_bytes = :spilled, bytes_scanned = :scanned WHERE id = :id"
    )
    for runs in _measured(connection):
        figures = [
            {
                "id": run_id,
                "spilled": _sum(metrics, "spilled_bytes") or 0,
                "scanned": _sum(metrics, "bytes_scanned"),
            }
            for run_id, metrics in runs
        ]
        if figures:
            connection.execute(update, figures)


def _measured(connection: sa.Connection) -> Iterator[list[tuple[int, list[dict[str, Any]]]]]:
    """The metrics of the operators of all runs that have them, some runs at a time."""
    statement = sa.text(
        "SELECT r.id, c.codec, c.data FROM dfplan_run r JOIN dfplan_content c ON c.sha256 = r.metrics"
        f" WHERE r.id > :after ORDER BY r.id LIMIT {_RUNS_AT_ONCE}"
    )
    after = -1
    while found := connection.execute(statement, {"after": after}).all():
        measured = []
        for run_id, codec, data in found:
            try:
                text = zlib.decompress(data) if codec == "zlib" else bytes(data)
                measured.append((run_id, json.loads(text)))
            except (zlib.error, ValueError):
                # Reading the run names what is damaged; the upgrade goes on without its figures.
                continue
        yield measured
        after = found[-1][0]


def _sum(metrics: list[dict[str, Any]], name: str) -> int | None:
    counted = [operator[name] for operator in metrics if name in operator]
    return sum(counted) if counted else None
