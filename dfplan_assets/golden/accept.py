"""Taking a view's new plan as golden, and keeping in the plan store who did, when and why."""

from __future__ import annotations

import getpass
from collections.abc import Collection
from datetime import datetime, timezone

from dfplan_assets.golden.folder import GoldenFolder
from dfplan_assets.golden.sealed import refuse_newer
from dfplan_assets.golden.update import Updated, update
from dfplan_assets.project.model import Project
from dfplan_assets.store import AcceptanceRecord, open_store


def accept(project: Project, views: Collection[str], note: str) -> Updated:
    """Writes the golden files of the views named, and keeps the acceptance of each in the plan store.

    Raises StoreError where the store cannot be opened, and GoldenError where the golden plan of one of
    these views is of a newer format, before any file is written; otherwise as ``update``.
    """
    folder = GoldenFolder(project.golden_plans.folder)
    for view in views:
        file = folder.complete(view)
        if file.is_file():
            refuse_newer(file.read_text(encoding="utf-8", errors="replace"), file)
    with open_store(project.store) as store:
        updated = update(project, views)
        for view, identity in updated.identities.items():
            store.put_acceptance(
                AcceptanceRecord(
                    view=view,
                    complete=identity.complete,
                    fingerprint=updated.fingerprints[view],
                    accepted_at=datetime.now(timezone.utc),
                    accepted_by=_person(),
                    note=note,
                )
            )
    return updated


def _person() -> str:
    """The name of the account; containers may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
