"""The pictures of a materialisation: the plan that ran, and when its operators began and ended.

They take the room that the rest of the metadata leaves in an event, and show less where that is little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg

from dfplan_assets.execution.materialise import Materialisation
from dfplan_assets.execution.profile import RunProfile
from dfplan_assets.execution.publication import Publication
from dfplan_assets.orchestration.markdown import image, stored_bytes
from dfplan_assets.orchestration.run_metadata import EVENT_LIMIT_BYTES, lineage_bytes_at_most
from dfplan_assets.visual import operator_timeline as timeline
from dfplan_assets.visual import plan_picture as plan

PLAN_PICTURE = "dfplan/plan_picture"
OPERATOR_TIMELINE = "dfplan/operator_timeline"

_EVENT_BYTES = 3_000  # of an event without metadata and without what names its inputs
_ENTRY_BYTES = 170  # around one value of metadata
_INPUT_BYTES = 160  # around a tag that names the version of an input
_PLAN_SHARE = 0.6  # of the room, since the plan says more than its timeline
_LEAST_BYTES = 5_000  # a picture below that shows nothing
_ENTRIES = 2
_SAID = {
    PLAN_PICTURE: "The result is on top, the scans below. The wider a line, the more rows went along it; "
    "the stronger a colour, the more of the CPU time an operator took in its own code.",
    OPERATOR_TIMELINE: "The result is on top, the scans below. CPU time in an operator's own code, as a part "
    "of the time from its start to its end, is how busy it was.",
}


def picture_metadata(
    done: Materialisation, others: Mapping[str, dg.MetadataValue]
) -> dict[str, dg.MetadataValue]:
    """The pictures of a run whose metadata is otherwise ``others``; all together they fit into one event."""
    used = _EVENT_BYTES + _tag_bytes(done.publication) + sum(map(_bytes_at_most, others, others.values()))
    room = EVENT_LIMIT_BYTES - used - _ENTRIES * _ENTRY_BYTES
    found: dict[str, dg.MetadataValue] = {}
    for key, draw, most, share in (
        (PLAN_PICTURE, plan.plan_picture, plan.LIMIT_BYTES, _PLAN_SHARE),
        (OPERATOR_TIMELINE, timeline.operator_timeline, timeline.LIMIT_BYTES, 1.0),
    ):
        shown = _picture(done.profile, key, draw, min(most, int(room * share) * 3 // 4 - 300))
        room -= len(shown)
        found[key] = dg.MetadataValue.md(shown)
    return found


def _picture(profile: RunProfile, key: str, draw: Callable[..., str], limit_bytes: int) -> str:
    drawn = draw(profile, limit_bytes=limit_bytes) if limit_bytes >= _LEAST_BYTES else ""
    if not drawn or len(drawn.encode()) > limit_bytes:
        command = f"`dfplan show {profile.view}` prints the whole plan with its figures."
        return f"**Left out: what else is to be told of this run leaves no room for it.** {command}"
    return image(key.rpartition("/")[2].replace("_", " "), drawn, _SAID[key])


def _bytes_at_most(key: str, value: dg.MetadataValue) -> int:
    """No less than what one entry takes in an event."""
    if isinstance(value, dg.TableColumnLineageMetadataValue):
        size = lineage_bytes_at_most(value.column_lineage)
    else:
        size = stored_bytes(str(value.value))
    return _ENTRY_BYTES + stored_bytes(key) + size


def _tag_bytes(publication: Publication) -> int:
    """No less than what the tags take that tell the versions of what was read, and of what was made of it."""
    inputs = {} if publication.provenance is None else publication.provenance.inputs
    return sum(_INPUT_BYTES + stored_bytes(table) + len(version or "") for table, version in inputs.items())
