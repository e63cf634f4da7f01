"""The planned project that a command asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfplan_assets.cli.options import Options
from dfplan_assets.lookup import check_view

if TYPE_CHECKING:
    from dfplan_assets.planning.bundle import ProjectPlan


def planned(options: Options, view: str | None) -> tuple[ProjectPlan, tuple[str, ...]]:
    """The project planned, and the views asked about, upstream first: the one named, else all.

    Raises UnknownNameError for a name that is no view, before anything is planned, and the error of
    a view asked about that cannot be planned.
    """
    from dfplan_assets.project import load_project
    from dfplan_assets.store.plan_memory import plan_remembered

    project = load_project(options.project)
    if view is not None:
        check_view(view, project.views, str(project.root))
    plan = plan_remembered(project, keep=False)
    asked = plan.all_views if view is None else (view,)
    for name in asked:
        if name in plan.unplanned:
            raise plan.unplanned[name].error
    return plan, asked
