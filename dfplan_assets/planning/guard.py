"""The one door through which a view's text reaches the planner.

A view is one query. Anything that could change something (DDL, DML, statements), that is not a
relation (EXPLAIN, SHOW, DESCRIBE) or that is more than one statement is refused. Parameters are
bound as values after parsing, never spliced into the text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from datafusion import DataFrame, SessionContext, SQLOptions

from dfplan_assets.errors import GuardError, ParameterError, PlanningError, UnknownNameError
from dfplan_assets.planning.catalog import RecordingCatalog
from dfplan_assets.planning.sql_text import first_word, parameter_names
from dfplan_assets.project.model import ParameterValue, View

# What a query can begin with in DataFusion's SQL. SHOW is rewritten to a query over
# information_schema before a plan exists, so the plan's root alone would not give it away.
_QUERY_WORDS = frozenset({"select", "with", "values", "from"})
_NO_RELATION = frozenset({"Explain", "Analyze", "DescribeTable"})
_NO_CHANGES = SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
_ONE_QUERY = "Keep exactly one SELECT (or WITH … SELECT, VALUES) in the file."


def plan_query(ctx: SessionContext, view: View, params: Mapping[str, ParameterValue]) -> DataFrame:
    """A view's text as a planned, not executed, data frame with its parameters bound.

    ``params`` may hold more than the view uses. Raises GuardError, ParameterError,
    UnknownNameError, or PlanningError for everything else that the planner refuses.
    """
    template = plan_template(ctx, view)
    used = parameter_names(view.sql)
    if not used:
        return template
    missing = [name for name in used if name not in params]
    if missing:
        raise ParameterError(
            view.where,
            f"parameter ${missing[0]} has no value",
            f"Give it one under params: in dfplan.yaml or in the view's front matter"
            f"{_have(params, 'Parameters with values')}.",
        )
    values = {name: params[name] for name in used}
    try:
        bound = ctx.sql_with_options(view.sql, _NO_CHANGES, param_values=values)
        if any(isinstance(value, str) for value in values.values()):
            # A text that is no number or date shows when the optimizer folds its cast.
            bound.optimized_logical_plan()
    except BaseException as cause:
        _raise_unless_planner(cause)
        described = ", ".join(f"${name} ({type(value).__name__})" for name, value in values.items())
        raise ParameterError(
            view.where,
            f"the query plans, but not with these parameter values: {described}: {_last_line(cause)}",
            "Give each parameter a value of the type that the query compares it with.",
        ) from cause
    return bound


def plan_template(ctx: SessionContext, view: View) -> DataFrame:
    """A view's text as a planned data frame in which parameters are still placeholders."""
    word = first_word(view.sql)
    if word is not None and word not in _QUERY_WORDS:
        raise GuardError(view.where, f"a view is one query, this is {word.upper()}", _ONE_QUERY)
    try:
        frame = ctx.sql_with_options(view.sql, _NO_CHANGES)
    except BaseException as cause:
        _raise_unless_planner(cause)
        raise _translate(view, str(cause), ctx) from cause
    root = frame.logical_plan().display_indent().split(":", 1)[0].split("\n", 1)[0].strip()
    if root in _NO_RELATION:
        raise GuardError(view.where, f"a view is one query, this is {root.upper()}", _ONE_QUERY)
    return frame


def referenced_names(ctx: SessionContext, catalog: RecordingCatalog, view: View) -> frozenset[str]:
    """All table names that a view's text resolves, whether or not such tables exist.

    The catalog must be empty: then planning ends as soon as the names are known. Table functions
    are among them. A text that does not get as far as names gives none; planning it for good
    says why.
    """
    catalog.take_record()
    try:
        ctx.sql_with_options(view.sql, _NO_CHANGES)
    except BaseException as cause:
        _raise_unless_planner(cause)
    return frozenset(catalog.take_record())


def _raise_unless_planner(cause: BaseException) -> None:
    """Lets pass what the planner raises: errors, and panics, which are no ``Exception``."""
    if not isinstance(cause, Exception) and type(cause).__name__ != "PanicException":
        raise cause


def _translate(view: View, text: str, ctx: SessionContext) -> PlanningError:
    """DataFusion's message as an error that names the cause and what to do."""
    if "only supports a single SQL statement" in text:
        return GuardError(view.where, "the file holds more than one statement", _ONE_QUERY)
    if "No SQL statements were provided" in text:
        return GuardError(view.where, "the file holds no query", _ONE_QUERY)
    refused = re.search(r"(DDL|DML|Statement) not supported: (\w+)", text)
    if refused:
        return GuardError(view.where, f"a view only reads, this is {refused.group(2)}", _ONE_QUERY)
    syntax = re.search(r'ParserError\("(.*?)(?: at Line: (\d+), Column: (\d+))?"\)', text, re.DOTALL)
    if syntax:
        message, line, column = syntax.groups()
        place = f" at line {line}, column {column}" if line else ""
        return PlanningError(view.where, f"SQL syntax{place}: {message}", "Correct the query there.")
    table = re.search(r"table '(.*?)' not found", text)
    if table:
        name = table.group(1).removeprefix("datafusion.").removeprefix("public.")
        tables = _table_names(ctx)
        return UnknownNameError(
            view.where,
            f"table {name} is neither a view nor a source",
            _nearest(name, tables) + "Add the view, or declare the source in dfplan.yaml.",
        )
    column_ = re.search(r"No field named (.*?)\.(?:\s|$)(.*)", text, re.DOTALL)
    if column_:
        name, rest = column_.groups()
        fields = re.search(r"Valid fields are (.*?)\.?\s*$", rest, re.DOTALL)
        valid = [field.strip() for field in fields.group(1).split(",")] if fields else []
        return UnknownNameError(
            view.where,
            f"column {name} does not exist",
            _nearest(name, valid) + (f"Columns here: {', '.join(valid)}." if valid else "No columns here."),
        )
    function = re.search(r"Invalid function '(.*?)'", text)
    if function:
        name = function.group(1)
        known = {*ctx.udfs(), *ctx.udafs(), *ctx.udwfs()}
        return UnknownNameError(
            view.where, f"function {name} does not exist", _nearest(name, known) + "Correct its name."
        )
    return PlanningError(view.where, f"DataFusion cannot plan the query: {text}", "Correct the query.")


def _table_names(ctx: SessionContext) -> set[str]:
    catalog = ctx.catalog()
    return {
        table if schema == "public" else f"{schema}.{table}"
        for schema in catalog.names()
        for table in catalog.schema(schema).names()
    }


def _nearest(name: str, candidates: Iterable[str]) -> str:
    by_simple_name = {candidate.replace('"', "").lower(): candidate for candidate in candidates}
    for candidate in list(by_simple_name.values()):
        by_simple_name.setdefault(candidate.rpartition(".")[2].replace('"', "").lower(), candidate)
    simple = name.replace('"', "").lower()
    close = difflib.get_close_matches(simple, by_simple_name, n=3, cutoff=0.6)
    names = list(dict.fromkeys(by_simple_name[match] for match in close))
    if not names:
        return ""
    hint = f"Did you mean {' or '.join(names)}? "
    if any(match == simple for match in close) and any(char.isupper() for char in "".join(names)):
        hint += "Names with capitals must stand in double quotes. "
    return hint


def _have(params: Mapping[str, ParameterValue], label: str) -> str:
    return f" ({label}: {', '.join(sorted(params))})" if params else ""


def _last_line(cause: BaseException) -> str:
    return str(cause).strip().splitlines()[-1]
