"""What Alembic runs for every command: the connection comes from the caller, with its transaction."""

from __future__ import annotations

from alembic import context

from dfplan_assets.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite can roll back DDL too: a migration that fails half-way leaves the store as it was.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
