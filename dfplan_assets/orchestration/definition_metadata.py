"""What an asset says before it runs: its code, its place, its columns, its plan."""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg
import pyarrow as pa

from dfplan_assets.orchestration.column_origins import names_of, origin_sentence
from dfplan_assets.orchestration.markdown import fenced, fit, shorten
from dfplan_assets.orchestration.view_text import query_text
from dfplan_assets.planning.bundle import ProjectPlan, ViewPlan
from dfplan_assets.project.model import Source

_PLAN_BYTES = 16_000
_LINE_BYTES = 2_000
_COLUMN_TEXT_BYTES = 600


def view_metadata(project: ProjectPlan, plan: ViewPlan) -> dict[str, dg.MetadataValue]:
    """A view's code reference, table name, place, columns with their origins, and its plan as written.

    A view that is not stored has no place; it says into which views it is inlined.
    """
    place: dict[str, dg.MetadataValue]
    if plan.view.is_virtual:
        readers = ", ".join(project.readers_of(plan.view.name))
        place = {"dfplan/inlined_into": dg.MetadataValue.text(readers or "no stored view")}
    else:
        place = {"dagster/uri": dg.MetadataValue.text(str(Path(project.project.output) / plan.view.name))}
    return {
        "dagster/code_references": _code_reference(plan),
        "dagster/table_name": dg.MetadataValue.text(plan.view.name),
        **place,
        "dagster/column_schema": _view_columns(plan),
        **_rows_decided_by(plan),
        "dfplan/logical_plan": _logical_plan(plan),
    }


def source_metadata(project: ProjectPlan, source: Source) -> dict[str, dg.MetadataValue]:
    """A source's name, place and format, and its columns as far as they were needed for planning."""
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/table_name": dg.MetadataValue.text(source.name),
        "dagster/uri": dg.MetadataValue.text(source.path),
        "dfplan/format": dg.MetadataValue.text(source.format),
    }
    if source.version is not None:
        metadata["dfplan/version"] = dg.MetadataValue.text(str(source.version))
    columns = project.source_schemas.get(source.name, source.columns)
    if columns is not None:
        metadata["dagster/column_schema"] = columns_metadata(columns)
    return metadata


def columns_metadata(schema: pa.Schema) -> dg.TableSchemaMetadataValue:
    """The columns of a table of which no more is known than a schema tells."""
    return dg.TableSchemaMetadataValue(dg.TableSchema([_column(field, None) for field in schema]))


def _code_reference(plan: ViewPlan) -> dg.CodeReferencesMetadataValue:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(
                    file_path=str(plan.view.path),
                    line_number=query_text(plan.view).line,
                    label=plan.view.path.name,
                )
            ]
        )


def _view_columns(plan: ViewPlan) -> dg.TableSchemaMetadataValue:
    columns = plan.lineage.columns
    of_rows = plan.lineage.row_origins
    return dg.TableSchemaMetadataValue(
        dg.TableSchema(
            [_column(field, origin_sentence(columns[field.name], of_rows)) for field in plan.schema]
        )
    )


def _rows_decided_by(plan: ViewPlan) -> dict[str, dg.MetadataValue]:
    """What decides which rows there are, said once rather than with each column."""
    of_rows = plan.lineage.row_origins
    return {"dfplan/rows_decided_by": dg.MetadataValue.text(names_of(of_rows))} if of_rows else {}


def _column(field: pa.Field, description: str | None) -> dg.TableColumn:
    return dg.TableColumn(
        name=field.name,
        type=str(field.type),
        description=None if description is None else shorten(description, _COLUMN_TEXT_BYTES),
        constraints=dg.TableColumnConstraints(nullable=field.nullable),
    )


def _logical_plan(plan: ViewPlan) -> dg.MarkdownMetadataValue:
    complete = plan.logical_plan.rstrip().splitlines()
    lines = [shorten(line, _LINE_BYTES) for line in complete]
    shown = fit(lines, _PLAN_BYTES)
    cut = sum(line != whole for line, whole in zip(lines[:shown], complete, strict=False))
    notes = [
        *(
            [f"the last {len(lines) - shown:,} of {len(lines):,} lines are left out"]
            if shown < len(lines)
            else []
        ),
        *([f"{cut:,} long lines are cut"] if cut else []),
    ]
    text = fenced("\n".join(lines[:shown]))
    if notes:
        command = f"`dfplan plan {plan.view.name}` prints the whole plan."
        text = f"**Shortened: {', '.join(notes)}.** {command}\n\n{text}"
    return dg.MetadataValue.md(text)
