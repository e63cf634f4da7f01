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
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.python_errors import PythonError, python_error
from dfplan_assets.planning.sort_columns import with_sort_columns_in_order
from dfplan_assets.planning.sql_text import first_word, parameter_names
from dfplan_assets.planning.user_functions import NO_FUNCTIONS, UserFunctions
from dfplan_assets.project.model import ParameterValue, View
from dfplan_assets.project.partitions import PARTITION_PARAMETERS

# What a query can begin with in DataFusion's SQL. SHOW is rewritten to a query over
# information_schema before a plan exists, so the plan's root alone would not give it away.
_QUERY_WORDS = frozenset({"select", "with", "values", "from"})
_NO_RELATION = frozenset({"Explain", "Analyze", "DescribeTable"})
NO_CHANGES = SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
"""Lets through what only reads."""

_SYNTAX = re.compile(r'(?:Parser|Tokenizer)Error\("(.*?)(?: at Line: (\d+), Column: (\d+))?"\)', re.DOTALL)
_NO_TABLE = "dataset argument must be a pyarrow.dataset.Dataset"
_ONE_QUERY = "Keep exactly one SELECT (or WITH … SELECT, VALUES) in the file."


def plan_query(
    ctx: SessionContext,
    view: View,
    params: Mapping[str, ParameterValue],
    known_tables: Iterable[str] = (),
    functions: UserFunctions = NO_FUNCTIONS,
) -> DataFrame:
    """A view's text as a planned, not executed, data frame with its parameters bound.

    ``params`` may hold more than the view uses; ``known_tables`` are offered where a name is
    unknown, and of ``functions``, which the project adds, those named that raise. Raises
    GuardError, ParameterError, UnknownNameError, or PlanningError for everything else that the
    planner refuses.
    """
    used = parameter_names(view.sql)
    missing = [name for name in used if name not in params]
    if not used or missing:
        template = plan_template(ctx, view, known_tables, functions)
        if not missing:
            return template
        raise ParameterError(
            view.where,
            f"parameter ${missing[0]} has no value",
            "Declare partitions: in the view's front matter; what has none has no such value."
            if missing[0] in PARTITION_PARAMETERS
            else "Give it one under params: in dfplan.yaml or in the view's front matter"
            + (f" (there are values for {', '.join(sorted(params))})." if params else "."),
        )
    values = {name: params[name] for name in used}
    _refuse_other_statements(view)
    try:
        bound = with_sort_columns_in_order(
            view.sql, lambda: ctx.sql_with_options(view.sql, NO_CHANGES, param_values=values)
        )
        if any(isinstance(value, str) for value in values.values()):
            # A text that is no number or date shows when the optimizer folds its cast.
            _fold(bound)
    except BaseException as cause:
        raise_unless_datafusion(cause)
        plan_template(ctx, view, known_tables, functions)  # raises where the values are not to blame
        described = ", ".join(f"${name} ({type(value).__name__})" for name, value in values.items())
        raise ParameterError(
            view.where,
            f"the query plans, but not with these parameters' values: {described}: "
            + _without_values(str(cause).strip().splitlines()[-1], values),
            "Give each parameter a value of the type that the query uses it with.",
        ) from None  # the cause may quote a secret value
    return _relation(view, bound)


def _fold(frame: DataFrame) -> None:
    """Let the optimizer compute what is constant; a function of the project may fail at it without harm.

    It fails as the view runs, where the rows that it is called with are known.
    """
    try:
        frame.optimized_logical_plan()
    except BaseException as cause:
        raise_unless_datafusion(cause)
        if python_error(str(cause)) is None:
            raise


def plan_template(
    ctx: SessionContext,
    view: View,
    known_tables: Iterable[str] = (),
    functions: UserFunctions = NO_FUNCTIONS,
) -> DataFrame:
    """A view's text as a planned data frame in which parameters are still placeholders."""
    _refuse_other_statements(view)
    try:
        frame = with_sort_columns_in_order(view.sql, lambda: ctx.sql_with_options(view.sql, NO_CHANGES))
    except BaseException as cause:
        raise_unless_datafusion(cause)
        raise planning_error(view, str(cause), ctx, known_tables, functions) from cause
    return _relation(view, frame)


def _refuse_other_statements(view: View) -> None:
    word = first_word(view.sql)
    if word is not None and word not in _QUERY_WORDS:
        raise GuardError(view.where, f"a view is one query, this is {word.upper()}", _ONE_QUERY)


def _relation(view: View, frame: DataFrame) -> DataFrame:
    root = frame.logical_plan().display_indent().split(":", 1)[0].split("\n", 1)[0].strip()
    if root in _NO_RELATION:
        raise GuardError(view.where, f"a view is one query, this is {root.upper()}", _ONE_QUERY)
    return frame


def _without_values(text: str, values: Mapping[str, ParameterValue]) -> str:
    """A message with the parameters' names in the place of their values, which may be secret."""
    for name, value in values.items():
        if isinstance(value, str) and value:
            text = text.replace(value, f"${name}")
    return text


def referenced_names(ctx: SessionContext, catalog: RecordingCatalog, view: View) -> frozenset[str]:
    """All table names that a view's text resolves, whether or not such tables exist.

    The catalog must be empty: then planning ends as soon as the names are known. Table functions
    are among them. A text that does not get as far as names gives none; planning it for good
    says why.
    """
    catalog.take_record()
    try:
        ctx.sql_with_options(view.sql, NO_CHANGES)
    except BaseException as cause:
        raise_unless_datafusion(cause)
    return frozenset(catalog.take_record())


def planning_error(
    view: View,
    text: str,
    ctx: SessionContext,
    known_tables: Iterable[str],
    functions: UserFunctions = NO_FUNCTIONS,
) -> PlanningError:
    """DataFusion's message as an error that names the cause and what to do."""
    raised = python_error(text)
    if raised is not None:  # first, since what it says may read like anything else
        return _function_error(view, raised, functions)
    if "only supports a single SQL statement" in text:
        return GuardError(view.where, "the file holds more than one statement", _ONE_QUERY)
    if "No SQL statements were provided" in text:
        return GuardError(view.where, "the file holds no query", _ONE_QUERY)
    refused = re.search(r"(DDL|DML|Statement) not supported: (\w+)", text)
    if refused:
        return GuardError(view.where, f"a view only reads, this is {refused.group(2)}", _ONE_QUERY)
    syntax = _SYNTAX.search(text)
    if syntax:
        message, line, column = syntax.groups()
        if line is None:  # DataFusion gives no place for the end of the text
            lines = view.sql.rstrip().split("\n")
            line, column = str(len(lines)), str(len(lines[-1]) + 1)
        return PlanningError(
            view.where,
            f"SQL syntax at line {line}, column {column}: {message}",
            "Correct the query there.",
        )
    table = re.search(r"table '(.*?)' not found", text)
    if table:
        name = table.group(1).removeprefix("datafusion.").removeprefix("public.")
        return UnknownNameError(
            view.where,
            f"table {name} is neither a view nor a source",
            _nearest(name, known_tables) + "Add the view, or declare the source in dfplan.yaml.",
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
    table_function = re.search(r"table function '(.*?)' not found", text)
    if table_function:
        return UnknownNameError(
            view.where, f"table function {table_function.group(1)} does not exist", "Correct its name."
        )
    ambiguous = re.search(r"Ambiguous reference to unqualified field (\S+)", text)
    if ambiguous:
        return PlanningError(
            view.where,
            f"more than one table has a column {ambiguous.group(1)}",
            f"Write which one is meant, as in table.{ambiguous.group(1)}.",
        )
    if "Dot access not supported" in text:
        return PlanningError(
            view.where, "a dot cannot take a field of an expression", "Write expression['field'] there."
        )
    # The parser's own form of what it does not know follows, and goes on for pages.
    said = re.sub(r"(Unsupported [\w ]+?)(?: \{|\().*", r"\1", text, flags=re.DOTALL)
    return PlanningError(view.where, f"DataFusion cannot plan the query: {said}", "Correct the query.")


def _function_error(view: View, raised: PythonError, functions: UserFunctions) -> PlanningError:
    """A function of the project that failed as the query was planned: table functions alone run then."""
    called = functions.tables_called(view.sql)
    of_file = [each for each in called if raised.file and raised.file.endswith(each.file)]
    meant = of_file or called
    names = " or ".join(each.name for each in meant)
    what = f"the table function {names}" if meant else "a function of the project"
    said = f"raised {raised}"
    if raised.file is None and raised.message.startswith(_NO_TABLE):
        said = "returned neither a Table nor a PyArrow dataset"
    places = f" ({', '.join(dict.fromkeys(each.place for each in meant))})" if meant else ""
    return PlanningError(
        view.where,
        f"{what}, which runs as the query is planned, {said}",
        f"Correct the function{places}, or the arguments that the query gives it.",
    )


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
