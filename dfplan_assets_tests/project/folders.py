"""Makes project folders to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ONE_VIEW: Mapping[str, str] = {"one.sql": "select 1 as one"}


def write_project(
    root: Path, yaml: str = "name: shop\n", views: Mapping[str, str | bytes] = ONE_VIEW
) -> Path:
    """A folder with a dfplan.yaml and views, by their path below ``views/``."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dfplan.yaml").write_bytes(yaml.encode())
    for name, text in views.items():
        path = root / "views" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return root
