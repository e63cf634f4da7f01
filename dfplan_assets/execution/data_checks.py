"""Evaluating the checks of a view's rows over what it has published.

All rules that a single row breaks are counted by one query in one scan; a number of rows is known without
any. ``unique`` and ``relationships`` take a query each over their columns alone: a grouped one spills where
memory is short and has SQL's own idea of equal values, which ``count(DISTINCT x)`` beside other aggregates
has not (0.0 and -0.0). Rows that do not pass are looked for only where there are some.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import DataFrame, SessionContext

from dfplan_assets.errors import DfplanError, ExecutionError
from dfplan_assets.execution.analysis import totals, walk
from dfplan_assets.execution.failures import reporting
from dfplan_assets.execution.inputs import check_published_table, column_differences, published_table
from dfplan_assets.execution.metrics import profile_operators
from dfplan_assets.execution.partition_checks import partition_to_run
from dfplan_assets.execution.publication import Publication
from dfplan_assets.execution.runtime import Runtime
from dfplan_assets.execution.warehouse import Warehouse
from dfplan_assets.planning.bundle import ProjectPlan
from dfplan_assets.planning.check_queries import CheckQuery, PlannedChecks, plan_checks
from dfplan_assets.planning.guard import NO_CHANGES
from dfplan_assets.planning.inlining import register_inlined
from dfplan_assets.planning.partitions import partitions_of
from dfplan_assets.planning.secrets import hider
from dfplan_assets.planning.sources import register_empty, register_result, register_source, source_schema
from dfplan_assets.planning.sql_text import parameter_names
from dfplan_assets.project.data_checks import DataCheck, RowCount

SAMPLE_ROWS = 5
"""As many of the rows that do not pass are shown."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    ``passed`` is None where it could not be evaluated; ``reason`` says then why, else what was found.
    ``rows`` are those of the result, ``failing_rows`` those that do not pass, None for a number of rows.
    ``sample`` has some of the latter, None where all pass. ``sql`` selects them all. ``seconds`` is what the
    query took that told it, which several checks may share (``shared_by``), ``bytes_scanned`` what it read.
    """

    check: DataCheck
    passed: bool | None
    reason: str
    rows: int | None = None
    failing_rows: int | None = None
    sample: pa.Table | None = None
    sql: str | None = None
    seconds: float | None = None
    bytes_scanned: int | None = None
    shared_by: int = 1


@dataclass(frozen=True)
class _Cost:
    """What a query took, and how many checks it served."""

    seconds: float
    bytes_scanned: int | None
    shared_by: int


def evaluate(
    plan: ProjectPlan,
    planned: PlannedChecks,
    publication: Publication,
    warehouse: Warehouse,
    runtime: Runtime,
) -> tuple[Finding, ...]:
    """What each of these checks finds in a published result, in the order of the view's file.

    The result may be that of one partition, or of several together; a relationship is held against all
    that the other table has published. A check that cannot be evaluated is a finding, not an error.
    """
    found = {
        finding.check.name: finding
        for finding in _Evaluation(plan, planned, publication, warehouse, runtime).findings()
    }
    return tuple(found[check.name] for check in planned.view.checks if check.name in found)


def check_published(
    plan: ProjectPlan,
    view: str,
    warehouse: Warehouse,
    runtime: Runtime,
    partition_key: str | None = None,
) -> tuple[Finding, ...]:
    """What all checks of a view find in its last published result: all of it, or one partition.

    Raises InputError for a key that is no partition of the view.
    """
    declared = plan.project.views[view]
    if view in plan.unplanned:
        return tuple(_untold(check, plan.unplanned[view].error) for check in declared.checks)
    if partition_key is None or declared.partitions is None:
        publication = warehouse.whole(view, declared.partitions)
    else:
        publication = warehouse.current(view, partition_to_run(declared, partition_key))
    if publication is None:
        what = "it" if partition_key is None else f"its partition {partition_key}"
        missing = ExecutionError(
            declared.where, f"{what} has no published result", f"Materialise it: dfplan run '+{view}'"
        )
        return tuple(_untold(check, missing) for check in declared.checks)
    return evaluate(plan, plan_checks(plan, view), publication, warehouse, runtime)


def sample_values(sample: pa.Table) -> list[list[str | None]]:
    """Rows as texts for reading, None for null; texts in quotes, so that a blank at their end can be seen."""
    columns = [[shown(scalar) for scalar in column] for column in sample.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def shown(scalar: pa.Scalar) -> str | None:
    """A value as text for reading."""
    if not scalar.is_valid:
        return None
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException):  # a time that Python has none for
        return str(scalar.cast(pa.int64()).as_py())
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return str(value) if isinstance(value, (datetime.date, datetime.time, Decimal)) else repr(value)


def check_result(plan: ProjectPlan, publication: Publication) -> None:
    """Raise ExecutionError where a result is not the one planned, or not whole.

    To DataFusion a missing file is an empty one, and a missing column one of nulls.
    """
    view = plan.views[publication.view]
    where, next_step = view.view.where, f"Materialise {publication.view} again."
    for file in publication.files:
        if not Path(file).is_file():
            raise ExecutionError(
                where, f"the result of {publication.view} is gone: there is no file {file}", next_step
            )
        try:
            written = pq.read_schema(file)
        except (OSError, pa.ArrowException) as error:
            raise ExecutionError(
                where, f"the result of {publication.view} is damaged: {file}: {error}", next_step
            ) from error
        differences = column_differences(view.schema, written)
        if differences:
            raise ExecutionError(
                where,
                f"the result of {publication.view} comes from an earlier form of that view: {differences}",
                next_step,
            )


class _Evaluation:
    def __init__(
        self,
        plan: ProjectPlan,
        planned: PlannedChecks,
        publication: Publication,
        warehouse: Warehouse,
        runtime: Runtime,
    ) -> None:
        self._plan = plan
        self._planned = planned
        self._publication = publication
        self._warehouse = warehouse
        self._runtime = runtime
        self._view = planned.view
        self._schema = plan.views[planned.view.name].schema
        self._hide = hider(plan.project, planned.view)
        self._opened: SessionContext | None = None

    def findings(self) -> list[Finding]:
        checks = {check.name: check for check in self._view.checks}
        queries = self._planned.queries
        found = [_untold(checks[name], error) for name, error in self._planned.problems.items()]
        try:
            if queries:
                check_result(self._plan, self._publication)
        except DfplanError as error:
            return [*found, *(_untold(query.check, error) for query in queries)]
        of_rows = [query for query in queries if query.failing is not None]
        found += self._together(of_rows) if of_rows else []
        for query in queries:
            if isinstance(query.check.rule, RowCount):
                found.append(self._row_count(query, query.check.rule))
            elif query.count is not None:
                found.append(self._alone(query, query.count))
        return found

    def _together(self, queries: Sequence[CheckQuery]) -> list[Finding]:
        """Checks of single rows, in one scan; one by one where that fails, to find out which of them does."""
        counts = ", ".join(f"count(*) FILTER (WHERE {query.failing})" for query in queries)
        try:
            ctx = self._session()
            sql = f"SELECT count(*), {counts} FROM {self._planned.table}"
            (rows, *failing), cost = self._counted(ctx, sql, queries)
            self._check_rows(rows)
        except DfplanError as error:
            if len(queries) > 1:
                return [finding for query in queries for finding in self._together([query])]
            return [_untold(queries[0].check, error, queries[0].sample)]
        return [self._finding(ctx, query, each, cost) for query, each in zip(queries, failing, strict=True)]

    def _alone(self, query: CheckQuery, count: str) -> Finding:
        """A check with a query of its own."""
        try:
            ctx = self._session() if query.table is None else self._session_with(query, query.table)
            (failing,), cost = self._counted(ctx, count, [query])
        except DfplanError as error:
            return _untold(query.check, error, query.sample)
        return self._finding(ctx, query, failing, cost)

    def _row_count(self, query: CheckQuery, rule: RowCount) -> Finding:
        rows = self._publication.rows
        passed = (rule.minimum or 0) <= rows and (rule.maximum is None or rows <= rule.maximum)
        said = f"{self._rows()}, {'as' if passed else 'but'} there must be {query.breach}"
        return Finding(query.check, passed, said, rows=rows)

    def _finding(self, ctx: SessionContext, query: CheckQuery, failing: int, cost: _Cost) -> Finding:
        rows = self._publication.rows
        sample = None
        if failing == 0:
            said = f"{self._rows()} pass{'es' if rows == 1 else ''}" if rows else "there are no rows to check"
        else:
            said = f"{failing:,} of {self._rows()} ({share(failing, rows)}): {query.breach}"
            try:
                with self._reporting():
                    rows_of = f"{query.fetch or query.sample} LIMIT {SAMPLE_ROWS}"
                    sample = self._frame(ctx, rows_of, [query]).to_arrow_table()
            except DfplanError as error:
                said = f"{said}; they cannot be shown: {_said(error)}"
        return Finding(
            check=query.check,
            passed=failing == 0,
            reason=said,
            rows=rows,
            failing_rows=failing,
            sample=sample,
            sql=query.sample,
            seconds=cost.seconds,
            bytes_scanned=cost.bytes_scanned,
            shared_by=cost.shared_by,
        )

    def _rows(self) -> str:
        """How many rows are checked, in words."""
        rows, key = self._publication.rows, self._publication.partition_key
        return f"{rows:,} row{'' if rows == 1 else 's'}" + ("" if key is None else f" of partition {key}")

    def _counted(
        self, ctx: SessionContext, sql: str, queries: Sequence[CheckQuery]
    ) -> tuple[list[int], _Cost]:
        """The single row of a query that counts, and what it took."""
        with self._reporting():
            frame = self._frame(ctx, sql, queries)
            started = time.monotonic()
            batches = [batch for batch in frame.collect() if batch.num_rows]
            seconds = time.monotonic() - started
            root = profile_operators(frame.execution_plan(), self._hide)
        row = [int(column[0].as_py()) for column in batches[0].columns]
        scanned = totals(operator.metrics for operator in walk(root)).bytes_scanned
        return row, _Cost(seconds, scanned, len(queries))

    def _check_rows(self, counted: int) -> None:
        published = self._publication.rows
        if counted != published:
            raise ExecutionError(
                self._view.where,
                f"the files of its result have {counted:,} rows, but {published:,} were published",
                f"Materialise {self._view.name} again.",
            )

    def _frame(self, ctx: SessionContext, sql: str, queries: Sequence[CheckQuery]) -> DataFrame:
        params = self._planned.params
        used = {name: params[name] for query in queries for name in parameter_names(query.failing or "")}
        if not used:
            return ctx.sql_with_options(sql, NO_CHANGES)
        return ctx.sql_with_options(sql, NO_CHANGES, param_values=used)

    def _reporting(self) -> AbstractContextManager[None]:
        return reporting(self._view.where, {}, self._hide)

    def _session(self) -> SessionContext:
        """A session that knows the result under the view's name; it serves all queries over that alone."""
        if self._opened is None:
            with self._reporting():
                ctx = self._runtime.session()
                self._plan.functions.register(ctx)
                register_result(ctx, self._view.name, self._publication.files, self._schema)
                self._opened = ctx
        return self._opened

    def _session_with(self, query: CheckQuery, table: str) -> SessionContext:
        """A session that knows the result as the query names it, and another table with all that it reads."""
        plan, checked_as = self._plan, query.checked_as or self._view.name
        virtual = (*plan.inlined_views(table), table) if plan.is_virtual(table) else ()
        stored = plan.stored_tables(table) if virtual else (table,)
        with self._reporting():
            ctx = self._runtime.session()
            plan.functions.register(ctx)
            register_result(ctx, checked_as, self._publication.files, self._schema)
            for name in stored:
                if name != checked_as:
                    self._register(ctx, name)
            named = {name for each in virtual for name in plan.views[each].lineage.unused_tables}
            for name in sorted(named.difference(stored, virtual)):
                register_empty(ctx, name, plan.schema_of(name))
            for name in virtual:
                register_inlined(ctx, plan, name)
        return ctx

    def _register(self, ctx: SessionContext, table: str) -> None:
        """Make a source, or all that a view has published, known to a session."""
        plan = self._plan
        if table in plan.project.sources:
            source = plan.project.sources[table]
            schema = source_schema(source)
            if not source.is_published:
                register_source(ctx, source, schema)
                return
            view_plan = plan.views[self._view.name]
            result = published_table(view_plan, source)
            check_published_table(view_plan, source, schema, result)
            register_result(ctx, table, result.files, schema)
            return
        publication = self._warehouse.whole(table, partitions_of(plan, table))
        if publication is None:
            raise ExecutionError(
                self._view.where, f"{table} has no published result", f"Materialise {table} first."
            )
        check_result(plan, publication)
        register_result(ctx, table, publication.files, plan.views[table].schema)


def share(part: int, whole: int) -> str:
    """A share in percent, which is never shown as none or all where it is neither.

    >>> share(1, 3), share(1, 1_000_000), share(3, 3)
    ('33.3 %', 'less than 0.1 %', '100 %')
    """
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "less than 0.1 %"
    return "more than 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def _untold(check: DataCheck, error: DfplanError, sql: str | None = None) -> Finding:
    return Finding(check, None, _said(error), sql=sql)


def _said(error: DfplanError) -> str:
    next_step = "Correct the check." if error.next_step == "Correct the query." else error.next_step
    return f"{error.cause}. {next_step}"
