"""The lineage of one view, checked against what the planner itself resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
from datafusion import DataFrame

from dfplan_assets.errors import LineageError, PlanningError
from dfplan_assets.planning.catalog import CATALOG, DEFAULT_SCHEMA, schema_and_table
from dfplan_assets.planning.lineage.model import ColumnOrigin, Lineage
from dfplan_assets.planning.lineage.plan_text import PlanTextError, as_written, one_line, parse_plan
from dfplan_assets.planning.lineage.relation import Origins, Relation
from dfplan_assets.planning.lineage.rules import RULES
from dfplan_assets.planning.lineage.walk import Walk
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.sql_text import quoted_names, string_spellings, words_in_values
from dfplan_assets.project.model import ParameterValue, View


def view_lineage(
    frame: DataFrame,
    view: View,
    params: Mapping[str, ParameterValue],
    resolved: Mapping[str, bool],
    schemas: Mapping[str, pa.Schema],
    hide: Callable[[str], str] = str,
) -> Lineage:
    """The lineage of a view from its plan as written.

    ``frame`` is the planned view, ``resolved`` the names that the planner looked up for it (and
    whether there is such a table), ``schemas`` the schemas of the tables found; ``hide`` takes secret
    values out of messages. Raises LineageError where the plan and the planner disagree or the plan
    says something unknown; nothing is guessed.
    """
    plan = frame.logical_plan()
    texts = {*string_spellings(view.sql), *(value for value in params.values() if isinstance(value, str))}
    names = {*quoted_names(view.sql), *(name for schema in schemas.values() for name in schema.names)}
    literals = sorted(map(one_line, texts), key=len, reverse=True)
    walk = Walk(RULES, _printed_names(view, resolved), literals, words_in_values(view.sql))
    try:
        root = parse_plan(plan.display_indent(), plan.display_indent_schema(), texts | names)
        relation = walk.relation(root)
    except RecursionError as cause:
        raise LineageError(
            view.where,
            "the query nests too deeply for its lineage to be followed",
            "Split the view: make a view of its own of an inner part.",
        ) from cause
    except PlanTextError as cause:
        _refuse_what_cannot_run(frame, view, hide)
        raise LineageError(
            view.where,
            f"the query plans, but its lineage is not certain: {hide(str(cause))}",
            "Rewrite that part of the query, or rename columns with unusual characters; "
            "and report the query as a bug.",
        ) from cause
    found = {name for name, exists in resolved.items() if exists}
    if not walk.scanned <= found:
        raise LineageError(
            view.where,
            f"the planner resolved {sorted(found)}, but the plan reads {sorted(walk.scanned)}",
            "Report the query as a bug.",
        )
    _check_output(view, relation, frame.schema())
    return _lineage(relation, walk, found, schemas)


def _refuse_what_cannot_run(frame: DataFrame, view: View, hide: Callable[[str], str]) -> None:
    """Raises PlanningError for a plan that DataFusion itself cannot make physical: it has no lineage."""
    try:
        frame.execution_plan()
    except BaseException as cause:
        raise_unless_datafusion(cause)
        said = " ".join(hide(str(cause)).split())
        raise PlanningError(
            view.where,
            f"DataFusion plans the query, but cannot execute it: {said}",
            "Rewrite that part of the query; behind UNION, ORDER BY can name columns of the result alone.",
        ) from None  # the cause may quote a secret value


def _printed_names(view: View, resolved: Mapping[str, bool]) -> dict[str, str]:
    """How the plan prints each table that the planner found: with or without schema and catalog."""
    printed: dict[str, str] = {}
    for name, exists in resolved.items():
        if not exists:
            continue
        schema, table = schema_and_table(name)
        spellings = {f"{schema}.{table}", f"{CATALOG}.{schema}.{table}"}
        if schema == DEFAULT_SCHEMA:
            spellings.add(table)
        for spelling in spellings:
            if printed.setdefault(spelling, name) != name:
                raise LineageError(
                    view.where,
                    f"the plan prints the tables {name} and {printed[spelling]} alike, as {spelling}",
                    "Rename one of them.",
                )
    return printed


def _check_output(view: View, relation: Relation, schema: pa.Schema) -> None:
    names = [as_written(column.name) for column in relation.columns]
    if names != schema.names:
        raise LineageError(
            view.where,
            f"the planner puts out the columns {schema.names}, lineage found {names}",
            "Report the query as a bug.",
        )
    for name in names:
        if names.count(name) > 1:
            raise PlanningError(
                view.where,
                f"the query puts out two columns named {name}",
                "Give one of them another name with AS.",
            )


def _lineage(relation: Relation, walk: Walk, found: set[str], schemas: Mapping[str, pa.Schema]) -> Lineage:
    tables = tuple(sorted(walk.scanned))
    rows = relation.rows | relation.hidden_duplicates
    columns = {
        as_written(column.name): tuple(
            sorted(
                [
                    *(ColumnOrigin(table, name, "direct") for table, name in column.direct),
                    *(ColumnOrigin(table, name, "indirect") for table, name in column.indirect | rows),
                ]
            )
        )
        for column in relation.columns
    }
    required = relation.values | rows | relation.order | relation.needed | relation.duplicates
    return Lineage(
        tables=tables,
        unused_tables=tuple(sorted(found - walk.scanned)),
        columns=columns,
        required_columns={table: _in_table_order(table, required, schemas[table].names) for table in tables},
        functions=tuple(sorted(walk.functions)),
    )


def _in_table_order(table: str, required: Origins, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if (table, name) in required)
