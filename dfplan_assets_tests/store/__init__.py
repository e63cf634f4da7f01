"""The plan artifact store, on SQLite and PostgreSQL."""
