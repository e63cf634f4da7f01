from __future__ import annotations

from xml.etree import ElementTree

import pytest

from dfplan_assets.forecast.comparison import Ran
from dfplan_assets.scheduling.model import Slot
from dfplan_assets.visual.gantt import LIMIT_BYTES, MAXIMUM_ROWS, gantt
from dfplan_assets_tests.schedules import schedule_of

SVG = "{http://www.w3.org/2000/svg}"


def _bars(svg: str, styles: str) -> dict[str, tuple[float, float]]:
    """The titles of bars of these styles up to their colon, with their left edge and width in pixels."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is not None and rect is not None and group.get("class") in set(styles):
            found[str(title.text).partition(":")[0]] = (float(rect.get("x", 0)), float(rect.get("width", 0)))
    return found


def _texts(svg: str) -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


TWO_WORKERS = [Slot("a", 0, 0.0, 2.0), Slot("b", 1, 0.0, 1.0), Slot("c", 0, 2.0, 4.0)]


def test_bars_stand_where_their_times_are() -> None:
    bars = _bars(gantt(schedule_of(TWO_WORKERS)), "pc")
    unit = bars["b"][1]  # one second
    assert bars["a"][1] == pytest.approx(2 * unit, abs=0.2)
    assert bars["c"][1] == pytest.approx(2 * unit, abs=0.2)
    assert bars["c"][0] - bars["a"][0] == pytest.approx(2 * unit, abs=0.2)
    assert bars["b"][0] == bars["a"][0]


def test_the_critical_path_is_marked_and_named() -> None:
    svg = gantt(schedule_of(TWO_WORKERS, critical=["a", "c"]))
    assert set(_bars(svg, "c")) == {"a", "c"}
    assert set(_bars(svg, "p")) == {"b"}
    assert any("Critical path: a → c" in text for text in _texts(svg))


def test_workers_are_rows() -> None:
    assert [text for text in _texts(gantt(schedule_of(TWO_WORKERS))) if text.startswith("worker")] == [
        "worker 1",
        "worker 2",
    ]


def test_actual_times_stand_beside_the_predicted_ones() -> None:
    ran = [Ran("a", 0.0, 3.0, True), Ran("b", 0.0, 1.0, False), Ran("c", 3.0, 8.0, True)]
    svg = gantt(schedule_of(TWO_WORKERS, critical=["a", "c"]), ran)
    predicted, actual, failed = _bars(svg, "pc"), _bars(svg, "ka"), _bars(svg, "f")
    assert (set(predicted), set(actual), set(failed)) == ({"a", "b", "c"}, {"a", "c"}, {"b"})
    assert actual["c"][1] == pytest.approx(2.5 * predicted["c"][1], abs=0.4)
    assert _texts(svg)[0] == "Predicted 4.0 s on 2 workers, took 8.0 s"


def test_what_ran_at_once_is_never_in_one_row() -> None:
    ran = [Ran(name, 0.0, 1.0, True) for name in ("a", "b", "c", "d")]
    svg = gantt(schedule_of(TWO_WORKERS), ran)
    heights = [
        rect.get("y")
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
        if group.get("class") == "a" and group.find(f"{SVG}title") is not None
        for rect in group.iter(f"{SVG}rect")
    ]
    assert len(set(heights)) == 4


def test_a_name_is_text_whatever_is_in_it() -> None:
    name = "<script>&\"'\x00\x1b</script>"
    svg = gantt(schedule_of([Slot(name, 0, 0.0, 1.0)], critical=[name]))
    assert not list(ElementTree.fromstring(svg).iter(f"{SVG}script"))
    (title,) = _bars(svg, "c")
    assert title == "<script>&\"'\ufffd\ufffd</script>"


def test_a_label_is_cut_to_its_bar_and_the_title_says_all() -> None:
    name = "a_view_with_quite_a_long_name"
    slots = [Slot(name, 0, 0.0, 1.0), Slot("rest", 0, 1.0, 12.0)]
    svg = gantt(schedule_of(slots))
    assert name not in _texts(svg)
    assert any(text.startswith("a_view") and text.endswith("…") for text in _texts(svg))
    assert name in _bars(svg, "p")


def test_a_chart_of_a_large_run_is_small_and_says_what_it_drew_together() -> None:
    slots = [Slot(f"view_{n}", n % 4, n // 4 * 0.1, n // 4 * 0.1 + 0.1) for n in range(5_000)]
    ran = [Ran(slot.name, slot.start_seconds, slot.end_seconds, True) for slot in slots]
    svg = gantt(schedule_of(slots, workers=4), ran)
    assert len(svg.encode()) <= LIMIT_BYTES
    assert any("10,000 short bars are drawn together" in text for text in _texts(svg))


def test_a_failure_is_seen_among_a_thousand_views() -> None:
    slots = [Slot(f"view_{n}", 0, n * 0.1, n * 0.1 + 0.1) for n in range(1_000)]
    ran = [Ran(slot.name, slot.start_seconds, slot.end_seconds, slot.name != "view_500") for slot in slots]
    assert len(_bars(gantt(schedule_of(slots, workers=1), ran), "f")) == 1


def test_more_workers_than_fit_are_counted() -> None:
    slots = [Slot(f"v{n}", n, 0.0, 1.0) for n in range(MAXIMUM_ROWS + 8)]
    svg = gantt(schedule_of(slots, workers=len(slots)))
    assert "8 more workers are left out." in _texts(svg)


@pytest.mark.parametrize(
    "slots",
    [[], [Slot("a", 0, 0.0, 0.0)], [Slot("a", 0, 0.0, 1e-9)], [Slot("a", 0, 0.0, 1e6)]],
    ids=["nothing", "no time", "a nanosecond", "eleven days"],
)
def test_any_timeline_has_a_chart(slots: list[Slot]) -> None:
    ElementTree.fromstring(gantt(schedule_of(slots)))


def test_the_chart_needs_nothing_from_elsewhere_and_follows_the_colour_scheme() -> None:
    svg = gantt(schedule_of(TWO_WORKERS))
    assert "prefers-color-scheme:dark" in svg
    assert not [word for word in ("href", "url(", "@import", "<script", "<image") if word in svg]
