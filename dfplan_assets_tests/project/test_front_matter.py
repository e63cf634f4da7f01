from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfplan_assets.project.front_matter import FrontMatter, is_blank_sql, split_front_matter

LINES = st.lists(
    st.text(st.characters(exclude_characters="*/\r\n", exclude_categories=["Cs"])).filter(
        lambda line: line.strip() != "---"
    )
)
SPACE = st.text("\t \n", max_size=5)


@given(before=SPACE, lines=LINES, line_end=st.sampled_from(["\n", "\r\n"]), after=st.text(max_size=20))
def test_what_is_put_into_a_front_matter_comes_out(
    before: str, lines: list[str], line_end: str, after: str
) -> None:
    yaml = "".join(line + line_end for line in lines)
    sql = f"{before}/* ---{line_end}{yaml}--- */{after}"
    front_matter = split_front_matter(sql)
    assert front_matter == FrontMatter(yaml, before.count("\n") + 2)
    # The line that is named is the one on which the YAML begins.
    from_there = sql.split("\n", front_matter.first_line - 1)[front_matter.first_line - 1]
    assert from_there.startswith(yaml)


@given(st.text())
def test_any_text_has_a_front_matter_or_none_or_a_reason(sql: str) -> None:
    try:
        front_matter = split_front_matter(sql)
    except ValueError:
        return
    assert front_matter is None or front_matter.yaml in sql


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("/* ---\nname: a\n", "not closed"),
        ("/* ---\nname: a\n*/ select 1", "does not end as one"),
        ("/* ---\nname: a --- */ select 1", "does not end as one"),
        ("/* ---\ndescription: all of data/*.csv\n--- */ select 1", "opens a comment"),
        ("-- © us\n/* ---\nname: a\n--- */ select 1", "must come first"),
        ("/* © us */ /* ---\nname: a\n--- */ select 1", "must come first"),
    ],
)
def test_a_front_matter_that_is_begun_wrongly_is_not_taken_for_a_comment(sql: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_front_matter(sql)


@pytest.mark.parametrize(
    ("sql", "blank"),
    [
        ("", True),
        (" \t\r\n", True),
        ("-- only a comment", True),
        ("-- a\n-- b\n", True),
        ("/* a /* nested */ b */ ; \n ;", True),
        ("/* ---\nname: a\n--- */\n", True),
        ("-- a\nselect 1", False),
        ("/* a /* nested */ select 1", False),  # left open: the planner says where
        ("'--'", False),
    ],
)
def test_texts_without_sql(sql: str, blank: bool) -> None:
    assert is_blank_sql(sql) is blank
