"""Checks of a view's rows as SQL over its result, planned against the columns that the result will have.

What is asked of DataFusion is made of quoted names and literals alone, but for the predicate of an
``expression``: that goes through DataFusion's parser for single expressions first, so it is one
expression and nothing else, and may hold neither subquery nor aggregate nor window.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import InputError, ParameterError, PlanningError, UnknownNameError
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.catalog import schema_and_table
from dfplan_assets.planning.check_order import upstream_of, views_behind
from dfplan_assets.planning.check_types import kind_of, sql_literal, sql_name
from dfplan_assets.planning.guard import NO_CHANGES, planning_error
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.session import planning_context
from dfplan_assets.planning.sources import register_empty, source_schema
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.check_words import row_count_in_words
from dfplan_assets.project.data_checks import (
    AcceptedValues,
    DataCheck,
    Expression,
    NotNull,
    Relationship,
    RowCount,
    Rule,
    Unique,
)
from dfplan_assets.project.model import ParameterValue, View
from dfplan_assets.project.partitions import PARTITION_PARAMETERS
from dfplan_assets.project.suggestions import did_you_mean

_SUBQUERY = re.compile(r"^\s*Subquery:", re.MULTILINE)
_ONE_ROW = "An expression says something of one row; write a view for what takes several, and check that."
_NOT_OF_ONE_ROW = {"Aggregate": "an aggregate", "WindowAggr": "a window function", "Unnest": "unnest"}


@dataclass(frozen=True)
class CheckQuery:
    """A check as SQL.

    ``failing`` is the condition under which a row does not pass, None for a rule that no single row breaks.
    ``count`` counts the rows that do not pass in a query of its own, None where ``failing`` or the number
    of rows tells it. ``sample`` selects rows that do not pass, None for a number of rows; ``fetch`` does the
    same in a form that finds all of them. ``table`` is another one that ``count`` and ``sample`` read, and
    ``checked_as`` the name by which they know the result. ``breach`` says what is wrong with rows that do not
    pass.
    """

    check: DataCheck
    breach: str
    failing: str | None = None
    count: str | None = None
    sample: str | None = None
    fetch: str | None = None
    table: str | None = None
    checked_as: str | None = None


@dataclass(frozen=True)
class PlannedChecks:
    """The checks of a view in the order of its file, those that can be evaluated as queries.

    ``table`` is the name of the result in them, as SQL; ``params`` are the values that they name.
    ``problems`` says of each other check, by name, why it cannot be evaluated.
    """

    view: View
    table: str
    queries: tuple[CheckQuery, ...]
    problems: Mapping[str, InputError]
    params: Mapping[str, ParameterValue]

    def only(self, names: Iterable[str]) -> PlannedChecks:
        """Those of these names."""
        kept = set(names)
        return replace(
            self,
            queries=tuple(query for query in self.queries if query.check.name in kept),
            problems={name: error for name, error in self.problems.items() if name in kept},
        )


def plan_checks(plan: ProjectPlan, view: str) -> PlannedChecks:
    """The checks of a planned view. Reads nothing, and raises nothing for a check that cannot be used:
    its view can run, and so can the other checks."""
    planner = _Planner(plan, view)
    queries: list[CheckQuery] = []
    problems: dict[str, InputError] = {}
    for check in planner.view.checks:
        try:
            queries.append(planner.query(check))
        except InputError as error:
            problems[check.name] = error
    return PlannedChecks(planner.view, planner.table, tuple(queries), problems, planner.params)


def sql_table(name: str) -> str:
    """A table of a project as SQL."""
    schema, table = schema_and_table(name)
    return f"{sql_name(schema)}.{sql_name(table)}" if "." in name else sql_name(table)


class _Planner:
    def __init__(self, plan: ProjectPlan, view: str) -> None:
        self._plan = plan
        self.view = plan.views[view].view
        self.table = sql_table(view)
        self._schema = plan.views[view].schema
        self.params: dict[str, ParameterValue] = {}
        self._opened: SessionContext | None = None

    def query(self, check: DataCheck) -> CheckQuery:
        """A check as SQL; raises PlanningError, or SourceError where the other table is not to be had."""
        rule: Rule = check.rule
        if isinstance(rule, NotNull):
            return self._not_null(check, rule)
        if isinstance(rule, Unique):
            return self._unique(check, rule)
        if isinstance(rule, AcceptedValues):
            return self._accepted_values(check, rule)
        if isinstance(rule, Relationship):
            return self._relationship(check, rule)
        if isinstance(rule, RowCount):
            return CheckQuery(check, row_count_in_words(rule))
        return self._expression(check, rule)

    def _not_null(self, check: DataCheck, rule: NotNull) -> CheckQuery:
        self._check_columns(check, rule.columns)
        failing = " OR ".join(f"{sql_name(column)} IS NULL" for column in rule.columns)
        return self._of_rows(check, f"null in {_or(rule.columns)}", rule.columns, failing)

    def _accepted_values(self, check: DataCheck, rule: AcceptedValues) -> CheckQuery:
        self._check_columns(check, [rule.column])
        column = self._schema.field(rule.column).type
        literals = []
        for value in rule.values:
            try:
                literals.append(sql_literal(value, column))
            except ValueError as problem:
                raise PlanningError(
                    check.where,
                    f"check {check.name}: {value!r} cannot be a value of {rule.column}, which is {column}: "
                    f"{problem}",
                    "Correct the value, or the column's type in the query.",
                ) from problem
        failing = f"{sql_name(rule.column)} NOT IN ({', '.join(literals)})"
        return self._of_rows(check, f"a value of {rule.column} that is not accepted", (rule.column,), failing)

    def _unique(self, check: DataCheck, rule: Unique) -> CheckQuery:
        self._check_columns(check, rule.columns)
        names = ", ".join(map(sql_name, rule.columns))
        present = " AND ".join(f"{sql_name(column)} IS NOT NULL" for column in rule.columns)
        times = "rows"
        while times in rule.columns:
            times += "_"
        groups = (
            f"SELECT {names}, count(*) AS {sql_name(times)} FROM {self.table} WHERE {present} "
            f"GROUP BY {names} HAVING count(*) > 1"
        )
        # What cannot be ordered has no first rows either: any that do not pass are shown.
        order = ", ".join(
            sql_name(column)
            for column in rule.columns
            if kind_of(self._schema.field(column).type) is not None
        )
        return CheckQuery(
            check,
            f"the same {' and '.join(rule.columns)} as another row",
            count=f"SELECT coalesce(sum({sql_name(times)}), 0) FROM ({groups})",
            sample=f"{groups} ORDER BY {sql_name(times)} DESC" + (f", {order}" if order else ""),
        )

    def _relationship(self, check: DataCheck, rule: Relationship) -> CheckQuery:
        self._check_columns(check, [rule.column])
        plan = self._plan
        tables = (*plan.project.views, *plan.project.sources)
        if rule.to not in tables:
            raise UnknownNameError(
                check.where,
                f"check {check.name}: table {rule.to} is neither a view nor a source",
                did_you_mean(rule.to, tables, "tables"),
            )
        if rule.to in plan.unplanned:
            error = plan.unplanned[rule.to].error
            raise PlanningError(
                check.where,
                f"check {check.name}: the view {rule.to} cannot be planned: {error.cause}",
                error.next_step,
            )
        self._refuse_circle(check, rule)
        schema = self._schema_of(rule.to)
        if rule.field not in schema.names:
            raise UnknownNameError(
                check.where,
                f"check {check.name}: column {rule.field} does not exist in {rule.to}",
                did_you_mean(rule.field, schema.names, "columns"),
            )
        here, there = self._schema.field(rule.column).type, schema.field(rule.field).type
        if kind_of(here) is None or kind_of(here) != kind_of(there):
            raise PlanningError(
                check.where,
                f"check {check.name}: {rule.column} is {here} and {rule.to}.{rule.field} is {there}, "
                "which cannot be compared",
                "Name columns of one type, or cast one of them in its view's query.",
            )
        # The other table may read this view too, and means all of its partitions.
        name = self.view.name
        if self.view.partitions is not None:
            name = f"checked part of {name.replace('.', ' ')}"
        column, field = sql_name(rule.column), sql_name(rule.field)
        rows = (
            f"FROM {sql_table(name)} AS checked LEFT ANTI JOIN {sql_table(rule.to)} AS other "
            f"ON checked.{column} = other.{field} WHERE checked.{column} IS NOT NULL"
        )
        return CheckQuery(
            check,
            f"a value of {rule.column} that is not in {rule.to}.{rule.field}",
            count=f"SELECT count(*) {rows}",
            sample=f"SELECT {self._shown([rule.column], 'checked.')} {rows}",
            table=rule.to,
            checked_as=name,
        )

    def _refuse_circle(self, check: DataCheck, rule: Relationship) -> None:
        if not check.blocking or rule.to not in self._plan.views:
            return
        for other in views_behind(self._plan, rule.to):
            if self.view.name in upstream_of(self._plan, other):
                raise PlanningError(
                    check.where,
                    f"check {check.name}: it blocks what reads {self.view.name} until {other} has run, which "
                    f"reads {self.view.name} itself",
                    "Take blocking: true out, or check this in a view behind both.",
                )

    def _expression(self, check: DataCheck, rule: Expression) -> CheckQuery:
        frame = self._predicate(check, rule.predicate)
        root = frame.logical_plan()
        below = root.inputs()[0].display_indent().split(":", 1)[0].split("\n", 1)[0].strip()
        found = "a subquery" if _SUBQUERY.search(root.display_indent()) else _NOT_OF_ONE_ROW.get(below)
        if found is not None:
            raise PlanningError(check.where, f"check {check.name}: its expression holds {found}", _ONE_ROW)
        kind = frame.schema().field(0).type
        if not pa.types.is_boolean(kind):
            raise PlanningError(
                check.where,
                f"check {check.name}: its expression is no predicate: it gives {kind}, not true or false",
                "Write what holds for each row, as in total >= 0.",
            )
        return self._of_rows(
            check,
            f"{' '.join(rule.predicate.split())} does not hold",
            self._columns_of(frame),
            f"NOT (\n{rule.predicate}\n)",
        )

    def _predicate(self, check: DataCheck, predicate: str) -> DataFrame:
        """The predicate as the only column of a planned query over the result."""
        values = self._values(check, predicate)
        ctx = self._session()
        try:
            ctx.table(self.table).parse_sql_expr(predicate)
            # The line break ends a comment.
            query = f"SELECT (\n{predicate}\n) FROM {self.table}"
            frame = ctx.sql_with_options(query, NO_CHANGES, param_values=values)
            frame.optimized_logical_plan()  # some types that do not fit show here
        except BaseException as cause:
            raise_unless_datafusion(cause)
            text = str(cause)
            if re.search(r"table '.*' not found", text):  # what a predicate is parsed with has no tables
                raise PlanningError(
                    check.where, f"check {check.name}: its expression holds a subquery", _ONE_ROW
                ) from cause
            error = planning_error(replace(self.view, sql=predicate), text, ctx, ())
            own = error.next_step.startswith("Correct the query")
            raise type(error)(
                check.where,
                f"check {check.name}: {hider(self._plan.project, self.view)(error.cause)}",
                "Correct the expression." if own else f"Correct the expression. {error.next_step}",
            ) from None  # the cause may quote the value of a secret parameter
        self.params.update(values)
        return frame

    def _values(self, check: DataCheck, predicate: str) -> dict[str, ParameterValue]:
        params = self._plan.project.params_of(self.view)
        values = {}
        for name in parameter_names(predicate):
            if name in PARTITION_PARAMETERS:
                raise ParameterError(
                    check.where,
                    f"check {check.name}: its expression names ${name}, but checks are made of several "
                    "partitions too",
                    f"Name the column {self.view.partitions.by} instead."
                    if self.view.partitions is not None
                    else "Take it out.",
                )
            if name not in params:
                raise ParameterError(
                    check.where,
                    f"check {check.name}: parameter ${name} has no value",
                    "Give it one under params: in dfplan.yaml or in the view's front matter.",
                )
            values[name] = params[name]
        return values

    def _of_rows(self, check: DataCheck, breach: str, columns: Iterable[str], failing: str) -> CheckQuery:
        """A check about some columns that a condition on single rows decides."""
        rows = f"SELECT {self._shown(columns)} FROM {self.table} WHERE"
        return CheckQuery(
            check,
            breach,
            failing=failing,
            sample=f"{rows} {failing}",
            # DataFusion skips files by their greatest value, which is none of the NaN in them; not by a CASE.
            fetch=f"{rows} CASE WHEN {failing} THEN true ELSE false END",
        )

    def _shown(self, first: Iterable[str], qualifier: str = "") -> str:
        """All columns of the result, those that a rule is about before the others."""
        columns = dict.fromkeys([*first, *self._schema.names])
        return ", ".join(qualifier + sql_name(column) for column in columns)

    def _columns_of(self, frame: DataFrame) -> tuple[str, ...]:
        """The columns that a predicate is about, in the order of the result."""
        node = frame.optimized_logical_plan()
        while node.inputs():
            node = node.inputs()[0]
        scan = node.to_variant()
        projection = scan.projection() if hasattr(scan, "projection") else ()
        return tuple(name for _, name in projection) if len(projection) < len(self._schema) else ()

    def _check_columns(self, check: DataCheck, columns: Iterable[str]) -> None:
        for column in columns:
            if column not in self._schema.names:
                raise UnknownNameError(
                    check.where,
                    f"check {check.name}: column {column} does not exist",
                    did_you_mean(column, self._schema.names, "columns"),
                )

    def _schema_of(self, table: str) -> pa.Schema:
        plan = self._plan
        if table in plan.views or table in plan.source_schemas:
            return plan.schema_of(table)
        return source_schema(plan.project.sources[table])  # no view reads it

    def _session(self) -> SessionContext:
        """A session that knows a table without rows in the place of the result."""
        if self._opened is None:
            self._opened = planning_context(self._plan.project.engine, self._plan.functions)
            register_empty(self._opened, self.view.name, self._schema)
        return self._opened


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(names)
