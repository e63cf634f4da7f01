"""The definitions that Dagster loads: the project named by ``DFPLAN_PROJECT``, else the demo.

Loading plans those views that changed since the last load. It writes nothing, but for the memory of
that in a project that has been run before (``.dfplan/planned``, which may be deleted at any time). A view
that cannot be planned is an asset that says why, and fails with that; all others are as they should be. What
is wrong with the project itself is the error of the code location.
"""

from __future__ import annotations

import gc

from dfplan_assets.lookup import configured_project
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.heap import nothing_collected
from dfplan_assets.project import load_project
from dfplan_assets.store.plan_memory import plan_remembered

with nothing_collected():
    defs = project_definitions(
        plan_remembered(load_project(configured_project()), keep=True, keep_going=True)
    )
# They live as long as the process that loads them, which has not begun to serve them.
gc.freeze()
