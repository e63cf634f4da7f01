"""Lineage: tables, columns and functions of a view, from the complete plan as written."""

from __future__ import annotations

from dfplan_assets.planning.lineage.across_views import source_columns
from dfplan_assets.planning.lineage.model import ColumnOrigin, Kind, Lineage
from dfplan_assets.planning.lineage.view_lineage import view_lineage

__all__ = ["ColumnOrigin", "Kind", "Lineage", "source_columns", "view_lineage"]
