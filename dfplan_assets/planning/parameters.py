"""The parameters of a view as they are shown."""

from __future__ import annotations

from dfplan_assets.planning.bundle import BoundParameter
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.model import Project, View


def bound_parameters(project: Project, view: View) -> tuple[BoundParameter, ...]:
    """The parameters that a view names, with their values but for those that are secret."""
    params = project.params_of(view)
    return tuple(
        BoundParameter(
            name,
            type(params[name]).__name__,
            None if name in project.secret_params else str(params[name]),
        )
        for name in parameter_names(view.sql)
    )
