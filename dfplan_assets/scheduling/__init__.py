"""The order of a run from measured cost. Pure: no DataFusion, no Dagster, no files."""
