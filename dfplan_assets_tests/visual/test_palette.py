"""Colours can be read and told apart by everybody, in both themes, in the pictures and in the report.

Contrast is that of WCAG 2.2: (lighter + 0.05) / (darker + 0.05) of relative luminances, from 1 to 21.
"""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise

import pytest

from dfplan_assets.visual.svg import DEPTH, HEAT, picture

READABLE = 4.5  # level AA for text of ordinary size
THEMES = ("light", "dark")
Colour = tuple[float, float, float]


def colours(text: str) -> dict[str, Colour]:
    return {name: _colour(value) for name, value in re.findall(r"--([\w-]+):\s*#([0-9a-f]+)", text)}


def _colour(digits: str) -> Colour:
    whole = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    red, green, blue = (int(whole[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return red, green, blue


def luminance(colour: Colour) -> float:
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def over(colour: Colour, ground: Colour, opacity: float) -> Colour:
    """A colour that lets some of the ground through."""
    red, green, blue = (opacity * a + (1 - opacity) * b for a, b in zip(colour, ground, strict=True))
    return red, green, blue


def of_pictures(theme: str) -> dict[str, Colour]:
    """The colours of the pictures: dark ones replace light ones in a media query."""
    style = picture("plan", 1, 1, "", HEAT + DEPTH, ())
    dark = "".join(re.findall(r"@media\(prefers-color-scheme:dark\)\{(.*?\})\}", style))
    light = style
    for block in re.findall(r"@media\(prefers-color-scheme:dark\)\{.*?\}\}", style):
        light = light.replace(block, "")
    return colours(light) if theme == "light" else colours(dark)


def of_report(theme: str) -> dict[str, Colour]:
    """The colours of the report's page: its style has them light, dark by choice, and dark by itself."""
    style = (files("dfplan_assets.visual.report") / "template" / "style.css").read_text(encoding="utf-8")
    light, dark, by_itself = (colours(block) for block in re.findall(r":root[^{]*\{([^}]*)\}", style))
    assert dark == by_itself
    assert light.keys() == dark.keys()
    return light if theme == "light" else dark


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast(_colour("777"), _colour("fff")) == pytest.approx(4.48, abs=0.005)  # just misses AA


@pytest.mark.parametrize("theme", THEMES)
def test_texts_of_pictures_can_be_read_on_their_ground(theme: str) -> None:
    palette = of_pictures(theme)
    ground = palette["ground"]
    assert [name for name in ("text", "muted", "warn") if contrast(palette[name], ground) < READABLE] == []


@pytest.mark.parametrize("theme", THEMES)
def test_names_of_views_can_be_read_in_the_bars_of_a_gantt_chart(theme: str) -> None:
    palette = of_pictures(theme)
    bars = {name: palette[name] for name in ("d0", "h1", "d2", "h3")}
    bars["failed"] = over(palette["warn"], palette["ground"], 0.35)
    assert {name for name, bar in bars.items() if contrast(palette["text"], bar) < READABLE} == set()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("family", "levels"), [("h", 6), ("d", 5)])
def test_stronger_colours_are_told_by_their_lightness_alone(theme: str, family: str, levels: int) -> None:
    palette = of_pictures(theme)
    steps = [palette["ground"], *(palette[f"{family}{level}"] for level in range(levels))]
    from_ground = [contrast(step, palette["ground"]) for step in steps]
    assert from_ground == sorted(from_ground)
    assert [pair for pair in pairwise(steps) if contrast(*pair) < 1.1] == []


@pytest.mark.parametrize("theme", THEMES)
def test_texts_of_the_report_can_be_read(theme: str) -> None:
    palette = of_report(theme)
    inks = ["ink", "muted", "accent", "critical", "word", "string", "number"]
    inks += [name for name in palette if name.startswith("state-")]
    grounds = {name: palette[name] for name in ("ground", "surface")}
    failing = [
        (ink, name)
        for ink in inks
        for name, ground in grounds.items()
        if contrast(palette[ink], ground) < READABLE
    ]
    assert failing == []
    soft = palette["accent-soft"]
    assert min(contrast(palette[ink], soft) for ink in ("ink", "muted", "accent")) >= READABLE
    assert contrast(palette["ink"], palette["mark"]) >= READABLE


@pytest.mark.parametrize("theme", THEMES)
def test_badges_of_the_report_can_be_read(theme: str) -> None:
    palette = of_report(theme)
    tones = [name for name in palette if name.startswith("state-") or name == "critical"]
    tinted = {name: over(palette[name], palette["ground"], 0.09) for name in tones}
    assert {name for name, ground in tinted.items() if contrast(palette[name], ground) < READABLE} == set()


@pytest.mark.parametrize("theme", THEMES)
def test_nodes_of_the_graph_can_be_read_whatever_they_cost(theme: str) -> None:
    palette = of_report(theme)
    for step in range(5):
        node = palette[f"cost-{step}"]
        assert contrast(over(palette[f"cost-ink-{step}"], node, 0.9), node) >= READABLE
    nodes = [palette[f"cost-{step}"] for step in range(5)]
    assert [pair for pair in pairwise(nodes) if contrast(*pair) < 1.1] == []
