"""What ``dg scaffold defs dfplan_assets.DfplanProject NAME`` writes."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
from pydantic import BaseModel, Field

from dfplan_assets.errors import ProjectError

_TAKEN = ("dfplan.yaml", ".gitignore", "data", "views")
"""What of a new project's files is no other way to Dagster than this component."""


class DfplanProjectParams(BaseModel):
    """What can be asked for."""

    project: str | None = Field(
        default=None,
        description="The folder of an existing dfplan project. Without it a small new one is made beside "
        "defs.yaml.",
    )


class DfplanProjectScaffolder(dg.Scaffolder[DfplanProjectParams]):
    """Writes a ``defs.yaml`` for a project that exists, or for a new one that runs as it is."""

    @classmethod
    def get_scaffold_params(cls) -> type[DfplanProjectParams]:
        """``--project`` alone."""
        return DfplanProjectParams

    def scaffold(self, request: dg.ScaffoldRequest[DfplanProjectParams]) -> None:
        """Raises ProjectError where the project that is named does not exist, before anything is written."""
        folder = request.target_path
        if request.params.project is None:
            from dfplan_assets.golden.update import update
            from dfplan_assets.project import load_project
            from dfplan_assets.starter import starter_files

            path = "."
            for name, text in starter_files(folder.name).items():
                if name.parts[0] in _TAKEN:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_text(text, encoding="utf-8")
            update(load_project(folder))  # as its checks want it
        else:
            existing = Path(os.path.abspath(request.params.project))
            if not (existing / "dfplan.yaml").is_file():
                raise ProjectError(
                    f"--project {request.params.project}",
                    f"there is no {existing / 'dfplan.yaml'}",
                    "Name the folder of a project, or leave --project out for a new one.",
                )
            path = Path(os.path.relpath(existing, os.path.abspath(folder))).as_posix()
        dg.scaffold_component(request, {"project": path})
