"""What ``dg scaffold defs dfplan_assets.DfplanProject NAME`` writes."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
from pydantic import BaseModel, Field

from dfplan_assets.errors import ProjectError

_FILES = {
    "dfplan.yaml": """\
name: {name}
views: views
output: warehouse
# sources:
#   orders: data/orders.parquet
""",
    "views/staging/orders.sql": """\
/* ---
description: Orders, as long as there is no source of them
--- */
select id, customer, price
from (values (1, 'ann', 10.0), (2, 'bob', 20.0), (3, 'ann', 30.5)) as o (id, customer, price)
""",
    "views/marts/revenue.sql": """\
/* ---
description: Revenue per customer
--- */
select customer, sum(price) as total
from orders
group by customer
""",
    ".gitignore": """\
warehouse/
.dfplan/
""",
}


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
            path = "."
            for name, text in _FILES.items():
                file = folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text.replace("{name}", folder.name), encoding="utf-8")
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
