"""Lineage and types of a whole corpus, held against the optimizer, which has rules of its own."""

from __future__ import annotations

import re

import pytest

from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.project_plan import analysed_schema
from dfplan_assets.planning.session import analysis_context
from dfplan_assets_tests.planning.identity.corpus import Query, queries
from dfplan_assets_tests.planning.identity.planning import ENGINE, Session, view_of

SCAN = re.compile(r"TableScan: ([^\n]+?) projection=\[([^\]]*)\]")


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


@pytest.mark.parametrize("query", queries(), ids=lambda query: f"{query.file}: {query.title}")
def test_required_columns_hold_what_the_optimizer_reads(session: Session, query: Query) -> None:
    lineage = session.lineage(query.sql, query.params)
    for column, origins in lineage.columns.items():
        for origin in origins:
            assert origin.column in lineage.required_columns[origin.table], column
    if not query.executable:
        return
    frame = plan_query(session.ctx, view_of(query.sql), query.params)
    for table, columns in SCAN.findall(frame.optimized_logical_plan().display_indent()):
        name = table.removeprefix("datafusion.").removeprefix("public.")
        if name not in lineage.required_columns:
            assert name not in session.tables, f"{name} is read, but is no dependency"
            continue
        read = {column for column in columns.split(", ") if column}
        assert read <= set(lineage.required_columns[name]), f"of {name} in {query.sql}"


@pytest.mark.parametrize(
    "query", [q for q in queries() if q.executable], ids=lambda query: f"{query.file}: {query.title}"
)
def test_a_view_is_planned_with_the_types_that_it_runs_with(session: Session, query: Query) -> None:
    frame = plan_query(session.ctx, view_of(query.sql), query.params)
    planned = analysed_schema(analysis_context(ENGINE), frame)
    run = session.ctx.create_dataframe_from_logical_plan(frame.optimized_logical_plan()).schema()
    assert planned.types == run.types
