"""Lineage: tables, columns and functions of a view, from the complete plan as written."""
