"""The plan store of a project, for commands that read it: opened if it is there, never made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dfplan_assets.cli.options import Options
from dfplan_assets.errors import InputError
from dfplan_assets.lookup import check_view

if TYPE_CHECKING:
    from dfplan_assets.project.model import Project
    from dfplan_assets.store import BundleRecord, Store

SHORT_KEY_CHARACTERS = 12
"""How much of a bundle's key is shown in tables; any unique beginning finds the bundle."""


@contextmanager
def stored(options: Options) -> Iterator[tuple[Project, Store]]:
    """The project and its open store; raises InputError where no store has been made yet."""
    from dfplan_assets.project import load_project
    from dfplan_assets.store import find_store

    project = load_project(options.project)
    store = find_store(project.store)
    if store is None:
        raise InputError(
            f"project {project.name} in {project.root}",
            "it has no plan store yet, since none of its views has been run",
            "Materialise them: dfplan run",
        )
    with store:
        yield project, store


def bundles_of(view: str, project: Project, store: Store) -> tuple[BundleRecord, ...]:
    """The stored bundles of a view, the one planned last first.

    A view that the project no longer has is found as long as something of it is stored. Raises
    UnknownNameError for a name that is no view, InputError for a view of which nothing is stored.
    """
    found = store.bundles(view)
    if found:
        if view in project.views and project.views[view].is_virtual:
            click.echo(
                f"Note: {view} is no longer stored; what is known of it is from when it was.", err=True
            )
        return found
    check_view(view, project.views, str(project.root))
    if project.views[view].is_virtual:
        raise InputError(
            project.views[view].where,
            "it has no plans of its own: it is not stored (materialized: view), but inlined into the views "
            "that read it",
            f"`dfplan plan {view}` shows its query and what of it changed; the plans of the views that "
            "read it show it inlined.",
        )
    raise InputError(
        project.views[view].where,
        "no plan of it has been stored yet",
        f"Materialise it: dfplan run '+{view}'",
    )


def choose(key: str, bundles: tuple[BundleRecord, ...]) -> BundleRecord:
    """The bundle whose key begins with ``key``; raises InputError unless there is exactly one."""
    found = [bundle for bundle in bundles if bundle.key.startswith(key.lower())]
    if len(found) == 1:
        return found[0]
    view = bundles[0].view
    if not found:
        raise InputError(
            f"view {view}",
            f"none of its {len(bundles)} stored plans has a key that begins with {key}",
            f"`dfplan history {view}` lists them.",
        )
    keys = ", ".join(bundle.key[: max(len(key) + 4, SHORT_KEY_CHARACTERS)] for bundle in found[:5])
    raise InputError(
        f"view {view}",
        f"{len(found)} of its stored plans have a key that begins with {key}: {keys}",
        "Name more of the key.",
    )
