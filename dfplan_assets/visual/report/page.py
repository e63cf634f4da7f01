"""The report as one HTML page: a frame, its style and script, and the report as JSON, all in one file.

The page loads nothing and sends nothing: its content security policy allows its own script, known by its
hash, and its own style, and nothing else. All that comes from the project is put into the page as text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from html import escape
from importlib.resources import files

from dfplan_assets.visual.report.model import Report
from dfplan_assets.visual.report.packing import json_in_html

SCRIPTS = (
    "words.js",
    "elements.js",
    "data.js",
    "sql.js",
    "charts.js",
    "graph.js",
    "search.js",
    "overview.js",
    "table.js",
    "view.js",
    "app.js",
)
"""The parts of the page's one script, in the order in which they stand in it."""

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(report: Report) -> str:
    """The page of a report: a whole HTML document."""
    script = _script()
    parts = {
        "title": f"{escape(report.project)} · dfplan",
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "style": _template("style.css"),
        "data": json_in_html(report),
        "script": script,
    }
    # In one pass: what is put in may itself hold what looks like a place.
    return _PLACE.sub(lambda place: parts[place[1]], _template("page.html"))


@lru_cache
def _script() -> str:
    inside = "\n".join(_template(f"script/{name}") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{inside}\n}})();\n'


def _template(name: str) -> str:
    return (files("dfplan_assets.visual.report") / "template" / name).read_text(encoding="utf-8")
