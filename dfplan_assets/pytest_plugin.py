"""The fixture ``dfplan_golden``: golden plans checked in a project's own tests.

    def test_plans(dfplan_golden):
        dfplan_golden()                             # the project in pytest's root folder
        dfplan_golden("shop", level="meaning")      # another one, below it
        dfplan_golden("shop", views=["revenue"])

A test fails with what ``dfplan golden check`` prints. Every session of pytest loads this module, so it
imports the planner only when a test asks for the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dfplan_assets.project.model import Level

GoldenCheck = Callable[..., None]


@pytest.fixture
def dfplan_golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """Checks the golden plans of a project: ``dfplan_golden(project, views=…, level=…)``."""

    def check(
        project: str | os.PathLike[str] = ".",
        *,
        views: Collection[str] | None = None,
        level: Level | None = None,
    ) -> None:
        __tracebackhide__ = True
        if level not in (None, "meaning", "plan"):
            raise ValueError(f"the level of dfplan_golden is 'meaning' or 'plan', not {level!r}")
        from dfplan_assets.golden.check import check_project
        from dfplan_assets.golden.reports import lines
        from dfplan_assets.lookup import check_view
        from dfplan_assets.project import load_project

        found = load_project(request.config.rootpath / project)
        for view in views or ():
            check_view(view, found.views, str(found.root))
        result = check_project(found, views, level)
        if result.exit_code:
            pytest.fail("\n".join(line.plain for line in lines(result)), pytrace=False)

    return check
