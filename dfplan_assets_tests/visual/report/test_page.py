"""Texts of the project are hostile here: they must reach the page as texts, and as nothing else."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from dfplan_assets.cli import main
from dfplan_assets.project.check_words import rule_in_words
from dfplan_assets.project.data_checks import (
    AcceptedValues,
    Expression,
    Relationship,
    RowCount,
    Rule,
    Unique,
)
from dfplan_assets.visual.report.graph_layout import graph_layout
from dfplan_assets.visual.report.model import Column, Detail, Report, ReportedSource, ReportedView, Run
from dfplan_assets.visual.report.packing import json_in_html, packed, unpacked
from dfplan_assets.visual.report.page import SCRIPTS, page
from dfplan_assets_tests.small_projects import write_project

IMAGE = "<img src=x onerror=window.broken=1>"
HOSTILE = (
    f"</script>{IMAGE}",
    "<!-- <script>",
    "\u2028\u2029\u0000\ud800",
    "{{script}} {{data}}",
    "$& $1 \\u0041 \\",
    "'\"`&lt;&amp;",
    "__proto__",
)


class Elements(HTMLParser):
    """The elements of a page in their order, with their attributes, and the texts of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def elements(document: str) -> Elements:
    parsed = Elements()
    parsed.feed(document)
    return parsed


def view_of(name: str, text: str = "", **changes: Any) -> ReportedView:
    view = ReportedView(
        name=name,
        group=text,
        description=text,
        owners=(text,),
        tags=((text, text),),
        file=text,
        state="stale",
        because=(text,),
        slower=text,
        partitions=None,
        reads=(),
        columns=(Column(text, text, True, ((text, text),), ((text, text),)),),
        rows_decided_by=((text, text),),
        functions=(text,),
        sql=text,
        parameters=((text, text),),
        checks=(),
        rows=None,
        bytes=None,
        published_at=None,
        expected=None,
        latest=None,
        measured=None,
        compared=None,
        detail=packed(
            Detail(logical_plan=text, operators=(), picture=None, timeline=None, runs=(), problem=text)
        ),
    )
    return replace(view, **changes)


def report_of(*views: ReportedView, text: str = "shop") -> Report:
    return Report(
        project=text,
        made_at="2026-03-02T10:00:00Z",
        version="1",
        notes=(text,),
        work_seconds=0.0,
        runs_shown=60,
        views=views,
        sources=(ReportedSource(text, text, text, text, ((text, text),)),),
        graph=graph_layout({view.name: () for view in views}, {}),
        last_run=None,
        next_run=None,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_data_and_nothing_else(text: str) -> None:
    report = report_of(view_of(text, text), text=text)
    written = page(report)
    plain = elements(page(report_of()))
    parsed = elements(written)
    assert [tag for tag, _ in parsed.found] == [tag for tag, _ in plain.found]
    document = json.loads(parsed.scripts[0])
    assert document["project"] == text
    assert document["views"][0]["name"] == document["views"][0]["sql"] == text
    assert unpacked(document["views"][0]["detail"])["logical_plan"] == text
    assert parsed.scripts[1] == plain.scripts[1]


def test_data_in_a_page_is_plain_ascii_without_tags() -> None:
    written = json_in_html(list(HOSTILE))
    assert written.isascii()
    assert not set("<>&") & set(written)
    assert json.loads(written) == list(HOSTILE)


def test_only_its_own_script_may_run_and_nothing_is_loaded() -> None:
    document = page(report_of(view_of("a")))
    parsed = elements(document)
    (policy,) = [
        attributes["content"] or "" for tag, attributes in parsed.found if "http-equiv" in attributes
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    script = re.search(r"<script>(.*?)</script>", document, re.DOTALL)
    assert script is not None
    digest = sha256(script[1].encode()).digest()
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules["img-src"] == "data:"
    for _, attributes in parsed.found:
        assert "src" not in attributes
        assert not (attributes.get("href") or "#").partition("#")[0]
    assert "http://" not in document.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in document


def test_the_script_never_makes_markup_of_texts() -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page(report_of()), re.DOTALL)
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert name not in script


def test_what_is_packed_is_small_and_comes_back() -> None:
    runs = [
        Run(
            started_at="2026-03-02T10:00:00Z",
            status="succeeded",
            attempt=1,
            wall_seconds=0.5,
            cpu_seconds=None,
            rows=10,
            bytes=100,
            spilled_bytes=0,
            plan=0,
            partition=None,
        )
    ] * 60
    text = packed(runs)
    assert unpacked(text) == [vars(runs[0])] * 60
    assert len(text) < 1000


def test_rules_of_checks_are_said_in_words() -> None:
    said: dict[Rule, str] = {
        Unique(("id",)): "No two rows have the same id; nulls do not count.",
        AcceptedValues("status", ("open", 1)): "Every status is one of 'open', 1, or null.",
        Relationship("customer", "customers", "id"): "Every customer is in customers.id, or null.",
        RowCount(1, 1000): "There must be at least 1 and at most 1,000 rows.",
        Expression("total >= 0"): "For every row holds, or is null: total >= 0",
    }
    assert {rule: rule_in_words(rule) for rule in said} == said


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the command chromium")
def test_a_browser_shows_hostile_texts_as_texts(tmp_path: Path) -> None:
    name = "a <b><i onclick=x()>'\" & {{x}}"
    views = {
        "groups <b>/hostile.sql": (
            f"/* ---\nname: {json.dumps(name)}\n"
            f"description: {json.dumps(IMAGE + '<script>1</script>')}\n--- */\n"
            f"select '{IMAGE}' as \"{IMAGE}\", '</script><script>window.broken = 1</script>' as other"
        )
    }
    folder = write_project(tmp_path / "shop", views)
    target = tmp_path / "report.html"
    made = CliRunner().invoke(main, ["--project", str(folder), "report", "--output", str(target)])
    assert made.exit_code == 0, made.output
    shown = shown_by_chromium(f"{target.as_uri()}#view={quote(name, safe='')}", tmp_path / "browser")
    parsed = elements(shown)
    tags = [tag for tag, _ in parsed.found]
    assert "img" not in tags
    assert tags.count("script") == 2
    page_of_view = next(attributes for tag, attributes in parsed.found if "data-ready" in attributes)
    assert page_of_view["data-view"] == name
    assert page_of_view["data-ready"] == ""
    assert "&lt;img src=x onerror=window.broken=1&gt;" in shown.partition("<main")[2].partition("</main>")[0]


def shown_by_chromium(address: str, profile: Path) -> str:
    """The page's elements once its script has run."""
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    flags += " --disable-background-networking --disable-component-update --virtual-time-budget=3000"
    command = ["chromium", *flags.split(), f"--user-data-dir={profile}", "--dump-dom", address]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_every_part_of_the_script_is_in_the_page() -> None:
    parts = {path.name for path in (files("dfplan_assets.visual.report") / "template/script").iterdir()}
    assert parts == set(SCRIPTS)
