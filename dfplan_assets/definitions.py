"""The definitions that Dagster loads: the project named by ``DFPLAN_PROJECT``, else the demo.

Loading plans the project's views and writes nothing. A project that cannot be planned raises the
error that says why, which Dagster shows as the error of the code location.
"""

from __future__ import annotations

from dfplan_assets.lookup import configured_project
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.planning.project_plan import plan_project
from dfplan_assets.project import load_project

defs = project_definitions(plan_project(load_project(configured_project())))
