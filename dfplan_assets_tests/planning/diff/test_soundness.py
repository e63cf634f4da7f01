"""A kind that promises something keeps its promise: over the query corpus, against executions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from datafusion import SessionContext

from dfplan_assets.errors import DfplanError
from dfplan_assets.planning.bundle import EnvironmentPart
from dfplan_assets.planning.diff import PlanFacts, difference
from dfplan_assets.planning.environment import capture_environment
from dfplan_assets.planning.guard import plan_query
from dfplan_assets.planning.panics import raise_unless_datafusion
from dfplan_assets.planning.project_plan import analysed_schema, published_schema
from dfplan_assets.planning.session import analysis_context
from dfplan_assets_tests.planning.diff.plans import planned
from dfplan_assets_tests.planning.identity.corpus import Query, queries
from dfplan_assets_tests.planning.identity.planning import ENGINE, Session, view_of
from dfplan_assets_tests.planning.identity.variants import commented, renamed, respaced
from dfplan_assets_tests.planning.identity.world import TABLES, real_context

CORPUS = queries()
every_query = pytest.mark.parametrize("query", CORPUS, ids=lambda query: query.title)
HARMLESS = ("identical", "cosmetic", "columns added", "physical only")


@cache
def session() -> Session:
    return Session()


@cache
def environment() -> tuple[EnvironmentPart, ...]:
    names = {name: f'"{name}"' if " " in name else name for name in TABLES}
    views = {f"all_{number}": f"select * from {name}" for number, name in enumerate(names.values())}
    return capture_environment(planned(views, tables=TABLES))


KNOWN: dict[tuple[str, str], PlanFacts | None] = {}


def side(sql: str, query: Query) -> PlanFacts | None:
    """A query of the corpus, or an edit of it, as a side of a comparison.

    None where the text is no query, or its lineage is not known.
    """
    key = query.title, sql
    if key not in KNOWN:
        KNOWN[key] = planned_side(sql, query)
    return KNOWN[key]


def planned_side(sql: str, query: Query) -> PlanFacts | None:
    try:
        frame = plan_query(session().ctx, view_of(sql), query.params)
        lineage = session().lineage(sql, query.params)
        identity = session().identity(sql, query.params)
    except DfplanError:
        return None
    return PlanFacts(
        view="v",
        sql=sql,
        logical_plan=frame.logical_plan().display_indent(),
        schema=published_schema(analysed_schema(analysis_context(ENGINE), frame)),
        lineage=lineage,
        identity=identity,
        parameters=(),
        environment=environment(),
        physical_plan=None,
    )


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> SessionContext:
    folder: Path = tmp_path_factory.mktemp("rows")
    return real_context(folder, cores=1)


def rows(ctx: SessionContext, sql: str, query: Query, columns: list[str]) -> Counter[str] | None:
    """The rows of some columns of a result; None where it cannot be run."""
    try:
        table = plan_query(ctx, view_of(sql), query.params).to_arrow_table()
    except DfplanError:
        return None
    except BaseException as cause:
        raise_unless_datafusion(cause)
        return None
    return Counter(map(repr, table.select(columns).to_pylist()))


def with_a_column_more(sql: str) -> Iterator[str]:
    """The query with a column more in front of one of its SELECT lists."""
    for match in re.finditer(r"\bselect\b(?! distinct)", sql, re.IGNORECASE):
        yield f"{sql[: match.end()]} 40 + 2 as zz_added, {sql[match.end() :]}"


@every_query
def test_what_changes_the_meaning_is_never_called_harmless(query: Query) -> None:
    before = side(query.sql, query)
    for edit in query.edits if before is not None else ():
        after = side(query.edited(edit), query)
        if before is not None and after is not None:
            found = difference(before, after)
            if found.kind == "columns added":
                assert edit.kind == "output"
            else:
                assert found.kind not in HARMLESS, (edit, found.cause)
            assert found.causes


@every_query
def test_what_leaves_the_meaning_is_cosmetic(query: Query) -> None:
    before = side(query.sql, query)
    if before is None:
        return
    texts = [respaced(query.sql, seed=1), commented(query.sql, seed=2)]
    if "an alias shows in the output" not in query.remarks:
        texts.append(renamed(query.sql, seed=3))
    for text in texts:
        after = side(text, query)
        assert after is not None
        assert difference(before, after).kind == ("identical" if text == query.sql else "cosmetic")


def test_columns_said_to_be_unchanged_have_the_same_rows(ctx: SessionContext) -> None:
    compared = added = 0
    for query in CORPUS:
        before = side(query.sql, query)
        texts = [*(query.edited(edit) for edit in query.edits), *with_a_column_more(query.sql)]
        for text in texts if before is not None and query.executable else ():
            after = side(text, query)
            if before is None or after is None or before.identity.volatile_functions:
                continue
            found = difference(before, after)
            if found.changed_columns is None:
                continue
            kept = [name for name in before.schema.names if name not in found.changed_columns]
            old, new = (rows(ctx, sql, query, kept) for sql in (query.sql, text))
            if old is None or new is None:
                continue
            compared += 1
            added += found.kind == "columns added"
            assert old == new, (text, found)
    assert compared >= 150
    assert added >= 80
