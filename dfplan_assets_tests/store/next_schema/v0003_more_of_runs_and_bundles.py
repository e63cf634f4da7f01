"""A schema that only tests know: new columns, filled from rows and from compressed texts."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the CPU time of a run's operators and the number of lines of a bundle's query."""
    connection = op.get_bind()
    # Rebuilding is what SQLite needs for most changes; it drops a table that others refer to.
    on_sqlite = connection.dialect.name == "sqlite"
    with op.batch_alter_table("dfplan_run", recreate="always" if on_sqlite else "never") as runs:
        runs.add_column(sa.Column("operators_cpu", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "UPDATE dfplan_run SET operators_cpu = coalesce((SELECT sum(cpu_nanoseconds)"
        " FROM dfplan_operator WHERE dfplan_operator.run = dfplan_run.id), 0)"
    )
    op.add_column("dfplan_bundle", sa.Column("sql_lines", sa.Integer))
    texts = "SELECT b.key, c.codec, c.data FROM dfplan_bundle b JOIN dfplan_content c ON c.sha256 = b.sql"
    for key, codec, data in connection.execute(sa.text(texts)).all():
        sql = zlib.decompress(data) if codec == "zlib" else bytes(data)
        connection.execute(
            sa.text("UPDATE dfplan_bundle SET sql_lines = :lines WHERE key = :key"),
            {"lines": len(sql.splitlines()), "key": key},
        )
