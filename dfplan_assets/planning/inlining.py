"""Views that are not stored: their queries inlined into the views that read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import ParameterError, PlanningError
from dfplan_assets.planning.bundle import BoundParameter, EnvironmentPart, Identity, ProjectPlan
from dfplan_assets.planning.catalog import CATALOG, column, schema_and_table
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.lineage.model import ColumnOrigin, Kind, Lineage
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.parameters import bound_parameters
from dfplan_assets.planning.secrets import params_to_show
from dfplan_assets.planning.sources import move_table
from dfplan_assets.planning.stable_plan import stable_plan, workshop
from dfplan_assets.project.model import ParameterValue

INLINED = "inlined"
"""The name of the environment's part that holds the views inlined into one."""

# No view or source has a space in its name, so this hides none of them.
_REGISTERED = "query of an inlined view"


def inlined_schema(published: pa.Schema, frame: DataFrame) -> pa.Schema:
    """The schema under which a view that is not stored is known to those that read it.

    ``frame`` is its query as planned over stand-ins. The types are those that it would have stored
    (``published``): whether it is must change nothing, and a query can ask for a type (``arrow_typeof``).
    Whether a column may be null is as the plan has it, since nothing is read back from a file.
    """
    return pa.schema(
        [
            pa.field(field.name, field.type, planned.nullable)
            for field, planned in zip(published, _self_contained(frame).schema(), strict=True)
        ]
    )


def _self_contained(frame: DataFrame) -> DataFrame:
    """A query in its stable form, in which no part refers to columns of a query around it.

    DataFusion takes a correlated subquery for one that is correlated with whatever the view is
    inlined into, and refuses it in places where a plain one may stand. A query that has no stable
    form cannot be analysed: whoever reads it fails with what DataFusion says of that.
    """
    try:
        plan = stable_plan(frame.logical_plan())
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return frame
    return workshop().create_dataframe_from_logical_plan(plan)


def register_inlined(ctx: SessionContext, plan: ProjectPlan, name: str) -> None:
    """Makes a view that is not stored known to a session that knows the tables it reads.

    Its query is planned as that of any view is, and stands in the plans of those that read it, where
    the optimiser works on the whole. Raises what ``plan_query`` raises, and PlanningError where the
    query has another schema here than it was planned with.
    """
    params = plan.project.params_of(plan.views[name].view)
    _register(ctx, name, _planned(ctx, plan, name, params))


def show_inlined(ctx: SessionContext, plan: ProjectPlan, view: str) -> bool:
    """Registers the views inlined into a view anew, with other values in the place of secret ones.

    A plan made in the session from then on can be shown to anyone. False where no other value fits.
    """
    for name in plan.inlined_views(view):
        for params in params_to_show(plan.project, plan.views[name].view):
            try:
                frame = _planned(ctx, plan, name, params)
            except ParameterError:
                continue
            schema, table = schema_and_table(name)
            ctx.catalog(CATALOG).schema(schema).deregister_table(table)
            _register(ctx, name, frame)
            break
        else:
            return False
    return True


def _planned(
    ctx: SessionContext, plan: ProjectPlan, name: str, params: Mapping[str, ParameterValue]
) -> DataFrame:
    view_plan = plan.views[name]
    frame = _with_types(_self_contained(plan_query(ctx, view_plan.view, params)), view_plan.schema)
    found: pa.Schema = frame.schema()
    # A column may be known never to be null over these tables, where it could be over others.
    as_planned = [(each.name, each.type) for each in found] == [
        (each.name, each.type) for each in view_plan.schema
    ] and not any(a.nullable > b.nullable for a, b in zip(found, view_plan.schema, strict=True))
    if not as_planned:
        raise PlanningError(
            view_plan.view.where,
            f"over its tables the query has the columns {found}, it was planned with {view_plan.schema}",
            "Read the project again; if that does not help, report the query as a bug.",
        )
    return frame


def _register(ctx: SessionContext, name: str, frame: DataFrame) -> None:
    ctx.register_view(_REGISTERED, frame)
    move_table(ctx, _REGISTERED, name)


def _with_types(frame: DataFrame, schema: pa.Schema) -> DataFrame:
    """The frame with the types that whoever reads it was planned with.

    Most columns have them. Texts that are computed become views of texts, as they are in files, and
    where the plan as written differs from what the analyser finds, the cast goes with the optimiser.
    """
    columns = []
    for field in frame.schema():
        found, planned = column(field.name), schema.field(field.name).type
        columns.append(found if field.type == planned else found.cast(planned).alias(field.name))
    if frame.schema().types == schema.types:
        return frame
    return frame.select(*columns)


@dataclass(frozen=True)
class InlinedView:
    """A view as it was when it was inlined; secret values are hidden."""

    view: str
    sql: str
    logical_plan: str
    schema: pa.Schema
    lineage: Lineage
    identity: Identity
    parameters: tuple[BoundParameter, ...]


def inlined_environment(plan: ProjectPlan, view: str) -> tuple[EnvironmentPart, ...]:
    """The views inlined into a view, upstream first, as a part of its plan's environment; none where none is.

    With it, a stored plan says by itself what was inlined into it.
    """
    return _part([_document(plan, name) for name in plan.inlined_views(view)])


def read_inlined(part: EnvironmentPart) -> tuple[InlinedView, ...]:
    """The views that ``inlined_environment`` wrote."""
    return tuple(_inlined_view(document) for document in json.loads(part.content))


def inlined_below(part: EnvironmentPart, view: str) -> tuple[EnvironmentPart, ...]:
    """Of a part that holds a view, the part that this view's own environment has."""
    documents = {document["view"]: document for document in json.loads(part.content)}
    found: set[str] = set()
    waiting = [view]
    while waiting:
        below = documents.keys() & set(documents[waiting.pop()]["lineage"]["tables"])
        waiting += below - found
        found |= below
    return _part([document for name, document in documents.items() if name in found])


def _part(documents: list[dict[str, Any]]) -> tuple[EnvironmentPart, ...]:
    if not documents:
        return ()
    content = json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
    return (EnvironmentPart(INLINED, content, hashlib.sha256(content.encode()).hexdigest()),)


def _document(plan: ProjectPlan, name: str) -> dict[str, Any]:
    found = plan.views[name]
    lineage, identity = found.lineage, found.identity
    return {
        "view": name,
        "sql": found.view.sql,
        "logical_plan": found.logical_plan,
        "schema": found.schema.serialize().to_pybytes().hex(),
        "lineage": {
            **vars(lineage),
            "columns": {
                column: [[origin.table, origin.column, origin.kind] for origin in origins]
                for column, origins in lineage.columns.items()
            },
            "required_columns": dict(lineage.required_columns),
        },
        "identity": {**vars(identity), "parts": dict(identity.parts)},
        "parameters": [
            [each.name, each.type, each.value] for each in bound_parameters(plan.project, found.view)
        ],
    }


def _inlined_view(document: Mapping[str, Any]) -> InlinedView:
    lineage, identity = document["lineage"], document["identity"]
    return InlinedView(
        view=document["view"],
        sql=document["sql"],
        logical_plan=document["logical_plan"],
        schema=pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(document["schema"]))),
        lineage=Lineage(
            tables=tuple(lineage["tables"]),
            unused_tables=tuple(lineage["unused_tables"]),
            columns={
                column: tuple(ColumnOrigin(table, name, cast(Kind, kind)) for table, name, kind in origins)
                for column, origins in lineage["columns"].items()
            },
            required_columns={table: tuple(names) for table, names in lineage["required_columns"].items()},
            functions=tuple(lineage["functions"]),
        ),
        identity=Identity(
            parts=identity["parts"],
            fingerprint=identity["fingerprint"],
            complete=identity["complete"],
            volatile_functions=tuple(identity["volatile_functions"]),
        ),
        parameters=tuple(BoundParameter(*each) for each in document["parameters"]),
    )
