"""Writes the golden plans beside this file, with whatever release of DataFusion is installed.

    python make.py      # with the package on the path, in an environment of the release before

The Python package of DataFusion 54 does not tell how a physical operator divides its rows. A bundle has
that in its topology, a golden file does not, so the topology is left out here. All else is made as
``dfplan golden update`` makes it.
"""

from __future__ import annotations

from pathlib import Path

from dfplan_assets.golden.update import update
from dfplan_assets.planning import capture
from dfplan_assets.project import load_project

capture.topology = lambda plan: ()  # type: ignore[attr-defined]
print(update(load_project(Path(__file__).parent)).written)
