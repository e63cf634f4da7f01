"""What Dagster loads: the views of this folder. Add assets, jobs and sensors of your own beside them."""

from pathlib import Path

from dfplan_assets import build_definitions

defs = build_definitions(Path(__file__).parent)
