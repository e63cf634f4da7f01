"""The asset that each table of a project is in Dagster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg

from dfplan_assets.project.model import Project

KeyOf = Callable[[str], dg.AssetKey]
"""The asset key of a view or source."""


def keys_of_tables(project: Project, translated: KeyOf) -> KeyOf:
    """The keys that a translator gives, but for tables that Python assets make: these have their own."""
    published = {
        source.name: dg.AssetKey(source.asset.split("/"))
        for source in project.sources.values()
        if source.asset is not None
    }

    def key_of(table: str) -> dg.AssetKey:
        return published[table] if table in published else translated(table)

    return key_of


def tables_by_key(project: Project, translated: KeyOf) -> Mapping[dg.AssetKey, str]:
    """The stored views and published tables of a project, by the key of their asset."""
    key_of = keys_of_tables(project, translated)
    views = [name for name, view in project.views.items() if not view.is_virtual]
    published = [name for name, source in project.sources.items() if source.is_published]
    return {key_of(name): name for name in (*views, *published)}
