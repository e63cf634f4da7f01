"""Taking over a dbt project: its manifest read, and written as views, sources and checks."""
