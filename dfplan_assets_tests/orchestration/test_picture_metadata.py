from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import pytest

from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.data_versions import STALE_TAG
from dfplan_assets.orchestration.definitions import project_definitions
from dfplan_assets.orchestration.markdown import stored_bytes
from dfplan_assets.orchestration.picture_metadata import (
    OPERATOR_TIMELINE,
    PLAN_PICTURE,
    picture_metadata,
)
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES
from dfplan_assets_tests.small_projects import plan_of, write_project, write_shop
from dfplan_assets_tests.store import samples
from dfplan_assets_tests.visual.operators import star

_IMAGE = re.compile(r"!\[([a-z ]+)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/]+=*)\)\n\n(.+)")


def _svg(markdown: object) -> str:
    """The picture that a text of Markdown begins with; a line says what it shows."""
    found = _IMAGE.fullmatch(str(markdown))
    assert found is not None
    assert len(found[3]) > 120  # the line gives the picture its width
    return base64.b64decode(found[2], validate=True).decode()


def _run(folder: Path, view: str, tags: dict[str, str] | None = None) -> list[dg.AssetMaterialization]:
    job = project_definitions(plan_of(folder)).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(view)], tags=tags, raise_on_error=False
        )
        return [
            event.step_materialization_data.materialization
            for event in result.all_events
            if event.event_type_value == "ASSET_MATERIALIZATION"
        ]


def _shown(others_bytes: int, joins: int = 8) -> dict[str, str]:
    """The pictures of a run of 5 operators a join whose other metadata takes so many bytes."""
    done = Materialisation(
        Publication("revenue", "v1", (), 1, 1, samples.MORNING), star(joins), samples.bundle()
    )
    others = {"dfplan/executed_plan": dg.MetadataValue.md("x" * others_bytes)}
    return {key: str(value.value) for key, value in picture_metadata(done, others).items()}


def test_a_materialisation_shows_its_plan_and_its_timeline_and_a_reused_result_none(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    (made,) = _run(shop, "revenue")
    picture = _svg(made.metadata[PLAN_PICTURE].value)
    timeline = _svg(made.metadata[OPERATOR_TIMELINE].value)
    assert "Plan of revenue" in str(ElementTree.fromstring(picture).get("aria-label"))
    assert "Timeline of revenue" in str(ElementTree.fromstring(timeline).get("aria-label"))
    # The tables that it read are to be seen in it.
    assert {"nation.csv", "orders.parquet"} <= set(re.findall(r"nation\.csv|orders\.parquet", picture))

    (reused,) = _run(shop, "revenue", {STALE_TAG: "true"})
    assert "dfplan/cached" in reused.metadata
    assert not {PLAN_PICTURE, OPERATOR_TIMELINE} & set(reused.metadata)


def test_a_failed_view_shows_nothing_that_did_not_run(tmp_path: Path) -> None:
    write_project(tmp_path, {"broken.sql": "select 1 / (select 0) as a"})
    assert _run(tmp_path, "broken") == []


def test_pictures_and_all_else_fit_into_an_event() -> None:
    for others in (0, 10_000, 20_000, 30_000, 40_000, 60_000):
        shown = _shown(others, joins=30)
        assert others + sum(map(stored_bytes, shown.values())) < max(
            EVENT_LIMIT_BYTES - 3_000, others + 1_000
        )


def test_pictures_step_back_before_they_are_left_out() -> None:
    shown = [len(_svg(_shown(others)[PLAN_PICTURE])) for others in (0, 22_000, 30_000)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > shown[-1]


def test_a_picture_that_is_left_out_is_said_to_be() -> None:
    for text in _shown(44_000).values():
        assert text.startswith("**Left out: ")
        assert "`dfplan show revenue`" in text


@pytest.mark.parametrize("joins", [1, 30, 200])
def test_a_picture_takes_20_kilobytes_at_most(joins: int) -> None:
    assert all(len(_svg(text).encode()) <= 20_000 for text in _shown(0, joins).values())
