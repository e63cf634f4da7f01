"""A folder of SQL views becomes a Dagster project whose graph comes from DataFusion's query plans."""

__version__ = "0.1.0"
