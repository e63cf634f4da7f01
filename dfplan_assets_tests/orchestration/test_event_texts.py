"""The text of an event is what Dagster makes of it, also where two events share their metadata."""

from __future__ import annotations

import dagster as dg
from dagster._serdes import serialize_value

from dfplan_assets.orchestration.event_texts import EventTexts

_LINEAGE = dg.TableColumnLineage(
    {"b": [dg.TableColumnDep(dg.AssetKey(["up", "stream"]), 'a "\N{SNOWMAN}"')], "a": []}
)
_DATA = {"later": 1}


@dg.asset
def made() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            "text": "\N{SNOWMAN} % \n \\",
            "rows": 3,
            "share": 0.5,
            "markdown": dg.MetadataValue.md("*m*"),
            "dagster/column_lineage": _LINEAGE,
        }
    )


@dg.asset
def made_with_json() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"data": dg.MetadataValue.json(_DATA)})


@dg.asset
def bare() -> None:
    """Without metadata."""


def test_events_have_the_text_that_dagster_gives_them() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([made, made_with_json, bare], instance=instance)
        entries = instance.all_logs(result.run_id)
    texts = EventTexts()
    assert [texts.text(entry) for entry in entries] == [serialize_value(entry) for entry in entries]
    # In whatever order threads come.
    assert [texts.text(entry) for entry in entries[::-1]] == [serialize_value(each) for each in entries[::-1]]


def test_metadata_that_changed_in_between_is_told_as_it_is() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([made_with_json], instance=instance)
        (entry,) = [
            each
            for each in instance.all_logs(result.run_id)
            if each.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
        ]
    texts = EventTexts()
    before = texts.text(entry)
    data = entry.get_dagster_event().step_materialization_data.materialization.metadata["data"]
    assert isinstance(data, dg.JsonMetadataValue)
    assert isinstance(data.data, dict)
    data.data["later"] = 2
    assert texts.text(entry) == before.replace('"later": 1', '"later": 2') != before
