from __future__ import annotations

import json

import pytest

from dfplan_assets.orchestration.markdown import fenced, fit, shorten, stored_bytes, table


def test_a_fence_is_longer_than_any_backticks_inside() -> None:
    assert fenced("select '````' as x", "sql") == "`````sql\nselect '````' as x\n`````"


def test_table_cells_cannot_break_the_table() -> None:
    text = table(("a", "b"), [("x|y", "line\nbreak")], numeric=(False, True))
    assert text == "| a | b |\n| --- | ---: |\n| x\\|y | line break |"


@pytest.mark.parametrize("text", ["plain", 'quotes " and \\', "größe", "日本語", "tab\tand\nline"])
def test_the_stored_size_is_that_of_the_json(text: str) -> None:
    assert stored_bytes(text) == len(json.dumps(text).encode()) - 2


@pytest.mark.parametrize("limit", [6, 7, 30, 31, 600])
@pytest.mark.parametrize("text", ["x" * 100, "日" * 50, '"' * 70])
def test_a_shortened_text_fits_and_shows_its_cut(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert stored_bytes(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_lines_fit_up_to_the_limit_and_not_beyond() -> None:
    lines = ["1234", "1234", "1234"]  # six bytes each with the stored line break
    assert [fit(lines, limit) for limit in (0, 5, 6, 12, 17, 18, 99)] == [0, 0, 1, 2, 2, 3, 3]
