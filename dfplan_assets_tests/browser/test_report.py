"""The report as a person uses it: opened from the disk, in a browser that has no network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from dfplan_assets.cli import main
from dfplan_assets_tests.browser.chromium import PATIENCE_MILLISECONDS, browser
from dfplan_assets_tests.browser.pages import Report
from dfplan_assets_tests.small_projects import write_shop

HOSTILE = "a <img src=x onerror=alert(1)>'\"&"
ARABIC = "مبيعات"
CHECKED = """\
/* ---
checks:
  - not_null: id
  - {expression: price < 20, severity: warn}
--- */
select id, price from orders
"""


def invoke(folder: Path, *arguments: str) -> None:
    done = CliRunner().invoke(main, ["--project", str(folder), *arguments])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a shop that ran once, and then got names that try to be something else."""
    folder = write_shop(tmp_path_factory.mktemp("shop"), checked=CHECKED)
    views = folder / "views"
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("DAGSTER_HOME", raising=False)
        invoke(folder, "run")
        front_matter = f"name: {json.dumps(HOSTILE)}\ndescription: {json.dumps('</script>' + HOSTILE)}"
        (views / "hostile.sql").write_text(f"/* ---\n{front_matter}\n--- */\nselect 1 as a", "utf-8")
        (views / f"{ARABIC}.sql").write_text("select 2 as b", "utf-8")
        invoke(folder, "report", "--output", str(folder / "report.html"))
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    """A page without a network; whatever its console says, or it asks for, is a failure.

    It comes after the report: Dagster cannot run where Playwright's event loop does.
    """
    del address
    with browser() as chromium:
        context = chromium.new_context(offline=True, viewport={"width": 1200, "height": 900})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        opened = context.new_page()
        said: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("dialog", lambda dialog: said.append(dialog.message))
        opened.on("request", lambda request: said.append(request.url) if "http" in request.url[:4] else None)
        yield opened
        assert said == []


def test_a_view_is_found_by_keys_alone_and_the_way_back_leads_back(page: Page, address: str) -> None:
    report = Report.open(page, Path(address.removeprefix("file://")))
    expect(report.heading).to_have_text("test")
    expect(report.search("reven").first).to_contain_text("revenue")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "search"
    expect(report.search("price").first).to_contain_text("price")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+a")
    page.keyboard.type("best")
    page.keyboard.press("Enter")
    expect(report.heading).to_have_text("best")
    page.go_back()
    expect(report.heading).to_have_text("test")
    page.go_forward()
    expect(report.heading).to_have_text("best")


def test_a_link_leads_to_a_view_whatever_its_name_is(page: Page, address: str) -> None:
    report = Report.open(page, Path(address.removeprefix("file://")))
    for name in (HOSTILE, ARABIC, "mart.cheap"):
        page.evaluate("name => { location.hash = `view=${encodeURIComponent(name)}`; }", name)
        expect(report.heading).to_have_text(name)
        expect(page.locator("[data-page=view][data-ready]")).to_be_visible()
    assert page.locator("main img").count() == 0
    page.goto(f"{address}#view=nobody")
    expect(report.heading).to_have_text("There is no such view or table")


def test_checks_show_what_they_found(page: Page, address: str) -> None:
    page.goto(f"{address}#view=checked&section=checks")
    found = page.locator("#checks [data-outcome]")
    expect(found).to_have_text(["passed", "warned"])
    expect(page.locator("#checks")).to_contain_text("2 of 3 rows (66.7 %): price < 20 does not hold")
    page.goto(f"{address}#overview")
    expect(page.locator("#attention [data-unmet]")).to_contain_text("checked: ")


def test_all_that_can_be_used_has_a_name_and_shows_where_the_focus_is(page: Page, address: str) -> None:
    for route in ("overview", "views", "graph", "view=revenue"):
        page.goto(f"{address}#{route}")
        expect(page.locator("h1")).to_have_count(1)
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('a, button, input, select, canvas, [tabindex="0"]')]
                .filter(each => !each.ariaLabel && !each.textContent.trim() && !each.querySelector('title'))
                .map(each => each.outerHTML)"""
        )
        assert unnamed == []
        page.keyboard.press("Tab")
        assert re.match(r"solid", page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))


def test_it_is_as_wide_as_a_small_window_and_prints_dark_on_white(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for route in ("overview", "view=revenue", "view=checked"):
        page.goto(f"{address}#{route}")
        expect(page.locator("h1")).to_be_visible()
        beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(beyond) == 0
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    page.emulate_media(media="screen", color_scheme="light")
    assert max(map(int, re.findall(r"\d+", ink))) < 100
