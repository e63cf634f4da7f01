"""The part "meaning" of an identity, over the query corpus: what leaves it alone and what changes it."""

from __future__ import annotations

import doctest

import pytest

from dfplan_assets.planning import meaning as meanings
from dfplan_assets.planning.guard import plan_template
from dfplan_assets_tests.planning.identity.corpus import Query, queries
from dfplan_assets_tests.planning.identity.planning import Session, view_of
from dfplan_assets_tests.planning.identity.variants import (
    commented,
    in_capitals,
    renamed,
    respaced,
    with_other_literals,
    with_other_operators,
)

CORPUS = queries()
every_query = pytest.mark.parametrize("query", CORPUS, ids=lambda query: query.title)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def meaning_of(session: Session, sql: str) -> str:
    return meanings.meaning(plan_template(session.ctx, view_of(sql)), sql)


def test_the_corpus_is_large_enough() -> None:
    titles = [query.title for query in CORPUS]
    assert len(titles) == len(set(titles)) >= 150
    assert sum(len(query.edits) for query in CORPUS) >= 400


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(meanings).failed == 0


@every_query
def test_layout_comments_case_and_names_leave_the_meaning(session: Session, query: Query) -> None:
    meaning = meaning_of(session, query.sql)
    assert meaning_of(session, respaced(query.sql, seed=1)) == meaning
    assert meaning_of(session, commented(query.sql, seed=2)) == meaning
    assert meaning_of(session, in_capitals(query.sql)) == meaning
    if "an alias shows in the output" not in query.remarks:
        assert meaning_of(session, renamed(query.sql, seed=3)) == meaning
        assert meaning_of(session, commented(renamed(query.sql, seed=4), seed=5)) == meaning


@every_query
def test_each_edit_changes_the_meaning(session: Session, query: Query) -> None:
    meaning = meaning_of(session, query.sql)
    for edit in query.edits:
        assert meaning_of(session, query.edited(edit)) != meaning, edit


@every_query
def test_another_literal_or_operator_changes_the_meaning(session: Session, query: Query) -> None:
    meaning = meaning_of(session, query.sql)
    for changed in (*with_other_literals(query.sql), *with_other_operators(query.sql)):
        try:
            other = meaning_of(session, changed)
        except Exception:
            continue  # not every change makes a query
        assert other != meaning, changed


def test_two_edits_of_one_query_have_different_meanings(session: Session) -> None:
    for query in CORPUS:
        texts = {query.edited(edit) for edit in query.edits}
        assert len({meaning_of(session, text) for text in texts}) == len(texts), query.title


def test_an_alias_that_was_not_there_leaves_the_meaning(session: Session) -> None:
    with_alias = meaning_of(session, "select r.id as k from rides r where r.fare > 1")
    assert meaning_of(session, "select id as k from rides where rides.fare > 1") == with_alias
    assert meaning_of(session, "select c.k from (select id as k from rides where fare > 1) c") == with_alias


@pytest.mark.parametrize(
    "text",
    [
        "with recursive {0}(n, d) as (select id, 1 from bikes union all "
        "select p.n + 1, p.d + 1 from {0} p where p.d < 3) select {0}.n from {0}",
        "select id from bikes where 4 * id in (select {0}.id - {0}.rating from rides {0})",
    ],
    ids=["a recursive query with names for its columns", "a column that a subquery calculates"],
)
def test_the_name_of_a_relation_leaves_the_meaning_in(session: Session, text: str) -> None:
    assert meaning_of(session, text.format("one")) == meaning_of(session, text.format("two"))


def test_names_in_strings_are_no_aliases(session: Session) -> None:
    one = meaning_of(session, "select r.id, 'r.id' as t from rides r")
    assert meaning_of(session, "select x.id, 'r.id' as t from rides x") == one
    assert meaning_of(session, "select x.id, 'x.id' as t from rides x") != one


def test_a_line_break_in_a_string_is_part_of_the_meaning(session: Session) -> None:
    one = meaning_of(session, "select r.id, 'a\n  r.id: b' as t from rides r")
    assert meaning_of(session, "select q.id, 'a\n  r.id: b' as t from rides q") == one
    assert meaning_of(session, "select r.id, 'a\n  r.id: c' as t from rides r") != one


def test_swapped_aliases_in_a_self_join_are_another_meaning(session: Session) -> None:
    text = "select {} from rides a join rides b on a.id = b.bike_id and a.rating > 2"
    assert meaning_of(session, text.format("a.id")) != meaning_of(session, text.format("b.id"))


def test_parentheses_that_matter_matter(session: Session) -> None:
    text = "select r.id from rides r where {}"
    conditions = [
        "(r.rating = 4) is null",
        "r.rating = (case when 4 is null then 1 end)",
        "not (r.rating = 4 and r.fare > 2)",
        "(not r.rating = 4) and r.fare > 2",
        "r.rating = 4 and (r.fare > 2 or r.rider = 'ada')",
        "(r.rating = 4 and r.fare > 2) or r.rider = 'ada'",
    ]
    assert len({meaning_of(session, text.format(condition)) for condition in conditions}) == len(conditions)


def test_a_parameter_is_not_the_literal_of_its_value(session: Session) -> None:
    text = "select w.city from weather w where w.rain = {}"
    meanings_ = {meaning_of(session, text.format(value)) for value in ("$a", "$b", "true", "false")}
    assert len(meanings_) == 4
