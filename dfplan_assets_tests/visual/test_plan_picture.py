from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.execution.analysis import operator_times, walk
from dfplan_assets.execution.profile import OperatorProfile
from dfplan_assets.visual.plan_folds import rows_of
from dfplan_assets.visual.plan_picture import LIMIT_BYTES, MOST_ROWS, line_width, plan_picture
from dfplan_assets_tests.visual.operators import operator, run_of, scan, star

SVG = "{http://www.w3.org/2000/svg}"


def _rows(svg: str) -> list[ElementTree.Element]:
    """The groups that are operators or folds of them."""
    root = ElementTree.fromstring(svg)
    return [group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}circle") is not None]


def _texts(element: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def _heat(row: ElementTree.Element) -> int:
    circle = row.find(f"{SVG}circle")
    assert circle is not None
    return int(re.findall(r"h(\d)", circle.get("class", ""))[0])


def _is_marked(row: ElementTree.Element) -> bool:
    circle = row.find(f"{SVG}circle")
    assert circle is not None
    return "v" in circle.get("class", "").split()


def _widths(svg: str) -> list[float]:
    """The widths of the lines between operators, from the top down by where they end."""
    paths = [path for path in ElementTree.fromstring(svg) if path.tag == f"{SVG}path"]
    return [float(path.get("stroke-width", 0)) for path in paths]


def _plans() -> st.SearchStrategy[OperatorProfile]:
    def grown(children: st.SearchStrategy[OperatorProfile]) -> st.SearchStrategy[OperatorProfile]:
        return st.builds(
            lambda name, below, rows, milliseconds, spilled, expected: operator(
                name, *below, rows=rows, milliseconds=milliseconds, spilled=spilled, expected=expected
            ),
            st.sampled_from(["FilterExec", "RepartitionExec", "AggregateExec", "UnionExec"]),
            st.lists(children, min_size=1, max_size=3),
            st.none() | st.integers(0, 10**10),
            st.none() | st.floats(0, 1000),
            st.sampled_from([0, 0, 0, 10**7]),
            st.none() | st.integers(0, 10**6),
        )

    leaf = st.builds(lambda rows, time: scan("orders", rows, time), st.integers(0, 10**9), st.floats(0, 500))
    return st.recursive(leaf, grown, max_leaves=40)


def test_an_operator_is_a_row_from_the_result_to_the_scans() -> None:
    joined = operator("HashJoinExec", scan("nation", 25, 1), scan("orders", 1500, 3), rows=1500)
    svg = plan_picture(run_of(operator("DataSinkExec", joined, rows=None)))
    assert [_texts(row)[0] for row in _rows(svg)] == ["DataSink", "HashJoin", "DataSource", "DataSource"]
    assert [text for row in _rows(svg) for text in _texts(row) if ".parquet" in text] == [
        "nation.parquet",
        "orders.parquet",
    ]


def test_each_row_tells_its_rows_and_its_time() -> None:
    svg = plan_picture(run_of(operator("FilterExec", scan("orders", 1_234_567, 250), rows=99)))
    first, second = map(_texts, _rows(svg))
    assert "99" in first
    assert {"1,234,567", "0.25 s"} <= set(second)


@given(st.lists(st.integers(0, 10**12), min_size=2))
def test_a_line_is_never_narrower_for_more_rows(counts: list[int]) -> None:
    widths = [line_width(count) for count in sorted(counts)]
    assert widths == sorted(widths)
    assert line_width(0) < line_width(1_000) < line_width(10**6) < line_width(10**9) < 20


def test_lines_are_as_wide_as_the_rows_that_go_along_them_are_many() -> None:
    joined = operator("HashJoinExec", scan("nation", 25, 1), scan("orders", 150_000, 3), rows=1500)
    svg = plan_picture(run_of(operator("FilterExec", joined, rows=2)))
    assert _widths(svg) == [pytest.approx(line_width(count), abs=0.06) for count in (1500, 25, 150_000)]


@given(_plans())
@settings(max_examples=60, deadline=None)
def test_the_slowest_operator_has_the_strongest_colour(root: OperatorProfile) -> None:
    if len(list(walk(root))) > MOST_ROWS:
        return
    rows = _rows(plan_picture(run_of(root), limit_bytes=10**6))
    shown = rows_of(root, frozenset(), MOST_ROWS)
    by_time = sorted(zip((row.share for row in shown), map(_heat, rows), strict=True))
    heats = [heat for _, heat in by_time]
    assert heats == sorted(heats)


def test_what_took_most_of_the_time_stands_out() -> None:
    slow = operator("SortExec", scan("orders", 10, 1), milliseconds=100)
    svg = plan_picture(run_of(operator("FilterExec", slow)))
    assert [_heat(row) for row in _rows(svg)] == [0, 5, 0]
    assert any(text.startswith("Most of it: Sort 98%") for text in _texts(ElementTree.fromstring(svg)))


def test_spills_are_marked_and_told() -> None:
    spilling = operator("SortExec", scan("orders", 10, 1), spilled=12_300_000)
    svg = plan_picture(run_of(operator("FilterExec", spilling)))
    assert [_is_marked(row) for row in _rows(svg)] == [False, True, False]
    assert any("spilled 12.3 MB" in text for text in _texts(_rows(svg)[1]))
    assert any("12.3 MB spilled to disk" in text for text in _texts(ElementTree.fromstring(svg)))


def test_misestimates_are_marked_with_what_was_expected() -> None:
    wrong = operator("FilterExec", scan("orders", 1000, 1), rows=3, expected=200_000)
    right = operator("SortExec", wrong, rows=3, expected=5)
    svg = plan_picture(run_of(right))
    assert [_is_marked(row) for row in _rows(svg)] == [False, True, False]
    assert "▲ 200,000 expected" in _texts(_rows(svg)[1])


def test_a_plan_without_marks_has_none() -> None:
    assert "▲" not in plan_picture(star(4))


@pytest.mark.parametrize("joins", [30, 60, 200])
def test_a_large_plan_is_folded_and_says_how_many(joins: int) -> None:
    profile = star(joins)
    svg = plan_picture(profile)
    operators = len(list(walk(profile.root)))
    shown = rows_of(profile.root, frozenset(), len(_rows(svg)))
    assert len(svg.encode()) <= LIMIT_BYTES
    assert 10 <= len(_rows(svg)) <= MOST_ROWS
    (note,) = [text for text in _texts(ElementTree.fromstring(svg)) if "are folded" in text]
    assert note == f"{sum(row.folded for row in shown):,} that took little are folded."
    assert any(text.startswith(f"{operators:,} operators, ") for text in _texts(ElementTree.fromstring(svg)))


def test_of_150_operators_each_that_took_time_is_to_be_seen() -> None:
    svg = plan_picture(star(30))
    named = [text for row in _rows(svg) for text in _texts(row) if text.startswith("Inner key_")]
    assert len(named) >= 28
    assert any("fact.parquet" in text for row in _rows(svg) for text in _texts(row))


@given(_plans(), st.integers(1, 30))
@settings(max_examples=120, deadline=None)
def test_every_operator_is_in_exactly_one_row(root: OperatorProfile, most: int) -> None:
    shown = rows_of(root, frozenset(), most)
    numbers = sorted(each.number for row in shown for each in row.operators)
    assert numbers == [each.number for each in operator_times(root)]
    assert len(shown) <= most
    assert shown[0].parent is None
    assert all(row.parent is not None and row.parent < place for place, row in enumerate(shown) if place)


@given(_plans())
@settings(max_examples=60, deadline=None)
def test_what_spilled_is_folded_last(root: OperatorProfile) -> None:
    spilled = sum(each.metrics.get("spilled_bytes", 0) > 0 for each in walk(root))
    shown = rows_of(root, frozenset(), spilled + 1 + 2 * len(list(walk(root))) // 3)
    firsts = [row.first.operator for row in shown if row.spilled_bytes]
    assert all(each.metrics.get("spilled_bytes", 0) for each in firsts) or len(firsts) < spilled


def test_joins_of_a_large_plan_stay_in_few_lanes() -> None:
    def bushy(depth: int) -> OperatorProfile:
        if depth == 0:
            return scan("t", 10, 1)
        return operator("HashJoinExec", bushy(depth - 1), bushy(depth - 1))

    root = bushy(7)
    assert max(row.lane for row in rows_of(root, frozenset(), 10**6)) == 7  # of 255 operators


def test_a_deep_plan_is_drawn_without_recursion() -> None:
    root = scan("orders", 10, 1)
    for _ in range(5_000):
        root = operator("FilterExec", root)
    assert len(plan_picture(run_of(root)).encode()) <= LIMIT_BYTES


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_picture_is_xml_whatever_the_names_are(view: str, name: str) -> None:
    display = f"FilterExec: {name}<script>alert('&\"]]>')</script>\x00\x1b\ufffe"
    root = operator(name or "FilterExec", operator("FilterExec", scan(name, 5, 1), display=display))
    svg = plan_picture(run_of(root, view))
    parsed = ElementTree.fromstring(svg)
    assert not list(parsed.iter(f"{SVG}script"))
    assert len(_rows(svg)) == 3


@pytest.mark.parametrize("limit", [4_500, 6_000, 9_000, 14_000, 20_000])
def test_a_picture_keeps_to_the_room_it_is_given(limit: int) -> None:
    long = operator("FilterExec", star(20).root, display="FilterExec: " + "ünï = 1 AND " * 400)
    svg = plan_picture(run_of(long), limit_bytes=limit)
    assert len(svg.encode()) <= limit
    assert len(_rows(svg)) >= 3


def test_where_there_is_little_room_titles_go_before_operators() -> None:
    profile = star(2)
    whole = plan_picture(profile)
    smaller = plan_picture(profile, limit_bytes=len(whole.encode()) - 1)
    assert "<title>" in whole
    assert "<title>" not in smaller
    assert len(_rows(smaller)) == len(_rows(whole)) == 12


def test_titles_give_the_whole_of_what_is_cut() -> None:
    display = "FilterExec: " + " AND ".join(f"column_{number} > {number}" for number in range(12))
    svg = plan_picture(run_of(operator("FilterExec", scan("orders", 5, 1), display=display[:190])))
    title = _rows(svg)[0].find(f"{SVG}title")
    assert title is not None
    assert str(title.text).startswith(display[:190])
    assert "100 rows" in str(title.text)


def test_those_who_cannot_see_it_are_told_what_it_is() -> None:
    parsed = ElementTree.fromstring(plan_picture(star(1)))
    assert parsed.get("role") == "img"
    assert parsed.get("aria-label") == "Plan of revenue: 7 operators, 0.11 s of CPU time"


def test_a_picture_needs_nothing_from_elsewhere_and_disturbs_no_other_in_a_page() -> None:
    svg = plan_picture(star(1))
    assert "prefers-color-scheme:dark" in svg
    assert not [word for word in ("href", "url(", "@import", "<script", "<image", " id=") if word in svg]
    (style,) = ElementTree.fromstring(svg).iter(f"{SVG}style")
    selectors = re.findall(r"[{},]?([^{},]+)\{", re.sub(r"@media\([^)]*\)\{", "}", str(style.text)))
    assert [each for each in selectors if not each.startswith(".dfplan")] == []


def test_a_plan_that_measured_nothing_has_a_picture() -> None:
    root = operator("FilterExec", operator("DataSourceExec", milliseconds=None, span=None), milliseconds=None)
    svg = plan_picture(run_of(replace(root, output_rows=None)))
    assert [_heat(row) for row in _rows(svg)] == [0, 0]


def test_small_numbers_of_rows_are_no_misestimates() -> None:
    few = operator("FilterExec", scan("orders", 31, 1), rows=1, expected=11)
    svg = plan_picture(run_of(operator("SortExec", few, rows=1)))
    assert [_is_marked(row) for row in _rows(svg)] == [False, False, False]
    assert "▲" not in svg


def test_what_was_not_recorded_is_told_from_nothing() -> None:
    unknown = operator("WorkTableExec", rows=None, milliseconds=None, span=None)
    svg = plan_picture(run_of(operator("FilterExec", unknown, rows=0)))
    assert ["0" in _texts(row) for row in _rows(svg)] == [True, False]
    assert ["\u2013" in _texts(row) for row in _rows(svg)] == [False, True]
    assert any("\u2013 is not recorded." in text for text in _texts(ElementTree.fromstring(svg)))
    assert "\u2013" not in plan_picture(run_of(scan("orders", 0, 1)))


def test_the_costliest_are_told_with_their_shares_however_long_their_names_are() -> None:
    svg = plan_picture(run_of(operator("SortExec", scan("orders_" * 30, 10, 50), milliseconds=50)))
    (most,) = [text for text in _texts(ElementTree.fromstring(svg)) if text.startswith("Most of it")]
    assert most == "Most of it: Sort 50%, DataSource orders_orders_or… 50%"


def test_tables_are_named_of_scans_that_are_folded() -> None:
    folded = [text for row in _rows(plan_picture(star(30))) for text in _texts(row) if "dim_29" in text]
    assert folded == ["Inner key_29 · 4 folded: dim_29.parquet"]


def test_a_picture_takes_the_width_of_its_place_and_keeps_its_form() -> None:
    parsed = ElementTree.fromstring(plan_picture(star(1)))
    assert parsed.get("width") is None
    assert parsed.get("height") is None
    assert re.fullmatch(r"0 0 720 \d+", str(parsed.get("viewBox")))


def test_no_name_turns_the_direction_of_what_follows_it() -> None:
    overriding = operator("FilterExec", display="FilterExec: \u202eevil\u2066 = 1")
    svg = plan_picture(run_of(operator("FilterExec", overriding), "a\u202eb"))
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(svg)
    assert "\ufffdevil\ufffd = 1" in svg


def test_figures_of_long_runs_over_many_rows_keep_to_their_columns() -> None:
    slow = operator("SortExec", scan("orders", 10**12, 9e9), rows=10**12, milliseconds=7e9, spilled=10**15)
    texts = [text for row in _rows(plan_picture(run_of(slow))) for text in _texts(row)]
    assert "▲ spilled 1.0 PB" in texts
    assert {"1,944 h", "2,500 h", "1,000,000,000,000"} <= set(texts)
