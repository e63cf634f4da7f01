"""The project as it is on the disk by now, beside the one that Dagster loaded.

A process that serves definitions keeps those that it loaded, while the process of a run loads them anew. What
a view means may differ between the two; what views there are and what they read must not: a run
is ordered by what was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project
from dfplan_assets.store.plan_memory import PlanMemory

MOST_LISTED = 5


class ProjectOnDisk:
    """A project's folder, planned again and again; views that did not change are planned once.

    Several threads may share it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._memory: PlanMemory | None = None
        self._planning = Lock()

    def plan(self) -> ProjectPlan:
        """The project as a run that begins now will plan it.

        Raises the InputError of what cannot be read or planned.
        """
        project = load_project(self._root)
        with self._planning:
            # Kept between ticks, since reading what is remembered takes longer than all the rest of one.
            self._memory = self._memory or PlanMemory.of(project)
            plan = plan_project(project, self._memory)
            self._memory.save(project)
        return plan


def graph_moved(loaded: ProjectPlan, current: ProjectPlan) -> str | None:
    """Why the definitions must be loaded again before anything runs; None where they need not."""
    differences = _differences(loaded, current)
    if not differences:
        return None
    return (
        f"The views on the disk are not those that Dagster loaded: {listed(differences)}. "
        "Reload the code location."
    )


def listed(words: Iterable[str], between: str = ", ") -> str:
    """The words in a line; those after the first few are counted."""
    all_words = list(words)
    more = len(all_words) - MOST_LISTED
    shown = between.join(all_words[:MOST_LISTED])
    return f"{shown}{between}and {more} more" if more > 0 else shown


def _differences(loaded: ProjectPlan, current: ProjectPlan) -> list[str]:
    before, now = set(loaded.all_views), set(current.all_views)
    found = []
    for view in sorted(before | now):
        if view not in before:
            found.append(f"{view} is new")
        elif view not in now:
            found.append(f"{view} is gone")
        elif loaded.is_virtual(view) != current.is_virtual(view):
            found.append(f"{view} is {'stored now' if loaded.is_virtual(view) else 'no longer stored'}")
        elif partitions_of(loaded, view) != partitions_of(current, view):
            found.append(f"{view} has other partitions")
        elif set(loaded.tables_of(view)) != set(current.tables_of(view)):
            found.append(f"{view} reads other tables")
    return found
