"""A headless Chromium that reaches this machine alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

REQUIRED_VARIABLE = "DFPLAN_TESTS_NEED_CHROMIUM"
PATIENCE_MILLISECONDS = 60_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_HERE = {"127.0.0.1", "localhost", "::1"}
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def installed_chromium() -> str:
    """The path of Chromium; the test that asks is skipped where there is none, and fails where it must be."""
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        missing = "Chromium is not installed. On Debian: apt-get install chromium"
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{missing} ({REQUIRED_VARIABLE} says that it must be there.)")
        pytest.skip(missing)
    return found


@dataclass
class Window:
    """One window of the browser, the screenshots taken in it, and what it asked of other machines."""

    page: Page
    folder: Path
    asked_elsewhere: list[str] = field(default_factory=list)

    def shoot(self, name: str, *, whole: bool = False) -> None:
        """Keep what the window shows as ``name.png``; ``whole`` takes the page beyond the window's edge."""
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=whole)

    def block(self, route: Route) -> None:
        """Let a request to this machine through, note and stop any other."""
        address = urlsplit(route.request.url)
        if address.scheme in {"http", "https"} and address.hostname not in _HERE:
            self.asked_elsewhere.append(route.request.url)
            route.abort()
        else:
            route.continue_()


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium: the browsers that Playwright would download are not used."""
    path = installed_chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield launched
        finally:
            launched.close()


def open_window(
    browser: Browser,
    folder: Path,
    theme: Literal["light", "dark"] = "light",
    width: int = 1400,
    height: int = 1000,
) -> Window:
    """A window with a profile of its own, whose screenshots go to ``folder``; sizes in pixels."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    # Dagster's own switch, which its settings page writes.
    chosen = theme.capitalize()
    context.add_init_script(f"localStorage.setItem('dagster-theme', JSON.stringify('{chosen}'))")
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    window = Window(context.new_page(), folder)
    context.route("**/*", window.block)
    return window
