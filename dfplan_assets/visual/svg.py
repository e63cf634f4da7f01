"""What the pictures have in common: texts and numbers as SVG holds them, one palette, one frame.

A picture is one text without scripts, fonts, links or ids, so that it also shows as a ``data:`` image and
several stand in one page. Its colours are variables of the class ``dfplan``, in a light and a dark form
that follow the reader's colour scheme; it brings its own ground, so it can be read on any.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

_LEAST_OF_LEVEL = (0.01, 0.05, 0.12, 0.25, 0.45)  # shares from which the next stronger colour is used

_LEAST_ROOM = 3  # characters below which a text that was cut says nothing
_FIRST_WIDE = "\u1100"  # no character below it is a wide one
_FRAME_BYTES = 2_000  # about what is there without a row
_TITLE = re.compile("<title>[^<]*</title>")

# What XML 1.0 cannot hold, escaped or not, and what turns the direction of all that follows it.
_NOT_SHOWN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")

_SCHEMES = "@media(prefers-color-scheme:dark)"


def _palette(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """Colours as variables, in their dark form where the reader's scheme is dark."""
    first, second = (
        ";".join(f"--{name}:{colour}" for name, colour in each.items()) for each in (light, dark)
    )
    return f".dfplan{{{first}}}{_SCHEMES}{{.dfplan{{{second}}}}}"


def _levels(family: str, light: Sequence[str], dark: Sequence[str]) -> str:
    """Colours of a family from the weakest to the strongest, each with a class of its name."""
    names = [f"{family}{level}" for level in range(len(light))]
    classes = "".join(f".dfplan .{name}{{fill:var(--{name})}}" for name in names)
    palette = _palette(dict(zip(names, light, strict=True)), dict(zip(names, dark, strict=True)))
    return f"{palette}{classes}"


HEAT = _levels(
    "h",
    ("#eceff2", "#fbdfa6", "#f8c26b", "#f2a043", "#e0792a", "#c35015"),
    ("#30373f", "#574519", "#755317", "#935d12", "#cb731f", "#f79645"),
)
"""Style rules of the warm colours ``h0`` (next to nothing) to ``h5``, for a share of the whole."""

DEPTH = _levels(
    "d",
    ("#e9eff6", "#cbdff3", "#9dc3ea", "#639fd9", "#2f74bb"),
    ("#252e38", "#25415e", "#2c5c8c", "#3a7cbd", "#5ca6ee"),
)
"""Style rules of the cool colours ``d0`` (hardly) to ``d4``, for how busy something was."""

_HEAT_LEVELS, _DEPTH_LEVELS = 6, 5
_STYLE = (
    _palette(
        {
            "ground": "#fff",
            "frame": "#d8dee4",
            "text": "#1f2328",
            "muted": "#59636e",
            "line": "#b4bfca",
            "grid": "#e3e8ec",
            "warn": "#b3202c",
        },
        {
            "ground": "#181b1f",
            "frame": "#343b42",
            "text": "#e6edf3",
            "muted": "#99a4af",
            "line": "#525d68",
            "grid": "#2a3036",
            "warn": "#ff8f94",
        },
    )
    + ".dfplan{max-width:100%;height:auto}"
    ".dfplan text{font:11px system-ui,sans-serif;fill:var(--text);font-variant-numeric:tabular-nums}"
    ".dfplan .t{font-size:14px;font-weight:600}.dfplan .s{font-size:12px;font-weight:600}"
    ".dfplan .m{fill:var(--muted)}.dfplan .w{fill:var(--warn);font-weight:600}"
    ".dfplan text.e{text-anchor:end}.dfplan text.c{text-anchor:middle}"
    ".dfplan .ground{fill:var(--ground);stroke:var(--frame)}.dfplan .grid{stroke:var(--grid)}"
)


def picture(kind: str, width: float, height: float, label: str, style: str, parts: Iterable[str]) -> str:
    """A whole picture, drawn in pixels of this size: ``label`` for those who cannot see it, its own rules.

    It has the form of that size, but takes the width of the place where it is shown: Dagster cuts an image
    that has a width of its own and is wider than its dialog.

    The rules stand behind the class ``dfplan-KIND``, so that pictures in one page do not disturb each other;
    with ``HEAT`` and ``DEPTH`` where they are used.
    """
    w, h = px(width), px(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dfplan dfplan-{kind}" viewBox="0 0 {w} {h}" '
        f'role="img" aria-label={attribute(label)}>'
        f"<style>{_STYLE}{style}</style>"
        f'<rect class="ground" x=".5" y=".5" width="{px(width - 1)}" height="{px(height - 1)}" rx="6"/>'
        f"{''.join(parts)}</svg>"
    )


def within(limit_bytes: int, draw: Callable[[int], str], *, most: int, fewest: int) -> str:
    """A picture of at most ``most`` rows that takes at most ``limit_bytes``; of ``fewest`` where none does.

    ``draw`` makes it with at most so many rows. Titles, which show only under the mouse, go before rows do.
    """
    allowed = max(fewest, most)
    while True:
        drawn = draw(allowed)
        if len(drawn.encode()) > limit_bytes:
            drawn = _TITLE.sub("", drawn)
        size = len(drawn.encode())
        if size <= limit_bytes or allowed == fewest:
            return drawn
        allowed = max(fewest, min(allowed - 1, int((limit_bytes - _FRAME_BYTES) / size * allowed)))


def text(x_pixels: float, y_pixels: float, content: str, style: str = "") -> str:
    """A line of text, nothing where it is empty. Styles: ``t``itle, ``s``trong, ``m``uted, ``w``arning;
    ``e`` ends at the place, ``c`` is centred on it.
    """
    if not content:
        return ""
    styled = f' class="{style}"' if style else ""
    return f'<text{styled} x="{px(x_pixels)}" y="{px(y_pixels)}">{xml(content)}</text>'


def heat(share: float) -> str:
    """The class of the colour of a share of the whole: the larger, the stronger.

    >>> heat(0.0), heat(0.3), heat(1.0)
    ('h0', 'h4', 'h5')
    """
    return f"h{bisect_right(_LEAST_OF_LEVEL, share)}"


def heat_legend(x_pixels: float, y_pixels: float) -> str:
    """The warm colours from the weakest to the strongest, 72 pixels wide, its upper left corner given.

    They begin at the shares that ``heat`` tells apart.
    """
    return _legend("h", _HEAT_LEVELS, x_pixels, y_pixels)


def depth_legend(x_pixels: float, y_pixels: float) -> str:
    """The cool colours from the weakest to the strongest, 60 pixels wide, its upper left corner given."""
    return _legend("d", _DEPTH_LEVELS, x_pixels, y_pixels)


def _legend(family: str, levels: int, x_pixels: float, y_pixels: float) -> str:
    place = f'y="{px(y_pixels)}" width="12" height="8"'
    return "".join(
        f'<rect class="{family}{level}" x="{px(x_pixels + 12 * level)}" {place}/>' for level in range(levels)
    )


def cut(text: str, room: float) -> str:
    """As much of a text as ``room`` characters hold, with ``…`` where it was cut; nothing below three.

    A wide character counts as two.
    """
    if text.isascii() or max(text) < _FIRST_WIDE:
        if len(text) <= room:
            return text
        return f"{text[: int(room - 1)]}…" if room >= _LEAST_ROOM else ""
    widths = [2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text]
    if sum(widths) <= room:
        return text
    if room < _LEAST_ROOM:
        return ""
    used, kept = 1, 0
    for width in widths:
        if used + width > room:
            break
        used, kept = used + width, kept + 1
    return text[:kept] + "…"


def xml(text: str) -> str:
    """A text as XML holds it."""
    if text.isascii() and text.isprintable():
        return escape(text)
    return escape(_NOT_SHOWN.sub("\ufffd", text))


def attribute(text: str) -> str:
    """A text as the value of an attribute, in quotes."""
    return quoteattr(_NOT_SHOWN.sub("\ufffd", text))


def px(number: float) -> str:
    """A coordinate to a tenth of a pixel, as short as can be."""
    return f"{number:.1f}".removesuffix(".0")
