from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfplan_assets.visual.operator_timeline import LIMIT_BYTES, MOST_ROWS, operator_timeline
from dfplan_assets_tests.visual.operators import operator, run_of, scan, star

SVG = "{http://www.w3.org/2000/svg}"


def _bars(svg: str) -> list[tuple[float, float, int]]:
    """Left edge, width and depth of colour of each bar, from the top down."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        if rect is not None and group.get("class") is None:  # the legend has one
            depth = re.findall(r"d(\d)", rect.get("class", ""))
            found.append((float(rect.get("x", 0)), float(rect.get("width", 0)), int(depth[0])))
    return found


def _texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_bars_stand_where_the_operators_began_and_ended() -> None:
    first = operator("SortExec", span=(0.0, 1.0))
    second = operator("FilterExec", first, span=(1.0, 4.0))
    (above, below) = _bars(operator_timeline(run_of(second)))
    second_wide = below[1]
    assert above[1] == pytest.approx(3 * second_wide, abs=0.3)
    assert above[0] - below[0] == pytest.approx(second_wide, abs=0.2)


def test_a_bar_is_the_stronger_the_busier_its_operator_was() -> None:
    waiting = operator("SortExec", milliseconds=1, partitions=2, span=(0.0, 1.0))
    half = operator("FilterExec", waiting, milliseconds=1000, partitions=2, span=(0.0, 1.0))
    busy = operator("AggregateExec", half, milliseconds=2000, partitions=2, span=(0.0, 1.0))
    svg = operator_timeline(run_of(busy))
    assert [depth for _, _, depth in _bars(svg)] == [4, 3, 0]
    assert {"100%", "50%", "0%"} <= set(_texts(svg))


def test_operators_that_record_no_moments_are_counted() -> None:
    root = operator("DataSinkExec", operator("SortExec"), operator("EmptyExec", span=None), span=None)
    svg = operator_timeline(run_of(root))
    assert len(_bars(svg)) == 1
    assert "2 record no times." in _texts(svg)


def test_where_there_are_too_many_the_costliest_are_shown_and_the_others_counted() -> None:
    profile = star(30)  # 152 operators
    svg = operator_timeline(profile)
    shown = len(_bars(svg))
    assert 20 <= shown <= MOST_ROWS
    assert len(svg.encode()) <= LIMIT_BYTES
    assert f"{152 - shown:,} operators that took least are left out." in _texts(svg)
    assert sum("Inner key_" in text for text in _texts(svg)) >= 20


def test_spills_are_marked() -> None:
    root = operator("SortExec", scan("orders", 10, 1), spilled=10**7)
    assert "▲ spilled to disk" in _texts(operator_timeline(run_of(root)))
    assert "▲ spilled to disk" not in _texts(operator_timeline(star(1)))


def test_an_execution_of_no_measurable_time_has_a_timeline() -> None:
    root = operator("SortExec", span=(0.0, 0.0))
    assert len(_bars(operator_timeline(run_of(root)))) == 1
    nothing = operator("SortExec", span=None)
    assert _bars(operator_timeline(run_of(nothing))) == []


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=40, deadline=None)
def test_a_timeline_is_xml_whatever_the_names_are(view: str, name: str) -> None:
    display = f"FilterExec: {name}</text><script>'\"&\x00\x0b]]>"
    svg = operator_timeline(run_of(operator("FilterExec", scan(name, 5, 1), display=display), view))
    assert not list(ElementTree.fromstring(svg).iter(f"{SVG}script"))
    assert len(_bars(svg)) == 2


@pytest.mark.parametrize("limit", [4_500, 6_000, 9_000, 20_000])
def test_a_timeline_keeps_to_the_room_it_is_given(limit: int) -> None:
    assert len(operator_timeline(star(40), limit_bytes=limit).encode()) <= limit


def test_a_timeline_says_what_it_is_and_needs_nothing_from_elsewhere() -> None:
    svg = operator_timeline(star(1))
    assert ElementTree.fromstring(svg).get("aria-label") == "Timeline of revenue: 7 operators in 1.0 s"
    assert "prefers-color-scheme:dark" in svg
    assert not [word for word in ("href", "url(", "@import", "<script", "<image", " id=") if word in svg]
