"""A migration that fails when it has done half of its work."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remove all operators, then ask for what is not there."""
    op.execute("DELETE FROM dfplan_operator")
    op.drop_table("dfplan_explain")
    op.execute("UPDATE dfplan_nowhere SET name = 'x'")
