from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import pytest

from dfplan_assets.orchestration.bundle_metadata import bundle_metadata
from dfplan_assets.orchestration.picture_metadata import picture_metadata
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES, run_metadata
from dfplan_assets.orchestration.runner import Attempt, Made, ProjectRunner
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.visual.operator_timeline import operator_timeline
from dfplan_assets.visual.plan_picture import plan_picture
from dfplan_assets_tests.demo.warehouse import PROJECT
from dfplan_assets_tests.small_projects import plan_of


@pytest.fixture(scope="module")
def made(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ProjectPlan, list[Made]]:
    """The demo's plan, and all of its views without partitions as they were run."""
    folder = tmp_path_factory.mktemp("pictured")
    shutil.copytree(PROJECT / "views", folder / "views")
    shutil.copy(PROJECT / "dfplan.yaml", folder)
    (folder / "data").symlink_to(project / "data")
    plan = plan_of(folder)
    run = ProjectRunner(plan)
    whole = [name for name, each in plan.views.items() if not (each.view.partitions or plan.is_virtual(name))]
    done = [run(Attempt(view, "run")) for view in whole]
    return plan, [each for each in done if isinstance(each, Made)]


def test_every_event_of_the_demo_fits_with_both_of_its_pictures(
    made: tuple[ProjectPlan, list[Made]],
) -> None:
    plan, views = made
    assert len(views) > 40
    for each in views:
        view = each.done.publication.view
        metadata = {
            **run_metadata(each.done, plan.views[view].lineage, dg.AssetKey, plan.project.root),
            **bundle_metadata(each),
        }
        pictures = picture_metadata(each.done, metadata)
        assert all(str(picture.value).startswith("![") for picture in pictures.values()), view
        event = dg.AssetMaterialization(view, metadata={**metadata, **pictures})
        assert len(dg.serialize_value(event)) < EVENT_LIMIT_BYTES - 2_000, view


def test_every_plan_of_the_demo_has_pictures_of_at_most_20_kilobytes(
    made: tuple[ProjectPlan, list[Made]],
) -> None:
    for each in made[1]:
        for svg in (plan_picture(each.done.profile), operator_timeline(each.done.profile)):
            assert len(svg.encode()) <= 20_000
            ElementTree.fromstring(svg)
